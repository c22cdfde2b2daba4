"""I3D of flow and of two streams: networks run plainly on clips that OpenCV made, and all else."""

import json
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import replace

import joblib
import numpy as np
import pytest
import torch
from hostile.zoo import ZOO
from hostile.zoo.damage import DAMAGE
from miniatures.plain_flow import (
    Difference,
    difference,
    dis,
    moving,
    plain_crop,
    plain_flow,
    plain_resize,
    tvl1,
    windows,
)
from miniatures.still_videos import randomised
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skvideo3d import C3DTransformer, I3DTransformer, VideoSegment
from skvideo3d.exceptions import CheckpointError, FlowError, VideoDecodeError
from skvideo3d.feature_extraction import VideoExtractor
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.flow import OpticalFlow, compute_flow, precompute_flow
from skvideo3d.models import I3D, load_weights, save_weights
from skvideo3d.video import I3D_PREPROCESSING, Preprocessing
from skvideo3d.video.sources import as_source

SIZES = Preprocessing(resize=40, crop=(32, 36), scale=2 / 255, mean=(1.0, 1.0, 1.0))
LAYER = "Mixed_4f"  # avg_pool and what follows need 193 x 193 pixels
TOLERANCE = 1e-5  # relative to the greatest value


def weights_for(folder, sizes):
    paths = {}
    for stream, channels in (("rgb", 3), ("flow", 2)):
        network = randomised(I3D(num_classes=7, in_channels=channels, width=1 / 16), seed=channels)
        paths[stream] = str(folder / f"{stream}.safetensors")
        save_weights(network, paths[stream], preprocessing=sizes)
    return paths


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Networks of both streams for clips of 32 x 36."""
    return weights_for(tmp_path_factory.mktemp("small"), SIZES)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The same for clips of 224 x 224."""
    return weights_for(tmp_path_factory.mktemp("large"), I3D_PREPROCESSING)


def weights_of(paths, stream):
    return paths if stream == "two-stream" else paths[stream]


def i3d(paths, stream="two-stream", **settings):
    settings = {"layer": LAYER, "clip_len": 9, "clip_stride": 9, "flow": "dis", **settings}
    return I3DTransformer(weights_of(paths, stream), stream=stream, **settings)


def plain_clips(paths, stream, frames, *, estimate=dis, length=9, stride=9, sizes=SIZES, layer):
    """The layer of every clip, by the network alone; the values of the input by the paper."""
    if stream == "rgb":
        resized = np.stack(plain_resize(frames, sizes.resize))
        inputs = plain_crop(resized, sizes.crop).astype(np.float32) * 2 / 255 - 1
    else:
        inputs = plain_crop(plain_flow(frames, estimate, sizes.resize), sizes.crop)
    clips = torch.from_numpy(np.stack(windows(inputs, length, stride)))
    network = load_weights(paths[stream])
    with torch.inference_mode():
        return network.describe(clips.permute(0, 4, 1, 2, 3), [layer])[layer].double().numpy()


def unit(vector):
    return vector / np.linalg.norm(vector)


def plain_row(paths, stream, frames, *, layer=LAYER, **settings):
    streams = ("rgb", "flow") if stream == "two-stream" else (stream,)
    rows = [plain_clips(paths, s, frames, layer=layer, **settings).mean(axis=0) for s in streams]
    return np.concatenate([unit(row) for row in rows])


