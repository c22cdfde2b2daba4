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
    blended = _blend_columns(_pixels(frame, plan), plan)
    return _blend_rows(blended, plan)


# A pixel travels as one word with a fourth lane that is never looked at: numpy picks words several
# times faster than groups of three bytes, and picking columns transposes for nothing. Columns are
# therefore blended with x as the first axis, and picking rows turns the frame back.


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
        across, down = (len(plan.left), 4 * len(plan.rows)), (len(plan.top), 4 * len(plan.left))
        self.columns = [np.empty(across, np.uint16) for _ in range(4)]
        self.rows = [np.empty(down, np.int32) for _ in range(2)]
        self._plan = plan


_scratch = _Scratch()


def _pixels(frame: NDArray[np.uint8], plan: _Plan) -> NDArray[np.uint32]:
    """Needed rows as words of a pixel and the byte that follows it."""
    width = frame.shape[1]
    n_rows, n_columns = len(plan.rows), int(plan.right[-1]) + 1
    first = int(plan.rows[0]) * width * 3
    after = first + ((n_rows - 1) * width + n_columns) * 3
    if not plan.are_adjacent or after == frame.nbytes or not frame.flags.c_contiguous:
        padded = np.empty(n_rows * width * 3 + 1, np.uint8)
        frame.take(plan.rows, 0, padded[:-1].reshape(n_rows, width, 3), "clip")
        frame, first = padded, 0
    return np.ndarray((n_rows, n_columns), np.uint32, frame.data, first, (width * 3, 3))


def _blend_columns(pixels: NDArray[np.uint32], plan: _Plan) -> NDArray[np.uint64]:
    """Words of 16-bit lanes: the blended columns as first axis, the needed rows as second."""
    _scratch.reserve(plan)
    left, right, blended, other = _scratch.columns
    np.copyto(left, pixels[:, plan.left].T.view(np.uint8))
    np.copyto(right, pixels[:, plan.right].T.view(np.uint8))
    np.multiply(left, plan.left_sixteenths, out=blended)
    np.multiply(right, plan.right_sixteenths, out=other)
    blended += other
    left *= plan.left_rest
    right *= plan.right_rest
    left += right
    left >>= 4
    blended += left
    return blended.view(np.uint64)


def _blend_rows(blended: NDArray[np.uint64], plan: _Plan) -> NDArray[np.uint8]:
    upper, lower = _scratch.rows
    np.copyto(upper, blended[:, plan.top].T.view(np.uint16))
    np.copyto(lower, blended[:, plan.bottom].T.view(np.uint16))
    upper *= plan.top_weight
    upper >>= 16
    lower *= plan.bottom_weight
    lower >>= 16
    upper += lower
    upper += 2
    upper >>= 2
    lanes = upper.reshape(len(plan.top), len(plan.left), 4)
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
    return _Plan(
        needed,
        bool(needed[-1] - needed[0] == len(needed) - 1),
        left,
        right,
        (left_weight[:, None] >> 4).astype(np.uint16),
        (left_weight[:, None] & 15).astype(np.uint16),
        (right_weight[:, None] >> 4).astype(np.uint16),
        (right_weight[:, None] & 15).astype(np.uint16),
        where[: len(top)],
        where[len(top) :],
        top_weight[:, None],
        bottom_weight[:, None],
    )


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
