"""Pooling axis by axis against torch's pools of boxes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skvideo3d.inference.pooling import Windows, max_pool


def maps(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def boxes(x, size, stride, before, after):
    """What torch takes from boxes, zeros outside."""
    pads = [side for pair in zip(before[::-1], after[::-1], strict=True) for side in pair]
    y = F.pad(x.permute(0, 4, 1, 2, 3).float(), pads)
    return F.max_pool3d(y, size, stride).permute(0, 2, 3, 4, 1).to(x.dtype)


@given(
    sizes=st.tuples(*[st.integers(1, 7)] * 3),
    window=st.tuples(*[st.integers(1, 3)] * 3),
    strides=st.tuples(*[st.integers(1, 2)] * 3),
    before=st.tuples(*[st.integers(0, 1)] * 3),
    after=st.tuples(*[st.integers(0, 1)] * 3),
)
@settings(max_examples=80, deadline=None)
def test_lines_one_after_the_other_are_boxes(sizes, window, strides, before, after):
    before = tuple(min(b, k - 1) for b, k in zip(before, window, strict=True))
    after = tuple(min(a, k - 1) for a, k in zip(after, window, strict=True))
    counts = [
        (n + b + a - k) // s + 1
        for n, b, a, k, s in zip(sizes, before, after, window, strides, strict=True)
    ]
    if min(counts) < 1:
        return
    x = maps(2, *sizes, 3)
    found = max_pool(
        x, [Windows(*axis) for axis in zip(counts, window, strides, before, strict=True)]
    )
    assert torch.equal(found, boxes(x, window, strides, before, after))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_inceptions_pool_of_27_values(dtype):
    x = maps(2, 4, 6, 7, 5, dtype=dtype)
    found = max_pool(x, [Windows(n, 3, 1, 1) for n in x.shape[1:4]])
    assert found.dtype == dtype
    assert torch.equal(found, boxes(x, 3, 1, (1, 1, 1), (1, 1, 1)))


def test_the_map_itself_is_left_alone():
    x = maps(1, 3, 4, 4, 2)
    before = x.clone()
    max_pool(x, [Windows(1, 1, 1, 0), Windows(4, 3, 1, 1), Windows(4, 3, 1, 1)])
    assert torch.equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_not_a_number_is_not_lost(dtype, sign):
    x = maps(1, 2, 4, 4, 1, dtype=dtype)
    x[0, 0, 1, 2, 0] = torch.copysign(torch.tensor(float("nan")), torch.tensor(sign))
    found = max_pool(x, [Windows(1, 2, 2, 0), Windows(2, 2, 2, 0), Windows(2, 2, 2, 0)])
    assert torch.isnan(found).flatten().tolist() == [False, True, False, False]