def assert_close(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


def frames_of(video):
    return [frame.pixels for frame in as_source(video).frames()]


@pytest.fixture
def films(tmp_path, write_video):
    """Four files of 20 to 35 frames."""
    paths = []
    for seed in range(4):
        frames = moving(20 + 5 * seed, seed=seed)
        paths.append(write_video(tmp_path / f"{seed}.mp4", list(frames)))
    return paths


def reading_threads():
    return [
        t.name
        for t in threading.enumerate()
        if t.name.startswith(("skvideo3d-flow", "skvideo3d-reader"))
    ]


# --- descriptors ---------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "stride"), [("rgb", 9), ("flow", 14), ("two-stream", 5)])
def test_descriptors_are_the_networks_of_opencvs_flow(small, films, tmp_path, stream, stride):
    folder = tmp_path / "frames"
    folder.mkdir()
    array = moving(25, seed=9)
    for number, frame in enumerate(array):
        Image.fromarray(frame).save(folder / f"{number}.png")
    videos = [
        *films,
        str(folder),
        array,
        VideoSegment(films[3], 4, 24),
        VideoSegment(films[3], 0.4, 1.2, unit="seconds"),
        VideoSegment(str(folder), 0, 12),
    ]
    if stream != "two-stream":  # which sees all that one alone does
        videos = videos[-4:]
    rows = i3d(small, stream, clip_stride=stride).transform(videos)
    for video, row in zip(videos, rows, strict=True):
        assert_close(row, plain_row(small, stream, frames_of(video), stride=stride))


@pytest.mark.parametrize("layer", ["avg_pool", "Mixed_5c"])
def test_descriptors_at_full_size_are_the_networks_of_opencvs_flow(large, layer):
    video = moving(18, size=(120, 160))
    row = i3d(large, layer=layer).transform([video])[0]
    assert_close(row, plain_row(large, "two-stream", video, sizes=I3D_PREPROCESSING, layer=layer))


def test_tvl1_is_what_describes_unless_something_else_is_asked_for(small):
    video = moving(9, size=(20, 24))
    sizes = Preprocessing(resize=18, crop=(16, 16))
    transformer = I3DTransformer(
        small["flow"], stream="flow", layer="Mixed_4b", clip_len=9, preprocessing=sizes
    )
    expected = plain_row(small, "flow", video, estimate=tvl1, sizes=sizes, layer="Mixed_4b")
    assert_close(transformer.transform([video])[0], expected)


@pytest.mark.realdata
@pytest.mark.slow
def test_a_real_clip_is_described_by_the_network_of_opencvs_tvl1(realdata, small):
    video = VideoSegment(str(realdata / "ucf101/v_ApplyEyeMakeup_g01_c01.avi"), 30, 39)
    sizes = Preprocessing(resize=96, crop=(80, 96), scale=2 / 255, mean=(1.0, 1.0, 1.0))
    row = i3d(small, "flow", flow="tvl1", preprocessing=sizes).transform([video])[0]
    settings = {"estimate": tvl1, "sizes": sizes}
    assert_close(row, plain_row(small, "flow", frames_of(video), **settings))


def test_scores_of_two_streams_are_added_and_prob_is_their_softmax(large):
    video = moving(18, size=(120, 160))
    layers = ("prob", "avg_pool", "logits")
    transformer = i3d(large, layer=layers, norm=None).fit([video])
    row = transformer.transform([video])[0]
    found = {name: row[columns] for name, columns in transformer.feature_blocks_.items()}
    assert list(found) == ["rgb/avg_pool", "flow/avg_pool", "prob", "logits"]
    logits = sum(
        plain_clips(large, stream, video, sizes=I3D_PREPROCESSING, layer="logits")
        for stream in ("rgb", "flow")
    )
    assert_close(found["logits"], logits.mean(axis=0))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert_close(found["prob"], (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0))


def test_scores_alone_are_the_sum_of_those_of_each_stream(large):
    video = moving(18, size=(120, 160))
    settings = {"layer": "logits", "norm": None}
    rgb, flow, joint = (
        i3d(large, stream, **settings).transform([video])
        for stream in ("rgb", "flow", "two-stream")
    )
    assert_close(joint, rgb + flow)


def test_each_streams_layers_have_the_bits_of_that_stream_alone(small, films):
    layers = (LAYER, "Mixed_5c")
    both = i3d(small, layer=layers).fit(films)
    alone = [i3d(small, stream, layer=layers).fit_transform(films) for stream in ("rgb", "flow")]
    np.testing.assert_array_equal(both.transform(films), np.concatenate(alone, axis=1))
    assert list(both.feature_blocks_) == [
        f"{stream}/{layer}" for stream in ("rgb", "flow") for layer in layers
    ]


def test_clips_of_all_streams_begin_at_the_same_frames(small, films):
    expected = i3d(small, "rgb", fps=10.0, clip_stride=2).transform_clips(films)
    for stream in ("flow", "two-stream"):
        found = i3d(small, stream, fps=10.0, clip_stride=2).transform_clips(films)
        for clips, others in zip(found, expected, strict=True):
            np.testing.assert_array_equal(clips.start_frame, others.start_frame)
            np.testing.assert_array_equal(clips.start_time, others.start_time)
            assert len(clips.features) == len(others.features)


def test_clip_by_clip_descriptors_are_of_the_streams_side_by_side(small, films):
    (clips, *_) = i3d(small, clip_stride=4).transform_clips(films)
    expected = [
        plain_clips(small, stream, frames_of(films[0]), stride=4, layer=LAYER)
        for stream in ("rgb", "flow")
    ]
    assert_close(clips.features, np.concatenate(expected, axis=1))


@pytest.mark.parametrize("precision", ["float16", "uint8"])
def test_flow_that_is_held_coarsely_is_described_as_it_is_held(small, precision):
    video = moving(18)

    def held(previous, following):
        pixels = np.clip(dis(previous, following), -20, 20)
        if precision == "float16":
            return np.where(np.abs(pixels) < 2.0**-14, 0, pixels).astype(np.float16)
        steps = np.rint(255 * (pixels.astype(np.float64) + 20) / 40)
        return steps / 255 * 40 - 20

    flow = OpticalFlow("dis", precision=precision)
    row = i3d(small, "flow", flow=flow).transform([video])[0]
    assert_close(row, plain_row(small, "flow", video, estimate=held))
    exact = i3d(small, "flow").transform([video])[0]
    assert 0 < np.abs(row - exact).max() < 0.01


def test_bfloat16_is_close_to_float32(small, films):
    exact = i3d(small).transform(films)
    rough = i3d(small, precision="bfloat16").transform(films)
    half = exact.shape[1] // 2
    for columns in (slice(0, half), slice(half, None)):
        cosines = (exact[:, columns] * rough[:, columns]).sum(axis=1)
        assert cosines.min() > 0.999


@pytest.mark.gpu
@pytest.mark.parametrize("batch_size", [1, 3])
def test_two_streams_on_a_gpu_are_those_of_the_cpu(small, films, batch_size):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    expected = i3d(small, device="cpu").fit_transform(films)
    on_gpu = i3d(small, device="cuda", batch_size=batch_size)
    np.testing.assert_allclose(on_gpu.fit_transform(films), expected, atol=1e-5)


def test_short_and_still_videos_have_finite_descriptors(small):
    still = np.repeat(moving(1), 12, axis=0)
    black = np.zeros((12, 48, 64, 3), np.uint8)
    short = moving(4)
    for stream in ("flow", "two-stream"):
        rows = i3d(small, stream).transform([still, black, short])
        assert np.isfinite(rows).all()
    none = torch.zeros(1, 2, 9, *SIZES.crop)
    expected = load_weights(small["flow"]).describe(none, [LAYER])[LAYER][0].numpy()
    for row in i3d(small, "flow").transform([still, black]):
        assert_close(row, unit(expected))
    looped = np.concatenate([plain_flow(short, dis, 40)] * 3)[:9]
    clip = torch.from_numpy(plain_crop(looped, SIZES.crop)).permute(3, 0, 1, 2)[None]
    expected = load_weights(small["flow"]).describe(clip, [LAYER])[LAYER][0].numpy()
    assert_close(i3d(small, "flow").transform([short])[0], unit(expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_flow_from_arrays_and_tensors_is_described_as_it_is(small, films, dtype):
    video = frames_of(films[0])
    pixels = torch.from_numpy(plain_flow(video, dis, 40) * np.float32(20)).to(dtype)
    found = i3d(small, "flow").transform([pixels, pixels.float().numpy()])
    np.testing.assert_array_equal(found[0], found[1])
    expected = i3d(small, "flow").transform(films[:1])[0]
    if dtype in (torch.float32, torch.float64):
        assert_close(found[0], expected)  # 20 times and a 20th is not always the same bit
    else:
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("fps", [None, 10.0])
def test_computed_flow_stands_for_the_file(small, films, fps):
    given = [compute_flow(film, "dis", resize=40, fps=fps) for film in films]
    found = i3d(small, "flow", fps=fps, flow=no_flow).transform(given)
    np.testing.assert_array_equal(found, i3d(small, "flow", fps=fps).transform(films))


def no_flow(previous, following):
    raise AssertionError("flow that is given is not computed")


# --- how often, where and by whom ----------------------------------------------------------


def test_each_file_is_opened_once_for_both_streams(small, films, tmp_path):
    counted = Difference()
    flow = OpticalFlow(counted, name="of this test")
    memory = tmp_path / "memory"
    rows = i3d(small, flow=flow, memory=memory).fit_transform(films)
    assert sorted(DescriptorStore(memory).readings()) == sorted(films)
    assert counted.n_calls == 2 * 9 + 2 * 9 + 3 * 9 + 3 * 9  # of 20, 25, 30 and 35 frames
    # What is stored of both serves each alone.
    for stream, columns in zip(("rgb", "flow"), np.split(rows, 2, axis=1), strict=True):
        alone = i3d(small, stream, flow=flow, memory=memory).fit_transform(films)
        np.testing.assert_array_equal(alone, columns)
    assert counted.n_calls == 90
    assert len(DescriptorStore(memory).readings()) == len(films)


def test_kept_flow_serves_other_layers_and_clips(small, films, tmp_path):
    counted = Difference()
    flow = OpticalFlow(counted, name="of this test", keep=True)
    settings = {"flow": flow, "memory": tmp_path / "memory"}
    ways = [
        ("two-stream", {}),
        ("flow", {"clip_len": 12, "flow": replace(flow, keep=False)}),
        ("flow", {"layer": "Mixed_5c", "clip_stride": 3}),
        ("two-stream", {"clip_len": 16, "pooling": "max"}),
    ]
    for stream, other in ways:
        found = i3d(small, stream, **{**settings, **other}).fit_transform(films)
        expected = i3d(small, stream, **{**other, "flow": difference}).fit_transform(films)
        np.testing.assert_array_equal(found, expected)
        assert counted.n_calls == 19 + 24 + 29 + 34  # nothing but the first time
    # Flow alone is had without the files.
    assert len(DescriptorStore(tmp_path / "memory").readings()) == 2 * len(films)


@pytest.mark.parametrize("fps", [None, 10.0])
def test_flow_that_was_computed_beforehand_is_not_computed(small, films, tmp_path, fps):
    counted = Difference()
    flow = OpticalFlow(counted, precision="float16", name="of this test", keep=True)
    precompute_flow(films, tmp_path, flow, resize=40, fps=fps)
    n_calls = counted.n_calls
    found = i3d(small, flow=flow, fps=fps, memory=tmp_path).fit_transform(films)
    assert counted.n_calls == n_calls > 30
    expected = i3d(small, flow=OpticalFlow(difference, precision="float16"), fps=fps)
    np.testing.assert_array_equal(found, expected.fit_transform(films))


def test_components_are_of_both_streams(small, films):
    expected = PCA(2, random_state=0).fit_transform(i3d(small).transform(films))
    found = i3d(small, n_components=2, random_state=0).fit_transform(films)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


PROGRAM = """
import os, sys, time
import numpy as np
from skvideo3d import I3DTransformer
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.flow import OpticalFlow, compute_flow, precompute_flow

weights, film, folder, output = sys.argv[1:]

def slow(previous, following):
    with open(folder + "/calls", "a") as file:
        file.write("x")
    time.sleep(0.02)
    return (following.astype(np.float32) - previous)[..., :2] / 8

flow = OpticalFlow(slow, name="slow", keep=True)
i3d = I3DTransformer(weights, stream="flow", layer="Mixed_4f", clip_len=9, clip_stride=9,
                     flow=flow, memory=folder + "/memory")
i3d.fit(np.zeros((1, 1, 2, 2, 3), np.uint8))
open(output + ".ready", "w").close()
while len([name for name in os.listdir(folder) if name.endswith(".ready")]) < 2:
    time.sleep(0.01)
np.save(output, i3d.transform([film]))
"""


@pytest.mark.slow
def test_two_processes_at_one_video_compute_its_flow_once(small, films, tmp_path):
    outputs = [tmp_path / f"{n}.npy" for n in range(2)]
    words = [small["flow"], films[3], str(tmp_path)]
    both = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, *words, str(output)]) for output in outputs
    ]
    try:
        assert [process.wait(120) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert len((tmp_path / "calls").read_text()) == 34
    expected = i3d(small, "flow", flow=difference).transform([films[3]])
    for output in outputs:
        np.testing.assert_array_equal(np.load(output), expected)


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["dis", difference, OpticalFlow(difference, thread_safe=True)])
def test_workers_give_the_same_bits(small, films, flow):
    expected = i3d(small, flow=flow, batch_size=1).transform(films)
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend, n_jobs=2):
            found = i3d(small, flow=flow, batch_size=1).transform(films)
        np.testing.assert_array_equal(found, expected)


