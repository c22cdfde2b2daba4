"""The study trains what it says, on what it says, and its report says what was found."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from miniatures.clips import write_clip
from miniatures.ucf101 import write_ucf101

from skvideo3d.benchmarks import ArchitectureReport, DataUse, NetworkTrainings, architecture
from skvideo3d.benchmarks.architecture_videos import GENERATED, generated_videos, own_videos
from skvideo3d.datasets import load_ucf101
from skvideo3d.models import StudyNetwork
from skvideo3d.training import VideoClassifier
from skvideo3d.training.frame_store import FrameStore

SMALL = {"width": 1 / 32, "input_size": 16, "max_epochs": 2, "n_test_clips": 2, "n_seeds": 2}
TWO = ("study-depth-1", "study-increasing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    for label in range(2):
        for number in range(5):
            write_clip(root / f"class{label}" / f"person{number}.avi", label, number)
    return root


@pytest.fixture(scope="module")
def study(folder, tmp_path_factory):
    memory = tmp_path_factory.mktemp("memory")
    return architecture(folder, TWO, memory=memory, **SMALL), memory


def test_each_network_is_trained_from_each_seed_for_each_epoch(study):
    report, _ = study
    assert [row.network for row in report.networks] == list(TWO)
    for row in report.networks:
        assert sorted(row.histories) == [0, 1]
        for history in row.histories.values():
            assert [epoch["epoch"] for epoch in history] == [1, 2]
            assert [epoch["n_clips"] for epoch in history] == [8, 8]
    assert report.networks[1].kernel_depths == (3, 3, 5, 5, 7)
    assert report.networks[1].clip == (16, 16, 16)
    alike = StudyNetwork(2, kernel_depths=(3, 3, 5, 5, 7), input_size=(16, 16, 16), width=1 / 32)
    assert report.networks[1].parameters == sum(p.numel() for p in alike.parameters())


def test_figures_are_those_of_a_classifier_that_sees_the_training_videos_alone(study, folder):
    report, memory = study
    videos = own_videos(folder)
    classifier = VideoClassifier(
        "study-increasing",
        input_size=16,
        network_params={"width": 1 / 32},
        max_epochs=2,
        n_test_clips=2,
        random_state=1,
        memory=memory,
    )
    X, y = np.array(videos.videos), videos.labels
    classifier.fit(X[videos.train].tolist(), y[videos.train])
    ours = report.networks[1].histories[1]
    for name in ("train_loss", "train_accuracy"):
        assert [row[name] for row in ours] == [row[name] for row in classifier.history_]
    score = classifier.score(X[videos.test].tolist(), y[videos.test])
    assert ours[-1]["valid_video_accuracy"] == score


def test_videos_are_decoded_once_and_a_study_that_is_there_is_not_trained_again(
    study, folder, monkeypatch
):
    first, memory = study
    decoded = []
    close = FrameStore.close

    def counted(store):
        decoded.append(store.statistics.n_decoded)
        close(store)

    monkeypatch.setattr(FrameStore, "close", counted)
    again = architecture(folder, TWO, memory=memory, **SMALL)
    assert decoded
    assert sum(decoded) == 0
    assert again.networks == first.networks  # also the seconds: they are those of the first time


def test_ucf101_is_known_by_its_lists_and_split_by_them(tmp_path):
    write_ucf101(tmp_path)
    official = load_ucf101(tmp_path, splits=[2])
    videos = own_videos(tmp_path, split=2)
    ((train, test),) = official.cv
    assert [videos.videos[i] for i in videos.test] == [official.data[i] for i in test]
    assert [videos.videos[i] for i in videos.train] == [official.data[i] for i in train]
    assert videos.title == "UCF101, 3 classes"


def test_groups_stay_on_one_side(folder):
    videos = own_videos(folder, groups=r"(person\d)")
    names = np.array([path.rpartition("/")[2] for path in videos.videos])
    assert len(videos.train) + len(videos.test) == 10
    assert not set(names[videos.train]) & set(names[videos.test])


def test_a_class_of_one_video_cannot_be_split(tmp_path):
    for name in ("walk/a.avi", "walk/b.avi", "run/c.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="class 'run' has one video"):
        own_videos(tmp_path)


def test_generated_test_videos_are_of_other_scenes(tmp_path):
    videos = generated_videos(tmp_path, 4, (20, 28), classes=2)
    assert len(videos.train) == 4
    assert len(videos.test) == 2
    assert sorted(set(videos.labels)) == sorted(GENERATED[:2])
    first = [Path(videos.videos[at]).read_bytes() for at in (0, 4)]
    assert first[0] != first[1]


def test_actions_that_a_mirror_exchanges_are_refused(tmp_path):
    with pytest.raises(ValueError, match="mirrored 'translate_left' is another class"):
        generated_videos(tmp_path, 4, (20, 28), classes=["translate_left", "still"])


def test_unreadable_videos_are_left_out_of_both_parts_and_counted(folder, tmp_path):
    for path in folder.rglob("*.avi"):
        copy = tmp_path / "videos" / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "videos" / "class0" / "person0.avi").write_bytes(b"no video")
    small = {**SMALL, "n_seeds": 1, "max_epochs": 1}
    report = architecture(tmp_path / "videos", "study-depth-1", memory=tmp_path / "m", **small)
    assert (report.data.n_used, report.data.n_failed) == (9, 1)
    assert "person0.avi" in str(report)
    with pytest.raises(ValueError, match=r"person0\.avi"):
        architecture(tmp_path / "videos", on_error="raise", memory=tmp_path / "m", **small)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": ["study-depth-2"]}, "'study-depth-2' is none of the study"),
        ({"networks": []}, "there is none"),
        ({"networks": ["net-64"], "input_size": 32}, "differ in nothing but"),
        ({"n_seeds": 0}, "--seeds"),
        ({"n_videos": 3}, "--videos"),
        ({"classes": 30}, "--classes"),
        ({"max_epochs": 0}, "'max_epochs'"),
        ({"batch_size": 0}, "'batch_size'"),
        ({"lr": -1.0}, "'lr'"),
        ({"n_test_clips": 0}, "'n_test_clips'"),
        ({"precision": "float8"}, "'precision'"),
        ({"input_size": 0}, "'input_size'"),
        ({"width": 0}, "width must be positive"),
        ({"device": "gpu"}, "device='gpu'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(arguments, message, tmp_path):
    few = {"quick": True, "n_videos": 8, **arguments}  # generated in no time where nothing is said
    with pytest.raises(ValueError, match=message):
        architecture(memory=tmp_path, **few)
    assert not (tmp_path / "generated").exists()


# --- the report ------------------------------------------------------------------------------


def made_up(name, seeds):
    histories = {
        seed: [
            {
                "epoch": epoch,
                "valid_accuracy": accuracy / 2,
                "valid_video_accuracy": accuracy,
                "n_clips": 100,
                "seconds": 4.0,
            }
            for epoch, accuracy in enumerate(accuracies, start=1)
        ]
        for seed, accuracies in seeds.items()
    }
    return NetworkTrainings(name, (3,) * 5, (16, 112, 112), 17_444_965, histories)


@pytest.fixture
def report():
    networks = (
        made_up("study-depth-1", {0: [0.2, 0.4], 1: [0.2, 0.6]}),
        made_up("study-depth-3", {0: [0.4, 0.8], 1: [0.4, 0.8]}),
    )
    data = DataUse(4, 0, 1, 3, failures=[("a.avi", "is empty")])
    return ArchitectureReport("Kernel depths", networks, data, 50.0, {"seeds": [0, 1]}, ["A note."])


def test_the_table_has_means_and_deviations_over_seeds(report):
    line = next(line for line in str(report).splitlines() if line.startswith("study-depth-1"))
    # Clips 20 and 30 %, videos 40 and 60 %; 2 epochs of 4 s; 100 clips in 4 s.
    assert line.split()[-6:] == ["25.0", "7.1", "50.0", "14.1", "8.0", "25.0"]


def test_parameters_stand_beside_the_papers_claim(report):
    # 3,100,032 more: two more frames of 9 weights for each of 172,224 pairs of channels.
    assert 2 * 9 * (3 * 64 + 64 * 128 + 128 * 256 + 2 * 256 * 256) == 3_100_032
    assert "3,100,032  17.5M, 17K more" in str(report)
    assert "| study-depth-3 | 17,444,965 | 3,100,032 | 17.5M, 17K more |" in report.to_markdown()


def test_a_report_comes_back_from_json(report):
    assert ArchitectureReport.from_json(report.to_json()) == report
    with pytest.raises(ValueError, match="no report of the study"):
        ArchitectureReport.from_json(json.dumps({"networks": 3}))


def test_the_figure_has_the_mean_of_each_network_by_epoch(report):
    display = report.plot()
    lines = display.validation_lines_
    assert lines["study-depth-1"].get_xydata().tolist() == [[1, 10], [2, pytest.approx(25)]]
    assert lines["study-depth-3"].get_xydata().tolist() == [[1, 20], [2, 40]]


def test_saving_leaves_other_files_alone(report, tmp_path):
    other = tmp_path / "thesis.txt"
    other.write_text("mine")
    os.utime(other, (0, 0))
    assert [path.name for path in report.save(tmp_path)] == [
        *("result.json", "result.md", "result.png"),
    ]
    report.save_figure(tmp_path / "study.svg")
    assert (tmp_path / "study.svg").read_text().startswith("<?xml")
    assert other.read_text() == "mine"
