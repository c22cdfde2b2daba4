"""Bilinear resizing of uint8 frames, equal to OpenCV's INTER_LINEAR to the last bit.

The networks were trained on frames that OpenCV had resized as 8-bit images: sample positions at
half-pixel centres, no antialiasing, weights rounded to 11 bits, the result rounded to uint8. Those
roundings reach the descriptors (a float resize moves fc6 by about 1e-3), so they are part of the
recipe. Only the cropped part of the result is computed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["resize_bilinear", "resized_shape"]

_WEIGHT_BITS = 11
_ONE = np.float32(1 << _WEIGHT_BITS)

_Taps = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32], NDArray[np.int32]]


def resized_shape(height: int, width: int, resize: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of a resized frame.

    Parameters
    ----------
    height, width : int
        Of the source frame, in pixels.
    resize : int or (int, int)
        An int is the length of the shorter side, the longer one keeping the aspect ratio, rounded
        down; a pair is (height, width) whatever the aspect.

    Returns
    -------
    (int, int)
        Height and width in pixels.

    Examples
    --------
    >>> resized_shape(240, 320, 256)
    (256, 341)
    >>> resized_shape(240, 320, (128, 171))
    (128, 171)
    """
    if not isinstance(resize, int):
        return resize
    if height <= width:
        return resize, resize * width // height
    return resize * height // width, resize


def resize_bilinear(
    frame: NDArray[np.uint8],
    size: tuple[int, int],
    crop: tuple[slice, slice] | None = None,
) -> NDArray[np.uint8]:
    """Resize one frame, or the part of it that a crop will keep.

    Parameters
    ----------
    frame : ndarray of shape (height, width, 3), uint8
    size : (int, int)
        Height and width of the whole resized frame, in pixels.
    crop : (slice, slice), optional
        Rows and columns of the resized frame to compute; default all.

    Returns
    -------
    ndarray of shape (rows, columns, 3), uint8
        What ``cv2.resize(frame, size[::-1], interpolation=cv2.INTER_LINEAR)`` gives, cropped.

    Examples
    --------
    >>> frame = np.repeat(np.array([[[0], [100]]], dtype=np.uint8), 3, axis=2)
    >>> resize_bilinear(frame, (1, 4))[0, :, 0]
    array([  0,  25,  75, 100], dtype=uint8)
    """
    height, width = frame.shape[:2]
    rows, columns = crop if crop is not None else (slice(0, size[0]), slice(0, size[1]))
    if (height, width) == size:
        return np.ascontiguousarray(frame[rows, columns])
    plan = _plan((height, width), size, (rows.start, rows.stop), (columns.start, columns.stop))
    _scratch.reserve(plan)
    if plan.runs is None:
        _pick_words(frame, plan)
    else:
        _pick_runs(frame, plan, plan.runs)
    return _blend_rows(_blend_columns(plan), plan)


# Picking columns is what costs most, as numpy is slow with groups of three bytes. Two ways are
# faster. Frames that are enlarged a little consist of runs of neighbouring columns, which are
# copied run by run. Elsewhere a pixel travels as one word with a fourth lane that is never looked
# at, which numpy picks several times faster and, while at it, transposes for nothing: columns are
# blended with x as the first axis, and picking rows turns the frame back.

_Run = tuple[slice, slice]  # bytes of a resized row, and where they are in the source
_SHORTEST_RUN = 8  # columns, on average; the first way is the faster one from about 5 on


@dataclass(frozen=True, eq=False)
class _Plan:
    """All that depends on the sizes alone.

    The weight of a column is split into a multiple of 16 and a rest, so that the sum of two
    weighted pixels, of which only the part above 4 bits is kept, fits into 16 bits.
    """

    rows: NDArray[np.intp]  # of the source, those that are needed
    are_adjacent: bool
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    runs: tuple[list[_Run], list[_Run]] | None  # of left and right columns, where they are long
    left_sixteenths: NDArray[np.uint16]
    left_rest: NDArray[np.uint16]
    right_sixteenths: NDArray[np.uint16]
    right_rest: NDArray[np.uint16]
    top: NDArray[np.intp]  # among `rows`
    bottom: NDArray[np.intp]
    top_weight: NDArray[np.int32]
    bottom_weight: NDArray[np.int32]


class _Scratch(threading.local):
    """Memory of one thread for intermediate results; new memory costs more than the arithmetic."""

    def __init__(self) -> None:
        self._plan: _Plan | None = None

    def reserve(self, plan: _Plan) -> None:
        if self._plan is plan:
            return
        n_columns, n_rows, lanes = len(plan.left), len(plan.rows), 4 if plan.runs is None else 3
        shape = (n_columns, 4 * n_rows) if plan.runs is None else (n_rows, 3 * n_columns)
        self.left, self.right, self.blended, self.other = (
            np.empty(shape, np.uint16) for _ in range(4)
        )
        self.upper, self.lower = (
            np.empty((len(plan.top), lanes * n_columns), np.int32) for _ in range(2)
        )
        self.lines = np.empty(self.upper.shape, np.uint16)
        self._plan = plan


_scratch = _Scratch()


