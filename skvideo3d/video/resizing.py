"""Bilinear resizing of uint8 frames, equal to OpenCV's INTER_LINEAR to the last bit.

The networks were trained on frames that OpenCV had resized as 8-bit images: sample positions at
half-pixel centres, no antialiasing, weights rounded to 11 bits, the result rounded to uint8. Those
roundings reach the descriptors (a float resize moves fc6 by about 1e-3), so they are part of the
recipe. Only the cropped part of the result is computed.
"""

from __future__ import annotations

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
    frame : ndarray of shape (height, width, channels), uint8
    size : (int, int)
        Height and width of the whole resized frame, in pixels.
    crop : (slice, slice), optional
        Rows and columns of the resized frame to compute; default all.

    Returns
    -------
    ndarray of shape (rows, columns, channels), uint8
        What ``cv2.resize(frame, size[::-1], interpolation=cv2.INTER_LINEAR)`` gives, cropped.

    Examples
    --------
    >>> frame = np.array([[0, 100]], dtype=np.uint8)[:, :, None]
    >>> resize_bilinear(frame, (1, 4))[0, :, 0]
    array([  0,  25,  75, 100], dtype=uint8)
    """
    height, width = frame.shape[:2]
    rows, columns = crop if crop is not None else (slice(0, size[0]), slice(0, size[1]))
    if (height, width) == size:
        return np.ascontiguousarray(frame[rows, columns])
    top, bottom, top_weight, bottom_weight = _taps(height, size[0], rows.start, rows.stop)
    left, right, left_weight, right_weight = _border_taps(
        width, size[1], columns.start, columns.stop
    )
    # Each source row that is needed is blended horizontally once, then rows are blended.
    needed, where = np.unique(np.concatenate([top, bottom]), return_inverse=True)
    source = frame[needed]
    blended = source.take(left, axis=1).astype(np.int32)
    blended *= left_weight[:, None]
    other = source.take(right, axis=1).astype(np.int32)
    other *= right_weight[:, None]
    blended += other
    blended >>= 4
    upper = blended[where[: len(top)]]
    upper *= top_weight[:, None, None]
    upper >>= 16
    lower = blended[where[len(top) :]]
    lower *= bottom_weight[:, None, None]
    lower >>= 16
    upper += lower
    upper += 2
    upper >>= 2
    resized: NDArray[np.uint8] = upper.astype(np.uint8)
    return resized


@lru_cache(maxsize=256)
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


@lru_cache(maxsize=256)
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
