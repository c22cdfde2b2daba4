"""``skvideo3d demo``, run once in full: what its report says is what was done."""

import re
import shutil
import sys
from collections import Counter

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.model_selection import (
    LeaveOneOut,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer
from skvideo3d.cli import main
from skvideo3d.feature_extraction.store import DescriptorStore, open_store

_ACTIONS = ["translate_left", "rotate_clockwise", "oscillate_vertically", "still"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, worker_id):
    """What the command left, its report in first.md too; one run for all processes of xdist."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "demo"
    with FileLock(f"{folder}.lock"):
        if not (folder / "first.md").exists():
            assert main(["demo", "--folder", str(folder)]) == 0
            shutil.copy(folder / "report.md", folder / "first.md")
    return folder


@pytest.fixture(scope="module")
def report(folder):
    return (folder / "first.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(folder):
    """The descriptors that the demo left, with what its videos are called."""
    videos = sorted(map(str, (folder / "videos").glob("*.mp4")))
    store = DescriptorStore(folder / "descriptors")
    before = store.readings()
    describer = C3DTransformer("compact", memory=folder / "descriptors")
    rows = describer.transform(videos)
    assert store.readings() == before, "the demo's own descriptors were to be found"
    # Every run of as many videos as there are classes is one place with all actions.
    numbers = np.arange(len(videos))
    return rows, numbers % len(_ACTIONS), numbers // len(_ACTIONS)


@pytest.fixture(scope="module")
def again(folder):
    """The report of a second run, to which matplotlib is not installed."""
    with FileLock(f"{folder}.lock"):
        if not (folder / "second.md").exists():
            open_store.cache_clear()  # it finds what is on disk only, as another process does
            with pytest.MonkeyPatch.context() as patch:
                for name in ["matplotlib", *sys.modules]:
                    if name.partition(".")[0] == "matplotlib":
                        patch.setitem(sys.modules, name, None)
                assert main(["demo", "--folder", str(folder)]) == 0
            shutil.copy(folder / "report.md", folder / "second.md")
    return (folder / "second.md").read_text(encoding="utf-8")


def accuracy(report, what):
    return float(re.search(rf"\| {what} \| ([0-9.]+) \|", report)[1])


@pytest.mark.slow
def test_the_report_says_which_network_it_is(report):
    assert "The network is the compact one that comes with the package" in report
    assert "generated clips alone" in report


@pytest.mark.slow
def test_there_is_a_picture_and_the_report_shows_it(folder, report):
    content = (folder / "demo.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) > 10_000
    assert "](demo.png)" in report
    with Image.open(folder / "demo.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    left = pixels[:, : pixels.shape[1] // 2]
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > 1000  # frames of videos, not a blank


@pytest.mark.slow
def test_the_videos_are_real_h264_files_of_every_motion_and_place(folder, report):
    import av

    videos = sorted((folder / "videos").glob("*.mp4"))
    assert len(videos) == 24
    for path in videos:
        with av.open(str(path)) as container:
            assert container.streams.video[0].codec_context.name == "h264"
    assert "24 generated H.264 files of 24 frames: 4 motions" in report
    assert all(action in report for action in _ACTIONS)


@pytest.mark.slow
def test_every_video_was_decoded_once_and_the_report_says_so(folder, report):
    readings = Counter(DescriptorStore(folder / "descriptors").readings())
    videos = (folder / "videos").glob("*.mp4")
    assert readings == Counter(map(str, videos))
    # Twice 24 folds, 4 settings in 3 folds, and the best of them once more.
    assert "Videos decoded in 61 fits of the pipeline in three processes: 24 of 24, once" in report


@pytest.mark.slow
def test_the_accuracies_are_those_of_a_plain_svm_on_the_stored_descriptors(report, rows):
    descriptors, motions, places = rows
    for what, labels in (("which motion", motions), ("which place", places)):
        svm = LinearSVC(C=10.0, random_state=0)
        predicted = cross_val_predict(svm, descriptors, labels, cv=LeaveOneOut())
        assert accuracy(report, what) == pytest.approx((predicted == labels).mean(), abs=0.006)


@pytest.mark.slow
def test_the_best_settings_are_those_of_a_search_by_hand(report, rows):
    descriptors, motions, _ = rows
    scores = {}
    for n_components in (4, 8):
        for c in (1, 10):
            model = make_pipeline(PCA(n_components, random_state=0), LinearSVC(C=c, random_state=0))
            folds = StratifiedKFold(3)
            scores[n_components, c] = cross_val_score(model, descriptors, motions, cv=folds).mean()
    found = re.search(r"best accuracy ([0-9.]+) with (\d+) PCA components and C = (\d+)", report)
    best = max(scores.values())
    assert float(found[1]) == pytest.approx(best, abs=0.006)
    assert scores[int(found[2]), int(found[3])] == pytest.approx(best)


@pytest.mark.slow
def test_motions_are_told_apart_and_chance_stands_beside(report):
    assert accuracy(report, "which motion") > 0.5
    assert re.search(r"which place \| [0-9.]+ \| 0\.17 \|", report)
    assert re.search(r"which motion \| [0-9.]+ \| 0\.25 \|", report)


@pytest.mark.slow
def test_a_second_run_decodes_nothing_says_so_and_finds_the_same(folder, report, again):
    assert "none; an earlier run left their descriptors here" in again
    assert len(DescriptorStore(folder / "descriptors").readings()) == 24
    for what in ("which place", "which motion"):
        assert accuracy(again, what) == accuracy(report, what)


@pytest.mark.slow
def test_without_matplotlib_the_report_says_how_to_get_the_picture(again):
    assert "pip install 'skvideo3d[plot]'" in again
    assert "demo.png" not in again


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path, capsys):
    notes = tmp_path / "videos" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    assert main(["demo", "--folder", str(tmp_path)]) == 1
    assert str(notes.parent) in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [notes]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["demo", "--folder", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("skvideo3d demo: ")
