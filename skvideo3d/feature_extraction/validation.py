"""What X may be: any sequence of videos, and clear words about everything else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.video.sources import VideoSegment, VideoSource, as_source

__all__ = ["check_videos", "recognise_videos", "with_position"]

_EXPECTED = (
    "X is a sequence of videos: paths of files or of folders of frames, uint8 arrays of shape "
    "(T, H, W, 3), or VideoSegments."
)


def check_videos(X: Any) -> list[Any]:
    """Make a list of the videos in X.

    Parameters
    ----------
    X : sequence
        List, tuple, array of objects or texts, pandas or polars Series, or 5-D array.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If it is one video instead of a sequence, a table of numbers, or empty.
    TypeError
        If it is no sequence.

    Examples
    --------
    >>> check_videos(("a.mp4", "b.mp4"))
    ['a.mp4', 'b.mp4']
    """
    if isinstance(X, (str, bytes, os.PathLike, VideoSegment)):
        raise ValueError(f"{_EXPECTED} Got one video, {X!r}: wrap it in a list, [{X!r}].")
    shape = getattr(X, "shape", None)
    if shape is not None:
        _check_shape(X, tuple(shape))
    elif not (hasattr(X, "__len__") and hasattr(X, "__getitem__")) or isinstance(X, dict):
        raise TypeError(f"{_EXPECTED} Got {type(X).__name__}: make a list of it.")
    videos = list(X)
    if not videos:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required. {_EXPECTED}"
        )
    return videos


def recognise_videos(
    videos: Sequence[Any], on_error: str
) -> tuple[list[VideoSource | None], list[tuple[int, SkVideo3DError]]]:
    """Recognise each video of X.

    Parameters
    ----------
    videos : sequence
        From `check_videos`.
    on_error : {"raise", "nan"}

    Returns
    -------
    sources : list of VideoSource or None
        None where a video is unusable and `on_error` is "nan".
    failures : list of (int, SkVideo3DError)
        Position and reason of those.

    Raises
    ------
    VideoDecodeError
        If a video is unusable and `on_error` is "raise".
    TypeError
        If an item is no video at all, whatever `on_error` says.
    """
    sources: list[VideoSource | None] = []
    failures = []
    for position, video in enumerate(videos):
        try:
            sources.append(as_source(video))
        except TypeError as error:
            raise TypeError(f"Item {position} of X is {error}") from None
        except SkVideo3DError as error:
            if on_error == "raise":
                raise with_position(error, position) from error
            sources.append(None)
            failures.append((position, error))
    return sources, failures


def with_position(error: SkVideo3DError, position: int) -> SkVideo3DError:
    """Say which item of X an error is about, and how to go on without it.

    Parameters
    ----------
    error : SkVideo3DError
    position : int

    Returns
    -------
    SkVideo3DError
        Of the same type.
    """
    return type(error)(
        f"Item {position} of X: {error} Remove it, or pass on_error='nan' to keep its row as NaN."
    )


def _check_shape(X: Any, shape: tuple[int, ...]) -> None:
    if len(shape) == 5:
        return
    if len(shape) == 4:
        raise ValueError(f"{_EXPECTED} Got one array of shape {shape}: wrap it in a list, [X].")
    if len(shape) == 2:
        if hasattr(X, "columns"):
            hint = "choose the column with the paths, X['path'], not X[['path']]"
        else:
            hint = f"a {'sparse matrix' if hasattr(X, 'tocsr') else 'table of numbers'} is no video"
        raise ValueError(f"{_EXPECTED} Got a {type(X).__name__} of shape {shape}: {hint}.")
    kind = getattr(getattr(X, "dtype", None), "kind", "O")
    if len(shape) != 1 or (kind not in "OUST" and isinstance(X, np.ndarray)):
        raise ValueError(
            f"{_EXPECTED} Got an array of shape {shape} and dtype {getattr(X, 'dtype', '?')}."
        )
