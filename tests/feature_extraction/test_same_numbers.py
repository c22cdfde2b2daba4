"""The same video gives the same numbers whatever computes them, and numbers are always numbers.

What is promised is in docs/developers/numerics.md, "How equal": every bit where the same batches of
clips are computed, and 1e-6 on unit vectors where batches are others.
"""

import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer, I3DTransformer
from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.feature_extraction import VideoExtractor
from skvideo3d.feature_extraction.store import DescriptorStore, open_store
from skvideo3d.models import load_weights, save_weights

TOLERANCE = 1e-6  # absolute, on unit vectors


@pytest.fixture(scope="module")
def small_i3d(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small-i3d.safetensors"
    save_weights(load_weights(None, "i3d", seed=0, config={"width": 1 / 16}), path)
    return str(path)


def describer_of(kind, weights):
    if kind == "c3d":
        return C3DTransformer(weights, layer=("fc6", "prob"))
    return I3DTransformer(weights, clip_len=9, clip_stride=9, layer=("avg_pool", "prob"))


@pytest.fixture(params=["c3d", "i3d"])
def describer(request):
    return describer_of(request.param, request.getfixturevalue(f"small_{request.param}"))


@pytest.fixture
def paths(tmp_path, write_video):
    """Five files of 5 to 47 frames."""
    rng = np.random.default_rng(0)
    made = []
    for number, n_frames in enumerate([20, 16, 5, 47, 33]):
        frames = list(rng.integers(0, 256, (n_frames, 32, 48, 3), dtype=np.uint8))
        made.append(write_video(tmp_path / f"v{number}.mp4", frames))
    return made


def assert_close(rows, expected):
    np.testing.assert_allclose(rows, expected, rtol=0, atol=TOLERANCE)


# --- one machine, many ways ------------------------------------------------------------------


def test_a_call_repeated_gives_the_same_bits(describer, paths):
    rows = describer.transform(paths)
    np.testing.assert_array_equal(describer.transform(paths), rows)
    np.testing.assert_array_equal(describer.fit_transform(paths), rows)


@pytest.mark.slow
def test_another_interpreter_with_other_threads_and_hashes_gives_the_same_bits(
    small_c3d, small_i3d, tmp_path, paths
):
    code = (
        "import sys, numpy as np, torch\n"
        "from skvideo3d import C3DTransformer, I3DTransformer\n"
        "output, c3d, i3d, *paths = sys.argv[1:]\n"
        "c3d = C3DTransformer(c3d, layer=('fc6', 'prob'))\n"
        "i3d = I3DTransformer(i3d, clip_len=9, clip_stride=9, layer=('avg_pool', 'prob'))\n"
        "rows = {'c3d': c3d.transform(paths), 'i3d': i3d.transform(paths)}\n"
        "np.savez(output, **rows, n=torch.get_num_threads())\n"
    )
    output = tmp_path / "there.npz"
    subprocess.run(
        [sys.executable, "-c", code, output, small_c3d, small_i3d, *paths],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"},
        check=True,
    )
    with np.load(output) as there:
        assert there["n"] == 1
        for kind, weights in (("c3d", small_c3d), ("i3d", small_i3d)):
            here = describer_of(kind, weights).transform(paths)
            np.testing.assert_array_equal(there[kind], here)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_1_2_and_3_threads_give_the_same_bits(describer, paths, precision):
    describer.set_params(precision=precision)
    before = torch.get_num_threads()
    rows = []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            rows.append(describer.transform(paths))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(rows[1], rows[0])
    np.testing.assert_array_equal(rows[2], rows[0])


@pytest.mark.parametrize("batch_size", [2, 3, 5, 64])
def test_batches_of_any_size_are_within_the_tolerance(describer, paths, batch_size):
    one_by_one = describer.set_params(batch_size=1).transform(paths)
    assert_close(describer.set_params(batch_size=batch_size).transform(paths), one_by_one)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_of_joblib_give_the_same_bits_clip_by_clip(describer, paths, backend):
    expected = describer.transform(paths)
    one_by_one = describer.set_params(batch_size=1).transform(paths)
    with joblib.parallel_config(backend, n_jobs=2):
        np.testing.assert_array_equal(describer.transform(paths), one_by_one)
        assert_close(describer.set_params(batch_size=None).transform(paths), expected)


@pytest.mark.parametrize("device", [["cpu"], ["cpu", "cpu"], ["cpu", "cpu", "cpu"]])
def test_devices_that_share_the_clips_give_the_same_bits_clip_by_clip(describer, paths, device):
    expected = describer.transform(paths)
    one_by_one = describer.set_params(batch_size=1).transform(paths)
    describer.set_params(device=device)
    np.testing.assert_array_equal(describer.transform(paths), one_by_one)
    assert_close(describer.set_params(batch_size=None).transform(paths), expected)


def test_what_comes_from_the_store_is_what_was_computed(describer, tmp_path, paths):
    computed = describer.set_params(memory=tmp_path / "m").transform(paths)
    np.testing.assert_array_equal(describer.transform(paths), computed)
    open_store.cache_clear()  # from the disk, as in another process
    np.testing.assert_array_equal(describer.transform(paths), computed)
    assert len(DescriptorStore(tmp_path / "m").readings()) == len(paths)
    np.testing.assert_array_equal(describer.set_params(memory=None).transform(paths), computed)


def test_an_extractor_gives_the_transformers_numbers(describer, paths):
    rows = describer.transform(paths)
    extract = VideoExtractor(describer)
    np.testing.assert_array_equal(extract({"path": np.array(paths)})["descriptor"], rows)
    batches = [paths[:1], paths[1:4], paths[4:]]
    assert_close(np.concatenate([extract(batch) for batch in batches]), rows)


def test_a_file_elsewhere_is_the_same_video(describer, tmp_path, paths):
    moved = tmp_path / "elsewhere" / "ümläut 動画.avi"  # nor does the name of the format count
    moved.parent.mkdir()
    os.link(paths[3], moved)
    row, there = describer.set_params(batch_size=1).transform([paths[3], moved])
    np.testing.assert_array_equal(row, there)


# --- numbers are numbers ---------------------------------------------------------------------


def pictures(kind, shape):
    """Pixels at the ends of what there is."""
    frames, height, width = shape
    if kind == "noise":
        rng = np.random.default_rng(0)
        return rng.integers(0, 2, (frames, height, width, 3), dtype=np.uint8) * np.uint8(255)
    t, y, x = np.ogrid[:frames, :height, :width]
    values = {
        "black": np.zeros(shape),
        "white": np.full(shape, 255),
        "checkers": (y + x) % 2 * 255 + 0 * t,
        "flicker": t % 2 * 255 + 0 * (y + x),
        "one bright pixel": ((t == 0) & (y == 0) & (x == 0)) * 255,
    }[kind]
    return np.broadcast_to(values[..., None], (*shape, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        *((kind, (20, 36, 48)) for kind in ("black", "white", "checkers", "flicker", "noise")),
        *((kind, (1, 1, 1)) for kind in ("black", "white")),  # there are no others
        *((kind, (17, 200, 3)) for kind in ("one bright pixel", "noise")),
    ],
    ids=str,
)
def test_extreme_pixels_give_unit_vectors_in_every_precision(describer, kind, shape):
    video = pictures(kind, shape)
    exact = describer.fit_transform([video])
    first, prob = describer.feature_blocks_.values()
    for precision in ("float32", "bfloat16", "float16"):
        (row,) = describer.set_params(precision=precision).transform([video])
        for block in (first, prob):
            assert np.linalg.norm(row[block]) == pytest.approx(1, abs=1e-5)
        # Not of prob, whose exponentials make much of little.
        assert row[first] @ exact[0, first] > 0.999


@pytest.fixture
def scaled_c3d(small_c3d, tmp_path):
    """A function that writes the small C3D with all weights multiplied."""

    def write(factor):
        network = load_weights(small_c3d)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(factor)
        path = tmp_path / f"times_{factor}.safetensors"
        save_weights(network, path, preprocessing=network.preprocessing)
        return str(path)

    return write


@pytest.mark.parametrize("norm", ["l1", "l2", "max", None])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_features_that_are_all_zero_stay_zero(scaled_c3d, noise_videos, norm, pooling):
    # 0/0 has no value; scikit-learn's normalize leaves such rows as they are, and so do we.
    describer = C3DTransformer(scaled_c3d(0.0), norm=norm, pooling=pooling)
    rows = describer.fit_transform(noise_videos)
    np.testing.assert_array_equal(rows, np.zeros((len(noise_videos), 256)))


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("layer", ["fc6", "prob"])
@pytest.mark.parametrize(
    ("factor", "precision"),
    [(1e12, "float32"), (1e12, "bfloat16"), (60.0, "float16")],
)
def test_a_network_that_overflows_is_an_error_that_names_the_video(
    scaled_c3d, noise_videos, factor, precision, layer, pooling
):
    options = {"precision": precision, "layer": layer, "pooling": pooling}
    describer = C3DTransformer(scaled_c3d(factor), **options)
    with pytest.raises(SkVideo3DError, match=rf"Item 0 of X: .*\(20, 24, .*{precision}"):
        describer.transform(noise_videos[:1])
    describer.set_params(on_error="nan")
    with pytest.warns(UserWarning, match="1 of 1 videos"):
        assert np.isnan(describer.transform(noise_videos[:1])).all()
    assert "not finite" in describer.failures_[0][2]
    with pytest.warns(UserWarning, match="1 of 1 videos"):
        (clips,) = describer.transform_clips(noise_videos[:1])
    assert len(clips.features) == 0


def test_the_same_weights_that_overflow_in_float16_are_fine_in_float32(scaled_c3d, noise_videos):
    rows = C3DTransformer(scaled_c3d(60.0)).transform(noise_videos)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)


def test_an_overflow_is_never_stored(scaled_c3d, tmp_path, noise_videos):
    describer = C3DTransformer(scaled_c3d(1e12), on_error="nan", memory=tmp_path / "m")
    for _ in range(2):
        with pytest.warns(UserWarning, match="6 of 6 videos"):
            describer.transform(noise_videos)
    assert not list((tmp_path / "m").rglob("*.npy"))


def test_videos_that_are_all_the_same_have_principal_components(small_c3d, noise_videos):
    # No variance at all: nothing to divide by.
    videos = [noise_videos[0]] * 4
    describer = C3DTransformer(small_c3d, n_components=2, whiten=True)
    with np.errstate(all="ignore"):
        assert np.isfinite(describer.fit_transform(videos)).all()