def _pick_words(frame: NDArray[np.uint8], plan: _Plan) -> None:
    """Fill left and right with x as first axis, then y and four lanes of a pixel."""
    width = frame.shape[1]
    n_rows, n_columns = len(plan.rows), int(plan.right[-1]) + 1
    first = int(plan.rows[0]) * width * 3
    end = first + ((n_rows - 1) * width + n_columns) * 3
    # The last word holds one byte more than its pixel.
    if not plan.are_adjacent or end == frame.nbytes or not frame.flags.c_contiguous:
        padded = np.empty(n_rows * width * 3 + 1, np.uint8)
        frame.take(plan.rows, 0, padded[:-1].reshape(n_rows, width, 3), "clip")
        frame, first = padded, 0
    words = np.ndarray((n_rows, n_columns), np.uint32, frame.data, first, (width * 3, 3))
    np.copyto(_scratch.left, words[:, plan.left].T.view(np.uint8))
    np.copyto(_scratch.right, words[:, plan.right].T.view(np.uint8))


def _pick_runs(frame: NDArray[np.uint8], plan: _Plan, runs: tuple[list[_Run], list[_Run]]) -> None:
    """Fill left and right with y as first axis, then x and three lanes of a pixel."""
    if plan.are_adjacent:
        frame = np.ascontiguousarray(frame[plan.rows[0] : plan.rows[-1] + 1])
    else:
        frame = frame.take(plan.rows, axis=0)
    lines = frame.reshape(len(frame), -1)
    for picked, sides in zip((_scratch.left, _scratch.right), runs, strict=True):
        for there, here in sides:
            picked[:, there] = lines[:, here]


def _blend_columns(plan: _Plan) -> NDArray[np.uint16]:
    left, right, blended, other = _scratch.left, _scratch.right, _scratch.blended, _scratch.other
    np.multiply(left, plan.left_sixteenths, out=blended)
    np.multiply(right, plan.right_sixteenths, out=other)
    blended += other
    left *= plan.left_rest
    right *= plan.right_rest
    left += right
    left >>= 4
    blended += left
    return blended


def _blend_rows(blended: NDArray[np.uint16], plan: _Plan) -> NDArray[np.uint8]:
    upper, lower = _scratch.upper, _scratch.lower
    for weighted, picked, weight in (
        (upper, plan.top, plan.top_weight),
        (lower, plan.bottom, plan.bottom_weight),
    ):
        if plan.runs is None:
            lines = blended.view(np.uint64)[:, picked].T.view(np.uint16)
        else:
            lines = blended.take(picked, 0, _scratch.lines, "clip")
        np.copyto(weighted, lines)
        np.multiply(weighted, weight, out=weighted)
        np.right_shift(weighted, 16, out=weighted)
    upper += lower
    upper += 2
    upper >>= 2
    lanes = upper.reshape(len(plan.top), len(plan.left), -1)
    if plan.runs is not None:
        return lanes.astype(np.uint8)
    resized = np.empty((*lanes.shape[:2], 3), np.uint8)
    for channel in range(3):
        np.copyto(resized[..., channel], lanes[..., channel], casting="unsafe")
    return resized


@lru_cache(maxsize=256)
def _plan(
    source: tuple[int, int],
    target: tuple[int, int],
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> _Plan:
    top, bottom, top_weight, bottom_weight = _taps(source[0], target[0], *rows)
    left, right, left_weight, right_weight = _border_taps(source[1], target[1], *columns)
    needed, where = np.unique(np.concatenate([top, bottom]), return_inverse=True)
    runs = _runs(left), _runs(right)
    are_long = max(map(len, runs)) * _SHORTEST_RUN <= len(left)

    def by_lane(weight: NDArray[np.int32]) -> NDArray[np.uint16]:
        weight = np.repeat(weight, 3)[None] if are_long else weight[:, None]
        return weight.astype(np.uint16)

    return _Plan(
        needed,
        bool(needed[-1] - needed[0] == len(needed) - 1),
        left,
        right,
        runs if are_long else None,
        by_lane(left_weight >> 4),
        by_lane(left_weight & 15),
        by_lane(right_weight >> 4),
        by_lane(right_weight & 15),
        where[: len(top)],
        where[len(top) :],
        top_weight[:, None],
        bottom_weight[:, None],
    )


def _runs(columns: NDArray[np.intp]) -> list[_Run]:
    """Part columns into runs of neighbours."""
    bounds = [0, *(np.flatnonzero(np.diff(columns) != 1) + 1).tolist(), len(columns)]
    return [
        (slice(3 * start, 3 * stop), slice(3 * first, 3 * (first + stop - start)))
        for start, stop in pairwise(bounds)
        for first in [int(columns[start])]
    ]


def _taps(source: int, target: int, start: int, stop: int) -> _Taps:
    """Both source lines of each wanted line, clamped to the frame, and their weights."""
    position = ((np.arange(start, stop) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(position).astype(np.intp)
    fraction = position - first.astype(np.float32)
    return (
        np.clip(first, 0, source - 1),
        np.clip(first + 1, 0, source - 1),
        np.rint((np.float32(1) - fraction) * _ONE).astype(np.int32),
        np.rint(fraction * _ONE).astype(np.int32),
    )


def _border_taps(source: int, target: int, start: int, stop: int) -> _Taps:
    """Like `_taps`, with the whole weight on the border column where a tap falls outside.

    OpenCV does so along rows but not along columns, which changes a rounding.
    """
    position = ((np.arange(start, stop) + 0.5) * (source / target) - 0.5).astype(np.float32)
    outside = (np.floor(position) < 0) | (np.floor(position) >= source - 1)
    first, second, first_weight, second_weight = _taps(source, target, start, stop)
    second = np.where(outside, first, second)
    return (
        first,
        second,
        np.where(outside, np.int32(_ONE), first_weight).astype(np.int32),
        np.where(outside, 0, second_weight).astype(np.int32),
    )
