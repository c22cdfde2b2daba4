"""Direct convolutions in pieces against torch's convolution of the padded whole."""

import pytest
import torch
import torch.nn.functional as F

from skvideo3d.inference import direct, onednn
from skvideo3d.inference.direct import DirectConvolution, Padding


def drawn(shape, kernel, outputs=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, shape[-1], *kernel, generator=generator) / 9
    return (
        torch.randn(*shape, generator=generator),
        weight,
        torch.randn(outputs, generator=generator),
    )


def expected(x, weight, bias, padding, stride):
    pads = [side for pair in zip(*(ends[::-1] for ends in padding), strict=True) for side in pair]
    padded = F.pad(x.double().permute(0, 4, 1, 2, 3), pads)
    y = F.conv3d(padded, weight.double(), bias.double(), stride=stride).clamp(min=0)
    return y.permute(0, 2, 3, 4, 1)


CASES = {
    "3x3x3": ((3, 5, 8, 7, 4), (3, 3, 3), 1, Padding((1, 1, 1), (1, 1, 1))),
    "one frame": ((2, 1, 6, 6, 4), (3, 3, 3), 1, Padding((1, 1, 1), (1, 1, 1))),
    "7x7x7 by two, even": ((2, 8, 12, 10, 3), (7, 7, 7), 2, Padding((2, 2, 2), (3, 3, 3))),
    "7x7x7 by two, odd": ((1, 9, 11, 13, 3), (7, 7, 7), 2, Padding((3, 3, 3), (3, 3, 3))),
    "mixed": ((1, 8, 11, 10, 3), (7, 7, 7), 2, Padding((2, 3, 2), (3, 3, 3))),
}


@pytest.mark.parametrize("piece_bytes", [1, 1 << 12, 1 << 30])
@pytest.mark.parametrize("case", CASES)
def test_pieces_of_any_size_are_the_whole(case, piece_bytes, monkeypatch):
    shape, kernel, stride, padding = CASES[case]
    x, weight, bias = drawn(shape, kernel)
    monkeypatch.setattr(direct, "_PIECE_BYTES", piece_bytes)
    found = DirectConvolution(weight, bias, torch.float32, stride=stride)(x, padding)
    reference = expected(x, weight, bias, padding, stride)
    assert found.shape == reference.shape
    torch.testing.assert_close(found.double(), reference, rtol=1e-5, atol=1e-5)


def test_bfloat16_rounds_its_input_and_weights_and_sums_in_float32():
    shape, kernel, stride, padding = CASES["3x3x3"]
    x, weight, bias = drawn(shape, kernel)
    found = DirectConvolution(weight, bias, torch.bfloat16)(x, padding)
    rounded = [values.bfloat16().float() for values in (x, weight, bias)]
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(
        found.double(), expected(*rounded, padding, stride), rtol=2**-7, atol=2**-7
    )


def test_without_packed_weights_it_computes_the_same(monkeypatch):
    shape, kernel, stride, padding = CASES["mixed"]
    x, weight, bias = drawn(shape, kernel)
    monkeypatch.setattr(onednn, "_packs", lambda weight: False)
    found = DirectConvolution(weight, bias, torch.float32, stride=stride)(x, padding)
    torch.testing.assert_close(
        found.double(), expected(x, weight, bias, padding, stride), rtol=1e-5, atol=1e-5
    )
