"""The figures of a comparison are those of scikit-learn's own cross-validation."""

import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer
from skvideo3d.benchmarks import BenchmarkResult, transfer
from skvideo3d.benchmarks.colour_histogram import ColourHistogram
from skvideo3d.benchmarks.intervals import difference_interval, share_interval
from skvideo3d.exceptions import CheckpointError, VideoDecodeError
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.models import I3D, load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights

SVM = LinearSVC(C=1.0, max_iter=10_000, random_state=0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Noise of three people, in two classes that the brightness tells most of the time."""
    import av

    root = tmp_path_factory.mktemp("sets") / "clips"
    root.mkdir()
    rng = np.random.default_rng(0)
    for action, person, trial in np.ndindex(2, 3, 2):
        path = root / f"A{action + 1}P{person + 1}T{trial + 1}.mp4"
        light = 60 + 40 * action + rng.integers(0, 60)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
            for pixels in rng.integers(0, light, (18, 48, 64, 3), dtype=np.uint8):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
    return root


def by_hand(clips):
    paths = [str(clips / f"A{a}P{p}T{t}.mp4") for a in (1, 2) for p in (1, 2, 3) for t in (1, 2)]
    return paths, np.repeat([0, 1], 6), np.tile(np.repeat([1, 2, 3], 2), 2)


def hits_of(rows, y, people, classifier):
    predicted = cross_val_predict(classifier, rows, y, groups=people, cv=LeaveOneGroupOut())
    return (predicted == y).astype(float)


@pytest.mark.parametrize("scale", [True, False])
def test_rows_are_those_of_cross_validation_by_hand(clips, small_c3d, scale):
    result = transfer(
        clips, small_c3d, layers=["fc6", "pool5"], n_seeds=2, n_full_size=0, scale=scale
    )
    rows = {row.method: row.figures for row in result.rows}
    paths, y, people = by_hand(clips)
    classifier = make_pipeline(StandardScaler(), SVM) if scale else SVM
    given = resolve_weights(small_c3d, "c3d")

    def hits(layer, weights):
        described = C3DTransformer(weights, layer=layer).fit_transform(paths)
        return hits_of(described, y, people, classifier)

    ours = hits("fc6", small_c3d)
    assert rows["small fc6"]["accuracy"] == pytest.approx(100 * ours.mean())
    low, high = share_interval(ours, people)
    assert_allclose([rows["small fc6"][end] for end in ("low", "high")], [100 * low, 100 * high])

    files = []
    for seed in (0, 1):
        network = load_weights(None, "c3d", seed=seed, config=dict(given.config))
        files.append(clips.parent / f"seed{seed}.safetensors")
        save_weights(network, files[-1], preprocessing=given.preprocessing)
    each = np.stack([hits("fc6", str(file)) for file in files])
    random = rows["random fc6, 2 seeds"]
    assert random["accuracy"] == pytest.approx(100 * each.mean())
    assert random["sd"] == pytest.approx(100 * np.std(each.mean(axis=1), ddof=1))
    assert random["lead"] == pytest.approx(100 * (ours.mean() - each.mean()))
    bounds = difference_interval(ours - each.mean(axis=0), people)
    assert_allclose([random["lead low"], random["lead high"]], 100 * np.array(bounds))
    best = next(row for row in result.rows if row.method == "  best seed")
    assert best.figures["accuracy"] == pytest.approx(100 * each.mean(axis=1).max())

    colours = hits_of(ColourHistogram().transform(paths), y, people, classifier)
    assert rows["colour histograms"]["accuracy"] == pytest.approx(100 * colours.mean())
    assert rows["colour histograms"]["lead"] == pytest.approx(100 * (ours.mean() - colours.mean()))


def test_the_result_says_what_it_rests_on(clips, small_c3d):
    result = transfer(clips, small_c3d, n_seeds=1, n_full_size=0)
    assert result.title == "clips: 12 videos, 2 classes, one of 3 groups left out at a time"
    assert [row.method for row in result.rows] == [
        *("small fc6", "small pool5", "small pool5-max"),
        *("random fc6", "random pool5", "random pool5-max"),
        "colour histograms",
    ]
    assert result.chance == 50
    assert result.data.n_used == 12
    assert set(result.times) == {"small", "random", "colour histograms", "classification"}
    assert [len(hashes) for hashes in result.settings["weights_sha256"].values()] == [1, 1]
    assert result.settings["weights_sha256"]["small"] == [resolve_weights(small_c3d, "c3d").sha256]
    assert np.sum(result.confusion["matrix"]) == 12
    assert BenchmarkResult.from_json(result.to_json()).rows == result.rows
    # Predictions give the figures again.
    for row in result.rows:
        of_method = [one for one in result.predictions if one["method"] == row.method]
        assert len(of_method) == 12
        share = np.mean([one["target"] == one["prediction"] for one in of_method])
        assert row.figures["accuracy"] == pytest.approx(100 * share)
        assert all(f"P{one['fold'].removeprefix('without ')}T" in one["video"] for one in of_method)


def test_a_second_run_opens_no_video(clips, small_c3d, tmp_path):
    first = transfer(clips, small_c3d, n_seeds=1, n_full_size=0, memory=tmp_path)
    assert (first.counts["described"], first.counts["reused"]) == (24, 0)
    store = DescriptorStore(tmp_path / "descriptors")
    opened = store.readings()
    again = transfer(clips, small_c3d, n_seeds=1, n_full_size=0, memory=tmp_path)
    assert (again.counts["described"], again.counts["reused"]) == (0, 24)
    assert store.readings() == opened
    assert again.rows == first.rows


def test_random_networks_are_known_to_the_next_network_of_their_shape(clips, small_c3d, tmp_path):
    given = resolve_weights(small_c3d, "c3d")
    other = tmp_path / "other.safetensors"
    config = {**dict(given.config), "num_classes": 9}
    save_weights(
        load_weights(None, "c3d", seed=7, config=config), other, preprocessing=given.preprocessing
    )
    asked = {"layers": ["fc6"], "n_seeds": 2, "n_full_size": 0, "memory": tmp_path}
    first = transfer(clips, small_c3d, **asked)
    second = transfer(clips, other, **asked)
    assert (second.counts["described"], second.counts["reused"]) == (12, 24)
    accuracies = [result.rows[1].figures["accuracy"] for result in (first, second)]
    assert accuracies[0] == accuracies[1]


def test_full_size_is_the_transformers_own_network(clips, small_c3d, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for name in ("A1P1T1", "A2P1T1", "A1P2T1", "A2P2T1"):
        shutil.copy(clips / f"{name}.mp4", few)
    result = transfer(few, small_c3d, layers=["fc6"], n_seeds=0, memory=tmp_path)
    assert [row.method for row in result.rows][1:] == ["full-size random fc6", "colour histograms"]
    random = C3DTransformer(None, random_state=0).fit(["any"])
    assert result.settings["weights_sha256"]["full-size random"] == [random.weights_sha256_]


def test_a_video_that_cannot_be_read_is_left_out_for_all_or_stops_the_run(
    clips, small_c3d, tmp_path
):
    root = tmp_path / "clips"
    shutil.copytree(clips, root)
    (root / "A1P1T3.mp4").write_bytes(b"no video")
    asked = {"layers": ["pool5"], "n_seeds": 1, "n_full_size": 0}
    result = transfer(root, small_c3d, **asked)
    assert (result.data.n_used, result.data.n_failed) == (12, 1)
    without = transfer(clips, small_c3d, **asked)
    assert result.rows == without.rows
    with pytest.raises(VideoDecodeError, match="A1P1T3"):
        transfer(root, small_c3d, on_error="raise", **asked)


def test_classes_and_groups_may_come_from_own_patterns(clips, small_c3d):
    asked = {"layers": ["fc6"], "n_seeds": 0, "n_full_size": 0}
    known = transfer(clips, small_c3d, **asked)
    pattern = r"A(?P<label>\d)P(?P<group>\d)"
    assert transfer(clips, small_c3d, pattern=pattern, **asked).rows == known.rows
    parts = {"labels": r"A(\d)", "groups": r"P(\d)"}
    assert transfer(clips, small_c3d, **parts, **asked).rows == known.rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_seeds": -1}, r"n_seeds=-1 \(--seeds\)"),
        ({"n_full_size": -1}, r"n_full_size=-1 \(--full-size\)"),
        ({"clip_stride": 0}, r"clip_stride=0 \(--clip-stride\)"),
        ({"C": 0}, r"C=0 \(--C\)"),
        ({"classes": ["1"]}, "one class, '1'"),
        ({"labels": r"A(\d)", "groups": "A"}, "one group, 'A'"),
        ({"labels": r"A(\d)"}, r"without groups= \(--groups\)"),
        ({"pattern": "kth"}, "12 of the 12 videos: A1P1T1.mp4"),
        ({"layers": ["fc9"]}, "fc9"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_video_is_opened(
    clips, small_c3d, tmp_path, arguments, message
):
    with pytest.raises(ValueError, match=message):
        transfer(clips, small_c3d, memory=tmp_path, **arguments)
    assert DescriptorStore(tmp_path / "descriptors").readings() == []


def test_weights_of_another_network_are_refused(clips, tmp_path):
    path = tmp_path / "i3d.safetensors"
    save_weights(I3D(num_classes=None, width=1 / 16), path)
    with pytest.raises(CheckpointError, match="i3d"):
        transfer(clips, path)


@pytest.mark.realdata
def test_real_clips_by_their_names(realdata, small_c3d, tmp_path):
    for person in (1, 2):
        for action in (1, 2):
            name = f"PS7A{action}P{person}T1.avi"
            (tmp_path / name).symlink_to(realdata / "ps7" / name)
    result = transfer(
        tmp_path, small_c3d, layers=["fc6"], n_seeds=1, n_full_size=0, follow_links=True
    )
    assert result.data.n_used == 4
    assert result.per_class.keys() == {"1", "2"}
    assert len(result.rows) == 3