def test_a_callable_that_is_not_thread_safe_is_called_by_one_of_all_workers(small, films):
    for is_safe in (False, True):
        counted = Difference(seconds=0.01)
        with joblib.parallel_config("threading", n_jobs=2):
            flow = OpticalFlow(counted, thread_safe=is_safe)
            i3d(small, "flow", flow=flow).transform(films)
        assert (counted.most_at_once > 1) == is_safe


def test_no_thread_is_left_whatever_ends_the_work(small, films):
    counted = Difference()

    def ends(previous, following):
        if counted.n_calls > 12:
            raise how
        return counted(previous, following)

    for how in (KeyboardInterrupt(), RuntimeError("no more"), SystemExit(3)):
        expected = FlowError if isinstance(how, RuntimeError) else type(how)
        counted.pairs.clear()
        with pytest.raises(expected):
            i3d(small, flow=ends, clip_len=18).transform(films)
        assert not reading_threads()
    i3d(small, flow=difference).transform(films)
    assert not reading_threads()


# --- an estimator like any other -----------------------------------------------------------


RECIPES = ["dis", OpticalFlow("dis", precision="uint8"), difference, OpticalFlow(difference)]


@pytest.mark.parametrize("flow", RECIPES)
def test_pickles_and_clones_describe_alike(small, films, flow):
    fitted = i3d(small, flow=flow).fit(films)
    expected = fitted.transform(films)
    for other in (pickle.loads(pickle.dumps(fitted)), clone(fitted)):
        assert other.get_params()["flow"] == flow
        np.testing.assert_array_equal(other.transform(films), expected)
    assert "stream='two-stream'" in repr(fitted)


