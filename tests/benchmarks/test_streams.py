"""Evaluations of two streams: a row for each, names, hashes, times."""

import numpy as np
import pytest
import torch
from miniatures.clips import write_clip
from miniatures.streams import SETTINGS, write_streams
from miniatures.ucf101 import write_ucf101
from numpy.testing import assert_allclose
from sklearn.pipeline import FeatureUnion

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.benchmarks import runtime, ucf101
from skvideo3d.benchmarks.describing import _Describing, describe_videos
from skvideo3d.benchmarks.method_names import describer_name
from skvideo3d.cli import main
from skvideo3d.feature_extraction.cost import Cost
from skvideo3d.feature_extraction.random_weights import has_random_weights
from skvideo3d.flow import OpticalFlow
from skvideo3d.models.hashing import sha256_of
from skvideo3d.video import Preprocessing

pytest.importorskip("cv2")


def no_motion(previous, following):
    return np.zeros((*previous.shape[:2], 2), np.float32)


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    return write_streams(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def ucf(tmp_path_factory):
    root = tmp_path_factory.mktemp("ucf")
    write_ucf101(root)
    return root


@pytest.fixture
def i3d(streams):
    """A function that makes the transformer of a stream, or of both."""

    def make(stream, **settings):
        weights = streams if stream == "two-stream" else streams[stream]
        return I3DTransformer(weights, stream=stream, flow="dis", **{**SETTINGS, **settings})

    return make


def test_each_stream_has_the_row_that_it_has_alone(ucf, i3d):
    both = ucf101(ucf, describer=i3d("two-stream"), splits=[1, 2])
    assert [row.method for row in both.rows] == [
        "I3D Mixed_3b, RGB + DIS flow (rgb + flow), linear SVM",
        "  I3D Mixed_3b, RGB (rgb)",
        "  I3D Mixed_3b, DIS flow (flow)",
    ]
    for row, stream in zip(both.rows[1:], ("rgb", "flow"), strict=True):
        alone = ucf101(ucf, describer=i3d(stream), splits=[1, 2])
        assert row.folds == alone.rows[0].folds
        assert len(alone.rows) == 1


def test_rows_stand_beside_the_papers(ucf, i3d):
    shown = str(ucf101(ucf, describer=i3d("two-stream"), splits=[1])).splitlines()
    ours = [line for line in shown if "this run" in line]
    assert [" RGB + DIS flow" in line for line in ours] == [True, False, False]
    for name in ("I3D, RGB  ", "I3D, flow  ", "I3D, RGB + flow  ", "ImageNet features"):
        assert any(line.startswith(name) for line in shown)


def test_networks_side_by_side_have_rows_too_and_their_streams_below(ucf, i3d, small_c3d):
    videos = sorted(map(str, ucf.rglob("*_c01.avi")))
    union = FeatureUnion([("a", C3DTransformer(small_c3d)), ("b", i3d("two-stream"))])
    described = describe_videos(union, videos)
    widths = {name: columns.stop - columns.start for name, columns in described.parts.items()}
    # fc6 of a sixteenth of 4096; Mixed_3b of a sixteenth of 64 + 128 + 32 + 32.
    assert widths == {
        "  C3D fc6 (small)": 256,
        "  I3D Mixed_3b, RGB + DIS flow (rgb + flow)": 32,
        "    I3D Mixed_3b, RGB (rgb)": 16,
        "    I3D Mixed_3b, DIS flow (flow)": 16,
    }
    flow = i3d("flow").fit_transform(videos)
    assert_allclose(
        described.rows[:, described.parts["    I3D Mixed_3b, DIS flow (flow)"]], flow, atol=1e-6
    )


@pytest.mark.parametrize(
    "settings", [{"n_components": 2}, {"layer": ("Mixed_3b", "prob")}, {"layer": "prob"}]
)
def test_what_belongs_to_both_streams_is_not_taken_apart(streams, settings):
    # "prob" needs clips of the usual size.
    noise = np.random.default_rng(0).integers(0, 256, (2, 9, 40, 60, 3), dtype=np.uint8)
    recipe = Preprocessing(resize=256, crop=(224, 224), scale=2 / 255, mean=(1.0, 1.0, 1.0))
    describer = I3DTransformer(
        streams,
        stream="two-stream",
        flow=no_motion,
        preprocessing=recipe,
        **{**SETTINGS, "clip_len": 9, **settings},
    )
    assert describe_videos(describer, list(noise)).parts == {}


def test_hashes_are_those_of_the_files_by_stream(ucf, i3d, streams):
    described = describe_videos(i3d("two-stream"), [str(next(ucf.rglob("*.avi")))])
    assert described.weights == {
        f"I3DTransformer {stream}": sha256_of(path) for stream, path in streams.items()
    }


@pytest.mark.parametrize(
    ("weights", "is_random"),
    [
        ("kinetics400", False),
        (None, True),
        (("a.pt", "b.pt"), False),
        (("a.pt", None), True),
        ([None, "b.pt"], True),
        ({"rgb": "a.pt", "flow": "b.pt"}, False),
        ({"rgb": "a.pt", "flow": None}, True),
    ],
)
def test_one_random_network_makes_a_baseline(weights, is_random):
    transformer = I3DTransformer(weights, stream="two-stream")
    assert has_random_weights(transformer) == is_random
    assert ("random weights" in describer_name(transformer)) == is_random


@pytest.mark.parametrize("weights", [(None, "flow.pt"), {"rgb": None, "flow": "flow.pt"}])
def test_weights_of_a_stream_that_is_not_looked_at_do_not_matter(weights):
    flow = I3DTransformer(weights, stream="flow")
    assert not has_random_weights(flow)
    assert describer_name(flow) == "I3D avg_pool, flow (flow)"
    frames = I3DTransformer(weights, stream="rgb")
    assert has_random_weights(frames)
    assert describer_name(frames) == "I3D avg_pool, RGB (random weights)"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "I3D avg_pool, RGB (kinetics400)"),
        ({"stream": "flow"}, "I3D avg_pool, flow (kinetics400)"),
        ({"stream": "two-stream"}, "I3D avg_pool, RGB + flow (kinetics400)"),
        ({"stream": "flow", "flow": "dis"}, "I3D avg_pool, DIS flow (kinetics400)"),
        ({"stream": "flow", "flow": no_motion}, "I3D avg_pool, no_motion flow (kinetics400)"),
        (
            {"stream": "flow", "flow": OpticalFlow(no_motion, name="raft")},
            "I3D avg_pool, raft flow (kinetics400)",
        ),
        (
            {"stream": "two-stream", "weights": {"flow": "x/b.pt", "rgb": "a.pt"}},
            "I3D avg_pool, RGB + flow (a + b)",
        ),
        (
            {"stream": "two-stream", "weights": (None, "b.pt")},
            "I3D avg_pool, RGB + flow (random weights + b)",
        ),
    ],
)
def test_names_are_as_in_the_papers_tables(settings, name):
    assert describer_name(I3DTransformer(**settings)) == name


