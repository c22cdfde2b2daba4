"""Which frames of a video make a clip of an epoch: arithmetic, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skvideo3d.video.sampling import ShortVideo, clip_starts

__all__ = ["ClipSampling", "clip_frames", "spread_starts"]

# Of arrays and folders of images, which have no clock.
_USUAL_FPS: Final = 25.0


@dataclass(frozen=True)
class ClipSampling:
    """Which clips of a video an epoch takes.

    The default is the C3D paper's for its study on UCF101 (Tran et al. 2015, section 3.1): videos
    are split into clips of 16 frames without overlap. Its Sports-1M network (section 3.3) saw five
    parts of two seconds, cut at random out of each video once, and 16 frames of each at a time:
    ``ClipSampling(16, 5, span_seconds=2.0)``. For I3D (Carreira & Zisserman 2017, section 2.5) a
    clip may begin anywhere where 64 frames are left: ``ClipSampling(64, 1)``.

    Parameters
    ----------
    clip_len : int, default=16
        Consecutive frames of a clip.
    clips_per_video : int or None, default=None
        None: all windows that follow each other without overlap, the same in every epoch. A number:
        that many clips, each from a place that is drawn anew in each epoch.
    span_seconds : float or None, default=None
        With `clips_per_video`: so many parts of a video, each this long, are drawn once for all
        epochs, and an epoch takes a clip from a random place in each. Arrays and folders, which
        have no clock, count as 25 frames a second. None: each part is the whole video.
    short_video : {"loop", "repeat_last", "error"}, default="loop"
        What to do with videos shorter than a clip; as in the transformers.

    Raises
    ------
    ValueError
        If a value has no meaning.

    Examples
    --------
    >>> ClipSampling(16).n_clips(100), ClipSampling(16, 5).n_clips(100)
    (6, 5)
    >>> rng = np.random.default_rng(0)
    >>> ClipSampling(64, 1).start(0, 70, rng)  # from 0 to 6
    5
    >>> ClipSampling(16, 5, span_seconds=2.0).span(0, 3600, 30.0, rng)
    (2255, 2315)
    """

    clip_len: int = 16
    clips_per_video: int | None = None
    span_seconds: float | None = None
    short_video: ShortVideo = "loop"

    def __post_init__(self) -> None:
        for name in ("clip_len", "clips_per_video"):
            value = getattr(self, name)
            is_count = isinstance(value, int | np.integer) and value >= 1
            if not is_count and not (name == "clips_per_video" and value is None):
                raise ValueError(f"{name}={value!r}: give a whole number from 1 up.")
        if self.span_seconds is not None:
            if self.clips_per_video is None:
                raise ValueError(
                    f"span_seconds={self.span_seconds!r} needs clips_per_video: how many parts of "
                    "this length are taken of each video."
                )
            if not (self.span_seconds > 0 and math.isfinite(self.span_seconds)):
                raise ValueError(f"span_seconds={self.span_seconds!r}: give a positive number.")
        if self.short_video not in ("loop", "repeat_last", "error"):
            raise ValueError(
                f"short_video={self.short_video!r}: use 'loop', 'repeat_last' or 'error'."
            )

    def n_clips(self, n_frames: int) -> int:
        """Count the clips that an epoch takes of a video.

        Parameters
        ----------
        n_frames : int
            Of the video.

        Returns
        -------
        int
            At least 1.
        """
        if self.clips_per_video is not None:
            return self.clips_per_video
        return max(n_frames // self.clip_len, 1)

    def span(
        self, clip: int, n_frames: int, fps: float, rng: np.random.Generator
    ) -> tuple[int, int]:
        """Choose the part of the video that a clip is from.

        Parameters
        ----------
        clip : int
            Which of the clips of the video, from 0.
        n_frames : int
            Of the video.
        fps : float
            Of the video; NaN if unknown.
        rng : numpy.random.Generator
            In the same state for all clips of the video.

        Returns
        -------
        first, stop : int
            Its first frame, and one past the last. Without `clips_per_video` the clip itself.
        """
        if self.clips_per_video is None:
            return clip * self.clip_len, min((clip + 1) * self.clip_len, n_frames)
        if self.span_seconds is None:
            return 0, n_frames
        rate = _USUAL_FPS if math.isnan(fps) else fps
        length = min(max(round(self.span_seconds * rate), self.clip_len), n_frames)
        starts = rng.integers(n_frames - length + 1, size=self.clips_per_video)
        return int(starts[clip]), int(starts[clip]) + length

    def start(self, first: int, stop: int, rng: np.random.Generator) -> int:
        """Choose where a clip begins, early enough for a whole one where there is one.

        Parameters
        ----------
        first, stop : int
            Of the part that it is from.
        rng : numpy.random.Generator

        Returns
        -------
        int
        """
        return first + int(rng.integers(max(stop - first - self.clip_len, 0) + 1))


def clip_frames(
    start: int, clip_len: int, n_frames: int, short_video: ShortVideo = "loop"
) -> slice | NDArray[np.intp]:
    """List the frames of a clip.

    Parameters
    ----------
    start, clip_len : int
    n_frames : int
        Of the video.
    short_video : {"loop", "repeat_last", "error"}
        What a video shorter than a clip is filled up with; as `skvideo3d.video.sampling.iter_clips`
        does.

    Returns
    -------
    slice or ndarray of int
        What the frames are indexed with.

    Examples
    --------
    >>> clip_frames(8, 4, 20)
    slice(8, 12, None)
    >>> clip_frames(0, 8, 3, "loop"), clip_frames(0, 8, 3, "repeat_last")
    (array([0, 1, 2, 0, 1, 2, 0, 1]), array([0, 1, 2, 2, 2, 2, 2, 2]))
    """
    if start + clip_len <= n_frames:
        return slice(start, start + clip_len)
    numbers = np.arange(clip_len)
    return numbers % n_frames if short_video == "loop" else np.minimum(numbers, n_frames - 1)


def spread_starts(n_frames: int, clip_len: int, n_clips: int) -> NDArray[np.int64]:
    """First frames of clips that are spread evenly over a video, for testing.

    The first begins with the video and the last ends with it; one alone is in the middle. The C3D
    paper (Tran et al. 2015, section 3.3) draws its 10 clips at random, which makes an accuracy one
    of many.

    Parameters
    ----------
    n_frames, clip_len : int
    n_clips : int
        Where there are fewer places for a clip than that, each is taken once.

    Returns
    -------
    ndarray of shape (at most n_clips,), int64

    Examples
    --------
    >>> spread_starts(100, 16, 4), spread_starts(18, 16, 10), spread_starts(5, 16, 10)
    (array([ 0, 28, 56, 84]), array([0, 1, 2]), array([0]))
    """
    last = max(n_frames - clip_len, 0)
    if last < n_clips:
        return clip_starts(last + clip_len, clip_len, 1)
    if n_clips == 1:
        return np.array([last // 2])
    return np.arange(n_clips, dtype=np.int64) * last // (n_clips - 1)
