"""Convolutions and matrix products whose weights are packed once, by oneDNN where torch has it.

torch's own functions lay weights out anew in every call, and hand float32 matrix products to a
library that is slow on some processors (on AMD's with AVX-512 half as fast as oneDNN). The
operators used here are those to which torch's compiler lowers frozen networks. Where they are
missing, torch's functions do the same.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Convolution3d", "Linear"]


class Convolution3d:
    """A convolution over clips whose channels lie side by side, and a bias.

    Parameters
    ----------
    weight : Tensor of shape (out_channels, in_channels, kt, kh, kw)
        float32 or bfloat16; the clips come in the same.
    bias : Tensor of shape (out_channels,)
    stride : int, default=1
        Along all axes.
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, stride: int = 1) -> None:
        self._bias = bias
        self._stride = (stride,) * 3
        self._weight: Tensor = weight.contiguous(memory_format=torch.channels_last_3d)
        self._by_onednn = _packs(weight)
        self._is_packed = False
        self._guard = threading.Lock()

    def __call__(self, clips: Tensor, padding: tuple[int, int, int]) -> Tensor:
        """Convolve clips of shape (n, t, h, w, in_channels) to (n, t', h', w', out_channels)."""
        x = clips.permute(0, 4, 1, 2, 3)
        if self._by_onednn:
            weight = self._laid_out(x, padding)
            y: Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, weight, self._bias, padding, self._stride, (1, 1, 1), 1, "none", [], ""
            )
        else:
            y = F.conv3d(x, self._weight, self._bias, self._stride, padding)
        return y.permute(0, 2, 3, 4, 1)

    def _laid_out(self, x: Tensor, padding: tuple[int, int, int]) -> Tensor:
        """Give the packed weights, in a layout that oneDNN chooses by the first clips."""
        with self._guard:  # pieces come in several threads
            if not self._is_packed:
                self._weight = torch.ops.mkldnn._reorder_convolution_weight(
                    self._weight, padding, self._stride, (1, 1, 1), 1, x.shape
                )
                self._is_packed = True
            return self._weight


class Linear:
    """A matrix product, a bias, and a ReLU if wanted.

    Parameters
    ----------
    weight : Tensor of shape (out_features, in_features)
        float32 or bfloat16; the rows come in the same.
    bias : Tensor of shape (out_features,), optional
    relu : bool, default=False
    pack : bool, default=True
        Whether to make a copy in the layout of the processor, or to keep the weights as they are:
        where rows are few, laying out many weights costs more than it saves.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        relu: bool = False,
        pack: bool = True,
    ) -> None:
        self._bias, self._relu = bias, relu
        self._by_onednn = _packs(weight)
        if pack:
            copy = torch.ops.mkldnn._reorder_linear_weight if self._by_onednn else torch.clone
            weight = copy(weight)
        self._weight = weight

    def __call__(self, rows: Tensor) -> Tensor:
        """Multiply rows of shape (..., in_features) to (..., out_features)."""
        if self._by_onednn:
            if rows.shape[:-1].numel() == 1:
                # One row is multiplied in another order than several: the same clip is to have the
                # same bits in any company.
                return self(rows.expand(2, *rows.shape[1:]).contiguous())[:1]
            y = torch.ops.mkldnn._linear_pointwise(rows, self._weight, self._bias, "none", [], "")
        else:
            y = F.linear(rows, self._weight, self._bias)
        # Not oneDNN's own ReLU, which makes zeros of NaN: bad weights would go unnoticed.
        return torch.relu_(y) if self._relu else y


def _packs(weight: Tensor) -> bool:
    operators: Sequence[str] = (
        "_convolution_pointwise",
        "_linear_pointwise",
        "_reorder_convolution_weight",
        "_reorder_linear_weight",
    )
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not all(hasattr(torch.ops.mkldnn, name) for name in operators):
        return False
    if weight.dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return weight.dtype == torch.float32
