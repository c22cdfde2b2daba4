import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from joblib import Parallel, cpu_count, delayed

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.feature_extraction.extraction import extract
from skvideo3d.feature_extraction.network import DeviceNetwork, run_network
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.feature_extraction.torch_settings import torch_settings
from skvideo3d.models import load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video.sources import as_source


@pytest.fixture
def describer(small_c3d):
    return C3DTransformer(small_c3d)


@pytest.fixture
def spec(small_c3d):
    weights = resolve_weights(small_c3d, "c3d")
    return DescriptorSpec(
        weights, ("pool5", "fc6"), 16, 8, None, "loop", "mean", "float32", weights.preprocessing
    )


@pytest.fixture
def clips():
    return np.random.default_rng(0).integers(0, 256, (6, 16, 32, 32, 3), dtype=np.uint8)


def test_the_callers_autocast_does_not_reach_the_network(describer, noise_videos):
    expected = describer.transform(noise_videos[:2])
    with torch.autocast("cpu"):
        np.testing.assert_array_equal(describer.transform(noise_videos[:2]), expected)


@pytest.mark.parametrize("precision", ["medium", "high"])
def test_the_callers_matmul_precision_does_not_reach_it_and_is_left_alone(
    describer, noise_videos, precision
):
    expected = describer.transform(noise_videos[:2])
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        np.testing.assert_array_equal(describer.transform(noise_videos[:2]), expected)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_no_setting_of_the_callers_moves_a_descriptor(small_c3d, tmp_path):
    settings = [
        "torch.backends.fp32_precision = 'tf32'",
        "torch.backends.mkldnn.fp32_precision = 'bf16'",
        "torch.backends.mkldnn.matmul.fp32_precision = 'bf16'",
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
        "torch.backends.cudnn.conv.fp32_precision = 'ieee'",
        "torch.set_float32_matmul_precision('medium')",
        "torch.set_default_dtype(torch.bfloat16)",
    ]
    np.save(tmp_path / "video.npy", np.arange(20 * 40 * 48 * 3).reshape(20, 40, 48, 3) % 251)
    # Each in a process of its own: torch does not let all of them be taken back. They part after
    # the imports, and before torch has threads.
    code = f"""
import os, sys
import numpy as np, torch
import skvideo3d.feature_extraction.computing
from skvideo3d import C3DTransformer
from skvideo3d.video import Preprocessing

def check(setting):
    video = np.load({str(tmp_path / "video.npy")!r}).astype(np.uint8)
    recipe = Preprocessing(resize=(36, 48), crop=(32, 32), scale=1 / 3, mean=(9.7, 8.1, 7.3))
    describer = C3DTransformer({str(small_c3d)!r}, preprocessing=recipe, norm=None)
    expected = describer.transform([video])
    exec(setting)
    before = seen()
    again = describer.transform([video])
    assert np.array_equal(again, expected), (setting, np.abs(again - expected).max())
    assert seen() == before, setting

def seen():
    places = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.mkldnn.matmul
    return [getattr(place, "fp32_precision", None) for place in places]

for setting in {settings!r}:
    if os.fork() == 0:
        check(setting)
        print("the same", flush=True)
        sys.exit()
    os.wait()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout == "the same\n" * len(settings), done.stderr


def product_is_exact():
    values = torch.rand(256, 256)
    exact = values.double() @ values.double()
    return float((values @ values - exact).abs().max() / exact.max()) < 1e-5


def test_settings_are_the_callers_again_when_the_last_user_is_done():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        first, second = torch_settings.held(), torch_settings.held()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)  # the first to come is the first to go
        assert product_is_exact()
        second.__exit__(None, None, None)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_the_network_computes_the_layers_of_prepared_clips(spec, clips, small_c3d):
    rows = run_network(clips, spec, "cpu")
    plain = load_weights(small_c3d, "c3d").eval()
    values = torch.from_numpy(spec.preprocessing.prepare_clips(clips)).contiguous()
    with torch.no_grad():
        expected = plain.describe(values, spec.layers)
    for layer in spec.layers:
        assert rows[layer].dtype == np.float32
        scale = expected[layer].abs().max().item()
        np.testing.assert_allclose(rows[layer], expected[layer], rtol=0, atol=1e-5 * scale)


def test_rows_stay_as_they_are_when_the_next_batch_is_computed(spec, clips):
    network = DeviceNetwork(spec, "cpu")
    first = network.start(list(clips[:3]))()
    kept = {layer: values.copy() for layer, values in first.items()}
    network.start(list(clips[3:]))()
    for layer in spec.layers:
        np.testing.assert_array_equal(first[layer], kept[layer])


def relative_error(rows, expected):
    return (np.linalg.norm(rows - expected, axis=1) / np.linalg.norm(expected, axis=1)).max()


def test_a_clip_does_not_depend_on_its_batch(spec, clips):
    alone = [run_network(clip[None], spec, "cpu") for clip in clips]
    for size in (2, 3, 6):
        for order in (clips, clips[::-1]):
            network = DeviceNetwork(spec, "cpu")
            parts = [network.start(list(order[i : i + size]))() for i in range(0, 6, size)]
            for layer in spec.layers:
                rows = np.concatenate([part[layer] for part in parts])
                expected = np.concatenate([one[layer] for one in alone])
                expected = expected if order is clips else expected[::-1]
                assert relative_error(rows, expected) <= 1e-6


def test_threads_that_share_a_network_do_not_mix_their_clips(spec, clips):
    expected = [run_network(clip[None], spec, "cpu")["fc6"] for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda clip: run_network(clip[None], spec, "cpu")["fc6"], [*clips] * 5)
    for rows, right in zip(found, expected * 5, strict=True):
        assert relative_error(rows, right) <= 1e-6


def test_weights_that_are_gone_are_the_callers_error_and_leave_no_thread(
    tmp_path, noise_videos, spec
):
    path = tmp_path / "short-lived.safetensors"
    config = {"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": 5}
    save_weights(load_weights(None, "c3d", seed=7, config=config), path)
    spec = replace(spec, weights=resolve_weights(path, "c3d"))
    path.unlink()
    with pytest.raises(SkVideo3DError, match="short-lived"):
        list(extract([as_source(video) for video in noise_videos], spec, device="cpu"))
    names = {thread.name for thread in threading.enumerate()}
    assert not {"skvideo3d-reader", "skvideo3d-device"} & names


@pytest.mark.slow
def test_joblibs_processes_share_the_cores_among_them():
    # joblib tells them by the environment, and torch listens.
    found = Parallel(n_jobs=2)(delayed(torch.get_num_threads)() for _ in range(4))
    assert found == [max(1, cpu_count() // 2)] * 4


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives(small_c3d, noise_videos):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_cpu = C3DTransformer(small_c3d, device="cpu").transform(noise_videos)
    on_gpu = C3DTransformer(small_c3d, device="cuda").transform(noise_videos)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_gives_what_the_cpu_gives_batch_after_batch(small_c3d, noise_videos, precision):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    videos = noise_videos * 5
    expected = C3DTransformer(small_c3d, device="cpu").transform(videos)
    for device, batch_size in (("cuda", 3), ("cuda", 16), (["cuda:0", "cuda:0"], 2)):
        describer = C3DTransformer(
            small_c3d, device=device, batch_size=batch_size, precision=precision
        )
        cosines = np.sum(describer.transform(videos) * expected, axis=1)
        assert cosines.min() > (0.9999999 if precision == "float32" else 0.9999)


@pytest.mark.gpu
def test_every_gpu_of_a_list_gives_the_same_rows(small_c3d, noise_videos):
    if torch.cuda.device_count() < 2:
        pytest.skip("fewer than two CUDA devices")
    devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    expected = C3DTransformer(small_c3d, device="cuda:0").transform(noise_videos * 5)
    rows = C3DTransformer(small_c3d, device=devices, batch_size=2).transform(noise_videos * 5)
    np.testing.assert_allclose(rows, expected, atol=1e-6)