def test_parameters_may_be_set_one_by_one(small, films):
    transformer = I3DTransformer()
    settings = {"layer": LAYER, "clip_len": 9, "clip_stride": 9, "stream": "flow", "flow": "dis"}
    transformer.set_params(weights=small["flow"], **settings)
    expected = i3d(small, "flow").fit_transform(films)
    np.testing.assert_array_equal(transformer.fit_transform(films), expected)


def test_a_grid_search_chooses_the_stream_that_tells_the_videos_apart(small):
    # The same pictures moving to the right or to the left: one frame does not tell them apart.
    to_the_right = [moving(12, seed=seed) for seed in range(6)]
    videos = [video for film in to_the_right for video in (film, film[::-1])]
    weights, flows = small["flow"], ["dis", OpticalFlow("dis", bound=5.0)]
    steps = make_pipeline(i3d(small, "flow"), KNeighborsClassifier(1))
    grid = [
        {"i3dtransformer__stream": ["rgb"], "i3dtransformer__weights": [small["rgb"]]},
        {
            "i3dtransformer__stream": ["flow"],
            "i3dtransformer__weights": [weights],
            "i3dtransformer__flow": flows,
        },
    ]
    search = GridSearchCV(steps, grid, cv=3, error_score="raise")
    search.fit(videos, [0, 1] * 6)
    scores = search.cv_results_["mean_test_score"]
    assert search.best_params_["i3dtransformer__stream"] == "flow"
    assert scores[1:].min() > scores[0]


