"""Max pooling axis by axis, on channels-last maps without negative values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import torch
from torch import Tensor

from .memory import empty_map
from .threads import run_all

__all__ = ["Windows", "max_pool", "pool_frames", "pool_in_pieces"]


@dataclass(frozen=True)
class Windows:
    """Where the windows of a pool lie along one axis.

    Parameters
    ----------
    count : int
        How many there are.
    size : int
        Values in each; those outside the map do not count.
    stride : int
        From one window to the next.
    before : int
        How far the first one begins before the map.
    """

    count: int
    size: int
    stride: int
    before: int

    @property
    def changes_nothing(self) -> bool:
        """Tell whether every value is a window of its own."""
        return self.size == 1 and self.stride == 1 and self.before == 0


def max_pool(x: Tensor, windows: Sequence[Windows]) -> Tensor:
    """Take the largest value of each window.

    The maximum of a box is that of the maxima of its lines: a few values along each axis, where
    the box of 3x3x3 has 27. After a ReLU nothing is below zero, so that what lies outside may be
    taken for zero.

    Parameters
    ----------
    x : Tensor of shape (n, t, h, w, c)
        float32 or bfloat16, without negative values.
    windows : sequence of 3 Windows
        Along t, h and w.

    Returns
    -------
    Tensor of shape (n, windows[0].count, windows[1].count, windows[2].count, c)
    """
    out = empty_map(len(x), *(axis.count for axis in windows), x.shape[-1], dtype=x.dtype)

    def keep(values: Tensor, clip: int, step: int) -> None:
        out[clip, step] = values

    pool_in_pieces(x, windows, keep)
    return out


def pool_in_pieces(
    x: Tensor, windows: Sequence[Windows], take: Callable[[Tensor, int, int], None]
) -> None:
    """Pool clips, and hand the frames on while they are in the processor's cache.

    Parameters
    ----------
    x, windows
        As for `max_pool`.
    take : callable
        Called from several threads with a frame of shape (h', w', c), its clip and its number.
    """
    along, *across = windows

    def pool(piece: tuple[int, int]) -> None:
        clip, step = piece
        start = step * along.stride - along.before
        # Time comes first, of whole frames, so that what follows has one frame only.
        merged = reduce(torch.maximum, x[clip, max(start, 0) : start + along.size])
        take(pool_frames(merged[None], across)[0], clip, step)

    run_all(pool, list(product(range(len(x)), range(along.count))))


def pool_frames(x: Tensor, windows: Sequence[Windows]) -> Tensor:
    """Take the largest value of each window, frame by frame.

    Parameters
    ----------
    x : Tensor of shape (t, h, w, c)
        float32 or bfloat16. Negative values are right, too, if a ReLU follows.
    windows : sequence of 2 Windows
        Along h and w.

    Returns
    -------
    Tensor of shape (t, windows[0].count, windows[1].count, c)
    """
    for dim, axis in enumerate(windows, start=1):
        x = _pool(x, dim, axis)
    return x


def _pool(x: Tensor, dim: int, windows: Windows) -> Tensor:
    if windows.changes_nothing:
        return x
    size = x.shape[dim]
    everywhere, partly = [], []  # the k-th values of all windows, or of those where it is inside
    for tap in range(windows.size):
        offset = tap - windows.before
        first = max(0, -(offset // windows.stride))
        last = min(windows.count, (size - 1 - offset) // windows.stride + 1)
        if first >= last:
            continue
        begin = first * windows.stride + offset
        values = _strided(x, dim, begin, last - first, windows.stride)
        if last - first == windows.count:
            everywhere.append(values)
        else:
            partly.append((first, values))
    if not everywhere:
        everywhere.append(
            x.new_zeros(()).expand(*x.shape[:dim], windows.count, *x.shape[dim + 1 :])
        )
    largest = reduce(torch.maximum, everywhere)
    if partly and len(everywhere) == 1:
        largest = largest.clone()  # it is a view of the map
    for first, values in partly:
        target = largest.narrow(dim, first, values.shape[dim])
        torch.maximum(target, values, out=target)
    return largest


def _strided(x: Tensor, dim: int, begin: int, count: int, stride: int) -> Tensor:
    index = [slice(None)] * x.ndim
    index[dim] = slice(begin, begin + (count - 1) * stride + 1, stride)
    return x[tuple(index)]
