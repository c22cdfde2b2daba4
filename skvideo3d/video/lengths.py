"""How long a video probably is, from its header: for estimates and for plausibility."""

from __future__ import annotations

import os
from typing import Any

from skvideo3d.exceptions import SkVideo3DError

from .isolation import call_isolated, is_isolation_possible
from .limits import MAX_PIXELS, ReadingLimits
from .naming import IMAGE_SUFFIXES
from .pyav_reading import open_container
from .sources import VideoSegment

__all__ = ["announced", "clip_count", "frame_count"]

_PATIENCE = 30.0  # seconds that a guess is worth


def frame_count(video: Any, fps: float | None = None) -> int | None:
    """Guess the number of frames of a video without decoding it.

    Parameters
    ----------
    video : path-like, array or VideoSegment
    fps : float, optional
        Frame rate that the video will be resampled to.

    Returns
    -------
    int or None
        What the header announces, which may be wrong; None where it says nothing or cannot be read.

    Examples
    --------
    >>> from skvideo3d import VideoSegment
    >>> frame_count(VideoSegment("match.mp4", 100, 116)), frame_count("missing.mp4")
    (16, None)
    """
    if isinstance(video, VideoSegment):
        count, rate = _of_segment(video, with_rate=fps is not None)
    elif hasattr(video, "shape"):
        count, rate = int(video.shape[0]), None
    elif isinstance(video, (str, os.PathLike)):
        count, rate = _of_path(os.fspath(video))
    else:
        return None
    if count is None or fps is None or not rate:
        return count
    return max(round(count * fps / rate), 1)


def clip_count(n_frames: int, clip_len: int, clip_stride: int) -> int:
    """Count the clips of a video of a given length.

    Parameters
    ----------
    n_frames, clip_len, clip_stride : int

    Returns
    -------
    int
        At least 1: a short video is looped.

    Examples
    --------
    >>> [clip_count(n, clip_len=16, clip_stride=8) for n in (5, 16, 23, 24, 40)]
    [1, 1, 1, 2, 4]
    """
    return max(n_frames - clip_len, 0) // clip_stride + 1


def _of_segment(segment: VideoSegment, *, with_rate: bool) -> tuple[int | None, float | None]:
    inner, start, stop = segment.video, segment.start, segment.stop
    if segment.unit == "frames" and stop is not None and not with_rate:
        return int(stop - start), None  # the file need not be opened
    is_array = hasattr(inner, "shape")
    count, rate = (int(inner.shape[0]), None) if is_array else _of_path(os.fspath(inner))
    if segment.unit == "seconds":
        if not rate:
            return None, None
        start, stop = start * rate, None if stop is None else stop * rate
    end = count if stop is None else stop
    return (None if end is None else max(round(end - start), 0)), rate


def _of_path(path: str) -> tuple[int | None, float | None]:
    """Give the number of frames and the frames a second that a file or folder announces."""
    try:
        if os.path.isdir(path):
            names = (name.lower() for name in os.listdir(path) if not name.startswith("."))
            return sum(name.endswith(IMAGE_SUFFIXES) for name in names) or None, None
        return _header(path) if os.path.isfile(path) else (None, None)
    except OSError:
        return None, None


def _header(path: str) -> tuple[int | None, float | None]:
    if not is_isolation_possible():
        count, rate = announced(path)
    else:
        try:
            function = f"{__name__}:{announced.__name__}"
            count, rate = call_isolated(function, path, limits=ReadingLimits(_PATIENCE))
        except SkVideo3DError:
            return None, None
    return count, rate


def announced(path: str) -> tuple[int | None, float | None]:
    """Read the header of a file; to be called where a decoder may hang or crash.

    Parameters
    ----------
    path : str

    Returns
    -------
    n_frames : int or None
    fps : float or None
    """
    import av

    try:
        with open_container(path, MAX_PIXELS) as container:
            stream = container.streams.best("video")
            if stream is None:
                return None, None
            rate = float(stream.average_rate) if stream.average_rate else None
            if stream.frames > 0:
                return int(stream.frames), rate
            seconds = None
            if stream.duration is not None and stream.time_base is not None:
                seconds = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                seconds = container.duration / av.time_base
            if seconds is None or rate is None or seconds <= 0:
                return None, rate
            return max(round(seconds * rate), 1), rate
    except (av.FFmpegError, ValueError):
        return None, None