def test_in_a_column_transformer_and_as_a_table(small, films):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"path": films, "length": [20, 25, 30, 35]})
    columns = ColumnTransformer([("i3d", i3d(small), "path"), ("rest", "passthrough", ["length"])])
    columns.set_output(transform="pandas")
    found = columns.fit_transform(table)
    assert list(found.columns[[0, -1]]) == ["i3d__i3dtransformer0", "rest__length"]
    expected = i3d(small).transform(films)
    np.testing.assert_array_equal(found.iloc[:, :-1].to_numpy(np.float32), expected)
    assert found.shape == (4, 105)


def test_an_extractor_describes_batches_of_two_streams(small, films):
    transformer = i3d(small)
    batch = VideoExtractor(transformer)({"path": np.array(films)})
    np.testing.assert_array_equal(batch["descriptor"], transformer.transform(films))


def test_random_weights_are_for_each_stream_those_it_has_alone():
    video, settings = moving(9), {"layer": "Mixed_3b", "flow": "dis", "preprocessing": SIZES}
    settings = {"clip_len": 9, "random_state": 3, **settings}
    rows = [
        I3DTransformer(None, stream=stream, **settings).fit_transform([video])
        for stream in ("rgb", "flow")
    ]
    for weights in (None, (None, None), {"flow": None, "rgb": None}):
        both = I3DTransformer(weights, stream="two-stream", **settings)
        np.testing.assert_array_equal(both.fit_transform([video]), np.concatenate(rows, axis=1))
        assert both.seed_ == 3
        np.testing.assert_array_equal(both.transform([video]), np.concatenate(rows, axis=1))


