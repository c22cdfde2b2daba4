"""Winograd's convolution against torch's in float64, and its transforms by hand."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skvideo3d.inference import winograd
from skvideo3d.inference.transforms import (
    FOUR,
    OUTPUT_SCALES,
    TWO,
    transform_input,
    transform_output,
)
from skvideo3d.inference.winograd import WinogradConvolution


def expected(x, weight, bias, pool=False):
    y = F.conv3d(x.double().permute(0, 4, 1, 2, 3), weight.double(), bias.double(), padding=1)
    y = F.max_pool3d(y, (1, 2, 2)) if pool else y
    return y.clamp(min=0).permute(0, 2, 3, 4, 1)


def drawn(*shape, inputs=3, outputs=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, 3, 3, 3, generator=generator)
    bias = torch.randn(outputs, generator=generator)
    return torch.randn(*shape, inputs, generator=generator), weight, bias


def relative(value, reference):
    assert value.shape == reference.shape
    # All of a small map may be zero after the ReLU.
    return float((value.double() - reference).abs().max() / reference.abs().max().clamp(min=1))


VALUES = torch.tensor([1.0, 2.0, 0.0, -1.0, 3.0, 5.0], dtype=torch.float64)
TAPS = torch.tensor([2.0, -1.0, 4.0], dtype=torch.float64)
# 2*1 - 2 + 0, 2*2 - 0 - 4, 0 + 1 + 12, -2 - 3 + 20
FILTERED = torch.tensor([0.0, 0.0, 13.0, 15.0], dtype=torch.float64)


@pytest.mark.parametrize(("way", "n"), [(FOUR, 4), (TWO, 2)])
def test_outputs_of_a_filter_along_one_axis_by_hand(way, n):
    assert way.n_outputs == n
    assert way.n_points == n + 2  # three taps would take 3 * n products
    products = (way.inputs @ VALUES[: n + 2]) * (way.filters @ TAPS)
    torch.testing.assert_close(way.outputs @ products, FILTERED[:n])


def test_sums_do_what_the_matrices_do():
    transformed = torch.empty(6, 1, dtype=torch.float64)
    transform_input(list(VALUES[:, None]), list(transformed))
    found = torch.empty(4, 1, dtype=torch.float64)
    transform_output(list(transformed * (FOUR.filters @ TAPS)[:, None]), list(found))
    torch.testing.assert_close(found[:, 0] * OUTPUT_SCALES, FILTERED)


@given(
    clips=st.integers(1, 3),
    size=st.tuples(st.integers(1, 9), st.integers(1, 10), st.integers(1, 10)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    steps=st.sampled_from([2, 4]),
)
@settings(max_examples=60, deadline=None)
def test_any_size_equals_a_direct_convolution(clips, size, channels, steps):
    x, weight, bias = drawn(clips, *size, inputs=channels[0], outputs=channels[1])
    found = WinogradConvolution(weight, bias, steps)(x)
    assert relative(found, expected(x, weight, bias)) < 5e-6


@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize("size", [(4, 8, 8), (3, 6, 10), (5, 2, 4)])
def test_pooled_pairs_are_the_largest_of_the_convolution(size, steps):
    x, weight, bias = drawn(2, *size)
    found = WinogradConvolution(weight, bias, steps)(x, pool=True)
    assert relative(found, expected(x, weight, bias, pool=True)) < 5e-6


@pytest.mark.parametrize("block_bytes", [1, 1 << 14, 1 << 16, 1 << 30])
def test_blocks_of_any_size_give_the_same(block_bytes, monkeypatch):
    x, weight, bias = drawn(5, 6, 18, 11)
    monkeypatch.setattr(winograd, "_BLOCK_BYTES", block_bytes)
    assert relative(WinogradConvolution(weight, bias, 4)(x), expected(x, weight, bias)) < 5e-6


def test_the_error_stays_near_that_of_float32_with_many_channels():
    x, weight, bias = drawn(1, 8, 12, 12, inputs=128, outputs=64)
    weight /= (27 * 128) ** 0.5
    reference = expected(x, weight, bias)
    found = WinogradConvolution(weight, bias, 4)(x)
    assert float((found - reference).norm() / reference.norm()) < 2e-6


def test_it_writes_where_it_is_told_to_and_reads_views():
    x, weight, bias = drawn(1, 4, 8, 8, inputs=6)
    weight = weight[:, 2:5]
    out = torch.full((1, 4, 8, 8, 9), 7.0)
    WinogradConvolution(weight, bias, 4)(x[..., 2:5], out=out[..., 1:6])
    assert relative(out[..., 1:6], expected(x[..., 2:5], weight, bias)) < 5e-6
    assert (out[..., 0] == 7).all()
    assert (out[..., 6:] == 7).all()