def test_runtime_has_the_seconds_of_flow_where_there_is_flow(tmp_path, i3d):
    for seed in range(2):
        write_clip(tmp_path / f"{seed}.mp4", seed, seed, n_frames=20)
    result = runtime(tmp_path, describer=i3d("two-stream"))
    figures = result.rows[0].figures
    assert list(figures)[2:] == [
        "reading %",
        "preprocessing %",
        "flow %",
        "network %",
        "peak MiB",
    ]
    of_videos = [row["flow s"] for row in result.predictions]
    assert min(of_videos) > 0
    assert result.times["flow"] == pytest.approx(sum(of_videos))
    seconds = figures["hours"] * 3600
    assert figures["flow %"] == pytest.approx(100 * sum(of_videos) / seconds)
    assert "Flow is computed by several threads, whose seconds are added up" in str(result)
    assert any(row.method == "Brox flow, GPU" for row in result.published)
    without = runtime(tmp_path, describer=i3d("rgb"))
    assert "flow" not in without.times
    assert "flow s" not in without.predictions[0]
    assert "flow %" not in str(without)


@pytest.mark.parametrize(
    ("flow", "cost", "seconds_a_clip"),
    [
        ("dis", Cost(n_clips=4, network=8.0, reading=1.0, preprocessing=1.0, flow=4.0), 2.0),
        ("dis", Cost(n_clips=4, network=8.0, reading=6.0, preprocessing=6.0, flow=4.0), 3.0),
        # Three threads share 60 s of flow; a callable is called by one alone.
        ("dis", Cost(n_clips=4, network=8.0, reading=1.0, preprocessing=1.0, flow=60.0), 5.0),
        (no_motion, Cost(n_clips=4, network=8.0, flow=60.0), 15.0),
        (OpticalFlow(no_motion, thread_safe=True), Cost(n_clips=4, flow=60.0), 5.0),
    ],
)
def test_the_estimate_counts_flow_by_its_threads(i3d, flow, cost, seconds_a_clip, capsys):
    work = _Describing("", [], i3d("flow").set_params(flow=flow), "drop", 1)
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        work._estimate([Cost(n_clips=1, flow=1e6), cost], n_clips=10)  # the first pays for loading
    finally:
        torch.set_num_threads(n_threads)
    said = capsys.readouterr().err
    assert f" from here, at {seconds_a_clip:.2g} s a clip" in said


def test_the_command_prints_all_three_rows(ucf, streams, tmp_path, capsys):
    words = ["benchmark", "ucf101", "--data", str(ucf), "--splits", "1", "--network", "i3d"]
    words += ["--stream", "two-stream", "--weights", streams["rgb"], "--keep-flow", "-q"]
    words += ["--flow-weights", streams["flow"], "--flow", "dis", "--flow-precision", "uint8"]
    words += ["--layer", "Mixed_3b", "--clip-len", "8", "--clip-stride", "8"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert sum("this run" in line for line in out.splitlines()) == 3
    assert list((tmp_path / "descriptors" / "flow").rglob("*.npy.gz"))


def test_runtime_keeps_no_flow(tmp_path, capsys):
    words = ["benchmark", "runtime", "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main([*words, "--network", "i3d", "--stream", "flow", "--keep-flow"]) == 2
    assert "--keep-flow: runtime keeps nothing" in capsys.readouterr().err