def test_random_weights_beside_a_file_are_drawn_once(small):
    video = moving(9)
    settings = {"layer": "Mixed_3b", "clip_len": 9, "flow": "dis", "preprocessing": SIZES}
    both = I3DTransformer((small["rgb"], None), stream="two-stream", **settings).fit([video])
    rows = both.transform([video])
    np.testing.assert_array_equal(both.transform([video]), rows)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(both)).transform([video]), rows)


def test_weights_of_both_streams_serve_each_alone(small, films):
    for stream in ("rgb", "flow"):
        expected = i3d(small, stream).fit_transform(films[:1])
        for weights in (dict(small), (small["rgb"], small["flow"])):
            found = i3d(small, stream).set_params(weights=weights).fit_transform(films[:1])
            np.testing.assert_array_equal(found, expected)


def test_random_weights_of_a_stream_that_is_not_looked_at_need_no_seed(small, films):
    expected = i3d(small, "flow").transform(films[:1])
    flow = i3d(small, "flow").set_params(weights=(None, small["flow"]))
    np.testing.assert_array_equal(flow.transform(films[:1]), expected)
    assert not hasattr(flow.fit(films[:1]), "seed_")


def test_weights_are_known_by_stream(small, films):
    hashes = i3d(small).fit(films).weights_sha256_
    assert hashes == {s: i3d(small, s).fit(films).weights_sha256_ for s in ("rgb", "flow")}
    assert hashes["rgb"] != hashes["flow"]
    pair = I3DTransformer(
        (small["rgb"], small["flow"]), stream="two-stream", layer=LAYER, clip_len=9, flow="dis"
    )
    assert pair.fit(films).weights_sha256_ == hashes


# --- what makes no sense -------------------------------------------------------------------

VIDEO = np.zeros((12, 48, 64, 3), np.uint8)
FLOW = np.zeros((12, 40, 53, 2), np.float32)


@pytest.mark.parametrize(
    ("weights", "stream", "error", "said"),
    [
        ("{rgb}", "two-stream", ValueError, "takes one for each stream"),
        (("{rgb}",), "two-stream", ValueError, "takes one for each stream"),
        ({"rgb": "{rgb}"}, "two-stream", ValueError, "takes one for each stream"),
        ({"rgb": "{rgb}", "depth": "{flow}"}, "two-stream", ValueError, "one for each stream"),
        ("kinetics400-rgb", "two-stream", ValueError, "takes one for each stream"),
        (("{rgb}",), "rgb", ValueError, "stream='rgb' takes one, a name or a path"),
        ({"rgb": "{rgb}"}, "flow", ValueError, "stream='flow' takes one, a name or a path"),
        (("{flow}", "{rgb}"), "two-stream", CheckpointError, "is the flow stream, and weights of"),
        ("{flow}", "rgb", CheckpointError, r"flow\.safetensors.* use it with stream='flow'"),
        ("{rgb}", "flow", CheckpointError, r"rgb\.safetensors.* use it with stream='rgb'"),
        ("kinetics400-rgb", "flow", ValueError, "use weights='kinetics400-flow'"),
        ("kinetics400-flow", "rgb", ValueError, "use weights='kinetics400-rgb'"),
    ],
)
def test_weights_that_do_not_fit_the_stream_are_refused(small, weights, stream, error, said):
    weights = json.loads(
        json.dumps(weights).replace("{rgb}", small["rgb"]).replace("{flow}", small["flow"])
    )
    transformer = I3DTransformer(weights, stream=stream, layer=LAYER, clip_len=9, flow="dis")
    with pytest.raises(error, match=said):
        transformer.fit([VIDEO])


@pytest.mark.parametrize("stream", ["rgb", "flow", "two-stream"])
@pytest.mark.parametrize("flow", ["farneback", 3, None])
def test_a_method_that_is_none_is_refused_whatever_the_stream(small, stream, flow):
    with pytest.raises(ValueError, match=r"'flow' parameter of I3DTransformer must be .*'dis'"):
        i3d(small, stream, flow=flow).fit([VIDEO])


def test_a_layer_of_one_of_two_streams_is_no_name(small):
    with pytest.raises(ValueError, match=r"layer='rgb/Mixed_4f': name a layer .*'Mixed_4f'"):
        i3d(small, layer="rgb/Mixed_4f").fit([VIDEO])


