import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer


@pytest.fixture
def describer(small_c3d):
    return C3DTransformer(small_c3d)


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


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives(small_c3d, noise_videos):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_cpu = C3DTransformer(small_c3d, device="cpu").transform(noise_videos)
    on_gpu = C3DTransformer(small_c3d, device="cuda").transform(noise_videos)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-5)
