"""A 3x3x3 convolution, by the algorithm that is fastest for it."""

from __future__ import annotations

from math import ceil, prod

import torch
from torch import Tensor

from .direct import DirectConvolution, Padding
from .memory import empty_map
from .pooling import Windows, pool_frames
from .winograd import WinogradConvolution, steps_of

__all__ = ["Convolution"]

_ONE = Padding((1, 1, 1), (1, 1, 1))


class Convolution:
    """A convolution of 3x3x3 with a zero on every side, its bias, a ReLU, and a max pool if wanted.

    Parameters
    ----------
    weight : Tensor of shape (out_channels, in_channels, 3, 3, 3), float32
    bias : Tensor of shape (out_channels,), float32
    dtype : torch.dtype
        In which products are computed: float32 or bfloat16.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self.out_channels = len(weight)
        self._dtype = dtype
        # In float32 kept as they are: clips of another size may ask for the other algorithm.
        self._plain = (weight.float(), bias.float()) if dtype == torch.float32 else None
        self._direct = DirectConvolution(weight, bias, dtype) if self._plain is None else None
        self._winograd: dict[int, WinogradConvolution] = {}

    def __call__(self, x: Tensor, *, pool: bool = False, out: Tensor | None = None) -> Tensor:
        """Convolve clips; parameters and result are those of `WinogradConvolution`."""
        if self._plain is not None:
            if winograd_pays(self._plain[0].shape, x.shape[1:4]):
                steps = steps_of(x.shape[1])
                if steps not in self._winograd:
                    self._winograd[steps] = WinogradConvolution(*self._plain, steps)
                return self._winograd[steps](x, pool=pool, out=out)
            self._direct = self._direct or DirectConvolution(*self._plain, self._dtype)
        assert self._direct is not None
        if not pool:
            return self._direct(x, _ONE, out)
        n, frames, height, width, _ = x.shape
        halves = [Windows(size // 2, 2, 2, 0) for size in (height, width)]
        if out is None:
            shape = n, frames, height // 2, width // 2, self.out_channels
            out = empty_map(*shape, dtype=self._dtype)
        pooled = out

        def take(values: Tensor, clips: slice, steps: slice) -> None:
            merged = pool_frames(values.flatten(0, 1), halves).relu_()
            pooled[clips, steps] = merged.view(pooled[clips, steps].shape)

        self._direct.in_pieces(x, _ONE, take)
        return out


def winograd_pays(weight: tuple[int, ...], size: tuple[int, ...]) -> bool:
    """Tell whether Winograd's algorithm is the faster one in float32.

    Parameters
    ----------
    weight : tuple of int
        (out_channels, in_channels, 3, 3, 3).
    size : tuple of int
        Frames, height and width of the clips.

    Returns
    -------
    bool
        A rule, not a measurement, so that the same clip gives the same numbers every time. It
        takes enough channels, because the transforms cost as much as about 40 of them, and more
        where the map leaves tiles unfilled; and enough tiles, because products of few rows are
        slow. docs/performance.md has the times behind it.
    """
    outputs, inputs = weight[:2]
    outputs_of_tile = steps_of(size[0]), 4, 4
    tiles = [ceil(n / m) for n, m in zip(size, outputs_of_tile, strict=True)]
    filled = prod(size) / (prod(tiles) * prod(outputs_of_tile))
    channels = inputs * outputs / (inputs + outputs)
    return channels * filled**3 >= 40 and prod(tiles) >= 16