def test_scores_for_other_classes_are_not_added(small, tmp_path):
    other = str(tmp_path / "other.safetensors")
    network = I3D(num_classes=3, in_channels=2, width=1 / 16)
    save_weights(randomised(network), other, preprocessing=I3D_PREPROCESSING)
    with pytest.raises(ValueError, match="for 7 and 3 classes"):
        i3d({**small, "flow": other}, layer="logits", preprocessing=I3D_PREPROCESSING).fit([VIDEO])
    with pytest.raises(ValueError, match=r"different sizes, .*pass preprocessing="):
        i3d({**small, "flow": other}).fit([VIDEO])
    i3d({**small, "flow": other}, preprocessing=SIZES).fit([VIDEO])


@pytest.mark.parametrize("method", ["dis", "tvl1"])
@pytest.mark.parametrize("stream", ["flow", "two-stream"])
def test_without_opencv_nothing_is_opened(small, tmp_path, monkeypatch, method, stream):
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / "broken.mp4").touch()  # which reading would find out
    videos = [FLOW, VIDEO, str(tmp_path / "broken.mp4")]
    with pytest.raises(ImportError, match=r"pip install 'skvideo3d\[flow\]'"):
        i3d(small, stream, flow=method).transform(videos)
    i3d(small, "rgb", flow=method).transform([VIDEO])
    i3d(small, "flow", flow=difference).transform([VIDEO])


def test_flow_that_is_known_needs_no_opencv(small, films, tmp_path, monkeypatch):
    flow = OpticalFlow("dis", precision="uint8")
    expected = i3d(small, flow=flow).fit_transform(films)
    precompute_flow(films, tmp_path, flow, resize=40)
    monkeypatch.setitem(sys.modules, "cv2", None)
    found = i3d(small, flow=flow, memory=tmp_path)
    np.testing.assert_array_equal(found.fit_transform(films), expected)
    np.testing.assert_array_equal(found.transform(films), expected)  # nor do descriptors
    assert i3d(small, "flow").fit_transform([FLOW]).shape == (1, 52)


def test_flow_is_not_kept_nowhere(small):
    transformer = i3d(small, flow=OpticalFlow("dis", keep=True))
    with pytest.raises(ValueError, match=r"keep=True\) keeps flow below the folder memory="):
        transformer.fit(["no-such-file.mp4"])


def test_without_a_name_nothing_can_be_kept(small, tmp_path):
    transformer = i3d(small, flow=difference, memory=tmp_path)
    with pytest.raises(
        ValueError, match=r"'difference' cannot be kept.* OpticalFlow\(method=f, na"
    ):
        transformer.fit(["no-such-file.mp4"])
    i3d(small, "rgb", flow=difference, memory=tmp_path).fit_transform([VIDEO])


@pytest.mark.parametrize(
    ("stream", "video", "error", "said"),
    [
        ("rgb", FLOW, VideoDecodeError, r"array of shape \(12, 40, 53, 2\) is optical flow, which"),
        ("two-stream", FLOW, FlowError, "is optical flow alone, and the frames are needed too"),
        ("flow", FLOW[:, :30], FlowError, "of frames of 30x53 pixels.* resized to 40 at"),
        ("flow", FLOW * np.nan, VideoDecodeError, "holds NaN or infinity"),
        ("flow", FLOW[:0], VideoDecodeError, "is empty"),
        ("flow", VIDEO[..., :2], VideoDecodeError, "Two channels: optical flow is of floating"),
        ("flow", VIDEO[:1], FlowError, "it has one frame"),
    ],
)
def test_what_cannot_be_described_is_named_or_left_as_nan(small, stream, video, error, said):
    with pytest.raises(error, match=f"Item 1 of X: .*{said}.*on_error='nan'"):
        i3d(small, stream).transform([VIDEO, video])
    transformer = i3d(small, stream, on_error="nan")
    with pytest.warns(UserWarning, match="1 of 3 videos could not be described"):
        rows = transformer.fit_transform([VIDEO, video, VIDEO])
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, False]
    np.testing.assert_array_equal(rows[0], rows[2])
    ((position, _, reason),) = transformer.failures_
    assert position == 1
    assert "of shape" in reason


