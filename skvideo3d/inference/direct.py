"""3D convolutions as the processor does them directly, a few frames at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from .memory import empty_map
from .onednn import Convolution3d
from .threads import run_all

__all__ = ["DirectConvolution", "Padding"]

# What a piece of the work gives: little enough to be in the cache for what comes after it.
_PIECE_BYTES = 4 << 20


class Padding(NamedTuple):
    """Zeros before and after each axis of a clip: frames, rows, columns."""

    before: tuple[int, int, int]
    after: tuple[int, int, int]


class DirectConvolution:
    """A convolution and its bias.

    Parameters
    ----------
    weight : Tensor of shape (out_channels, in_channels, kt, kh, kw)
    bias : Tensor of shape (out_channels,)
    dtype : torch.dtype
        Of weights and maps: float32 or bfloat16.
    stride : int, default=1
        Along all axes.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, dtype: torch.dtype, *, stride: int = 1
    ) -> None:
        self.out_channels = weight.shape[0]
        self._kernel = weight.shape[2:]
        self._stride = stride
        self._dtype = dtype
        self._convolve = Convolution3d(weight.to(dtype), bias.to(dtype), stride=stride)

    def __call__(self, x: Tensor, padding: Padding, out: Tensor | None = None) -> Tensor:
        """Convolve clips, and apply a ReLU.

        Parameters
        ----------
        x : Tensor of shape (n, t, h, w, in_channels)
        padding : Padding
        out : Tensor of shape (n, t', h', w', out_channels), optional
            Written to.

        Returns
        -------
        Tensor of shape (n, t', h', w', out_channels)
        """
        if out is None:
            sizes = self.output_sizes(x, padding)
            out = empty_map(len(x), *sizes, self.out_channels, dtype=self._dtype)

        def keep(values: Tensor, clips: slice, steps: slice) -> None:
            out[clips, steps] = values.relu_()

        self.in_pieces(x, padding, keep)
        return out

    def in_pieces(
        self, x: Tensor, padding: Padding, take: Callable[[Tensor, slice, slice], None]
    ) -> None:
        """Convolve clips, and hand the results on while they are in the processor's cache.

        The ReLU is left to the taker: after a pool there is less to do.

        Parameters
        ----------
        x : Tensor of shape (n, t, h, w, in_channels)
        padding : Padding
        take : callable
            Called from several threads with values of shape (n', t'', h', w', out_channels) and the
            clips and frames that they are of.
        """
        n, (frames, *size) = len(x), self.output_sizes(x, padding)
        frame_bytes = prod(size) * self.out_channels * self._dtype.itemsize
        # In the cache, and still enough pieces for all threads.
        together = min(_PIECE_BYTES // frame_bytes, n * frames // (2 * torch.get_num_threads()))
        steps = min(frames, max(1, together))
        clips = max(1, together // frames)
        pieces = [
            (slice(clip, min(clip + clips, n)), slice(step, min(step + steps, frames)))
            for clip in range(0, n, clips)
            for step in range(0, frames, steps)
        ]

        def convolve(piece: tuple[slice, slice]) -> None:
            take(self._of_frames(x[piece[0]], piece[1], padding), *piece)

        run_all(convolve, pieces)

    def output_sizes(self, x: Tensor, padding: Padding) -> list[int]:
        """Give the frames, rows and columns of the result."""
        return [
            (size + before + after - kernel) // self._stride + 1
            for size, before, after, kernel in zip(
                x.shape[1:4], *padding, self._kernel, strict=True
            )
        ]

    def _of_frames(self, x: Tensor, steps: slice, padding: Padding) -> Tensor:
        frames = x.shape[1]
        start = steps.start * self._stride - padding.before[0]
        stop = (steps.stop - 1) * self._stride - padding.before[0] + self._kernel[0]
        x = x[:, max(start, 0) : stop].to(self._dtype)
        before = max(-start, 0), *padding.before[1:]
        after = max(stop - frames, 0), *padding.after[1:]
        if before[1:] == after[1:]:
            # Zeros on both sides oneDNN adds itself, so that most pieces need not be copied.
            if before[0] != after[0]:
                x = _padded(x, Padding((before[0], 0, 0), (after[0], 0, 0)))
                before = 0, *before[1:]
            return self._convolve(x, before)
        return self._convolve(_padded(x, Padding(before, after)), (0, 0, 0))


def _padded(x: Tensor, padding: Padding) -> Tensor:
    sizes = [
        before + size + after for size, before, after in zip(x.shape[1:4], *padding, strict=True)
    ]
    padded = x.new_zeros(len(x), *sizes, x.shape[4])
    inside = [
        slice(before, before + size)
        for size, before in zip(x.shape[1:4], padding.before, strict=True)
    ]
    padded[:, inside[0], inside[1], inside[2]] = x
    return padded