def test_c3d_does_not_take_flow(small_c3d):
    with pytest.raises(VideoDecodeError, match=r"I3DTransformer\(stream='flow'\) describes"):
        C3DTransformer(small_c3d).transform([FLOW])


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_frames_too_small_for_the_method_leave_a_row_of_nan(small, method):
    sizes = Preprocessing(resize=10, crop=(8, 8))
    transformer = i3d(small, "flow", flow=method, preprocessing=sizes, on_error="nan")
    with pytest.warns(UserWarning, match=r"10x13 pixels are too small .* needs 16 on each side"):
        rows = transformer.fit_transform([VIDEO])
    assert np.isnan(rows).all()


def test_a_callable_that_fails_for_one_video_leaves_the_others_right(small, films):
    expected = i3d(small, flow=difference).transform(films)
    for bad in (None, np.full((40, 53, 2), np.nan), RuntimeError("no more")):
        calls = []

        def at_times(previous, following, bad=bad, calls=calls):
            calls.append(1)
            if len(calls) != 22:  # in the second video
                return difference(previous, following)
            if isinstance(bad, Exception):
                raise bad
            return bad

        transformer = i3d(small, flow=at_times, on_error="nan")
        with pytest.warns(UserWarning, match=r"1 of 4 videos .*1\.mp4': The flow callable"):
            rows = transformer.fit_transform(films)
        assert np.isnan(rows).all(axis=1).tolist() == [False, True, False, False]
        np.testing.assert_array_equal(rows[[0, 2, 3]], expected[[0, 2, 3]])


def test_what_a_damaged_video_lost_is_told_on_every_run(small, tmp_path):
    specimen = next(each for each in DAMAGE if each.name == "hole_in_the_middle_of_mp4")
    path = str(specimen.make(tmp_path))
    flow, losses = OpticalFlow("dis", keep=True), []
    for settings in ({}, {"clip_len": 12}, {"clip_len": 12, "layer": "Mixed_5c"}):
        transformer = i3d(small, "flow", flow=flow, memory=tmp_path / "memory", **settings)
        with pytest.warns(UserWarning, match="could be read only in part"):
            assert np.isfinite(transformer.fit_transform([path])).all()
        losses.append(transformer.losses_)
    assert path in losses[0][0][2]
    assert losses == [losses[0]] * 3


# Of what has frames: there is no flow of one, nor between two of different shapes.
WITHOUT_FLOW = {
    "it has one frame": {"jpeg_called_mp4", "gif_of_one_frame", "interlaced_gif"},
    "Consecutive frames differ in size": {
        *("h264_that_changes_its_size", "ts_that_changes_its_size", "frames_of_many_sizes"),
        *("jpegs_of_two_sizes_in_one_file", "jpegs_that_are_to_be_turned"),
    },
    "more than max_pixels": {"frames_of_one_line"},  # whole, where its centre is small
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*could (not be described|be read only in part)")
def test_every_strange_file_that_has_frames_has_flow_and_the_same_losses(small, tmp_path):
    # All that are without flow, and of the others every third.
    without = set().union(*WITHOUT_FLOW.values())
    zoo = [one for number, one in enumerate(ZOO) if number % 3 == 0 or one.name in without]
    paths = []
    for number, specimen in enumerate(zoo):
        (tmp_path / str(number)).mkdir()
        paths.append(str(specimen.make(tmp_path / str(number))))
    settings = {"clip_stride": 8, "on_error": "nan", "timeout": 20.0, "flow": difference}
    failures, losses = [], []
    for stream in ("rgb", "flow"):
        transformer = i3d(small, stream, **settings)
        rows = transformer.transform(paths)
        failures.append({zoo[place].name: reason for place, _, reason in transformer.failures_})
        losses.append({zoo[place].name: loss for place, _, loss in transformer.losses_})
        assert np.isnan(rows).any(axis=1).sum() == len(failures[-1])
    assert set(failures[0]) <= set(failures[1])
    for reason, names in WITHOUT_FLOW.items():
        for name in names:
            assert reason in failures[1].pop(name)
            losses[0].pop(name, None)
    assert set(failures[1]) == set(failures[0])
    assert losses[1] == losses[0]


@pytest.mark.skipif(os.name != "posix", reason="where files are read in this process anyway")
def test_files_may_be_read_in_this_process(small, films, monkeypatch):
    expected = i3d(small).transform(films)
    monkeypatch.setenv("SKVIDEO3D_ISOLATION", "off")
    np.testing.assert_array_equal(i3d(small).transform(films), expected)
