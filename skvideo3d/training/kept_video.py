"""What a store of frames knows of a video, and how its frames are made."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import Final, Self

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.video.clips import ClipRecipe
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sources import VideoSource

from .clip_sampling import ClipSampling

__all__ = ["KeepingRecipe", "KeptVideo", "video_key"]

_ALGORITHM: Final = 1  # goes up with every change to the frames


@dataclass(frozen=True)
class KeepingRecipe:
    """Where frames are kept, and how they are made; sent to workers.

    Parameters
    ----------
    folder : str
    resize : int or (int, int)
    fps : float or None
    max_bytes : int
    limits : ReadingLimits
    """

    folder: str
    resize: int | tuple[int, int]
    fps: float | None
    max_bytes: int
    limits: ReadingLimits

    @staticmethod
    def check(resize: int | tuple[int, int], fps: float | None) -> Preprocessing:
        """Refuse what is no size and no rate.

        Parameters
        ----------
        resize : int or (int, int)
        fps : float or None

        Returns
        -------
        Preprocessing
            Which resizes so.
        """
        if fps is not None and not (fps > 0 and math.isfinite(fps)):
            raise ValueError(f"fps={fps!r}: give a positive number of frames a second, or None.")
        return Preprocessing(resize=resize, crop=(1, 1))

    def clip_recipe(self) -> ClipRecipe:
        """Say how the frames are read: one by one, and whole."""
        preprocessing = self.check(self.resize, self.fps)
        return ClipRecipe(1, 1, self.fps, "loop", preprocessing, self.limits.max_pixels, whole=True)


@dataclass(frozen=True)
class KeptVideo:
    """What a store knows of a video: what clips for training and testing are made of.

    Parameters
    ----------
    source : VideoSource
    key : str
        What its frames are known by in the store.
    n_frames : int
        After resampling; 0 of a video that failed.
    size : (int, int)
        Height and width of the resized frames.
    fps : float
        Rate of the frames; NaN without a clock.
    loss : str
        What of the video could not be read; empty if nothing is known to be lost.
    error : SkVideo3DError or None
        Why there are no frames.
    is_kept : bool
        Whether the frames are on disk.
    is_beyond_budget : bool
        Whether they are not because there was no room.
    was_decoded : bool
        Whether the video had to be decoded to know this.
    """

    source: VideoSource = field(repr=False)
    key: str
    n_frames: int = 0
    size: tuple[int, int] = (0, 0)
    fps: float = math.nan
    loss: str = ""
    error: SkVideo3DError | None = None
    is_kept: bool = False
    is_beyond_budget: bool = False
    was_decoded: bool = False

    @property
    def n_bytes(self) -> int:
        """Of all frames."""
        return self.n_frames * self.size[0] * self.size[1] * 3

    def with_source(self, source: VideoSource) -> Self:
        """Say which video it is, where a worker has left that out."""
        return replace(self, source=source)

    def checked(self, sampling: ClipSampling) -> Self:
        """Find out whether there is a clip in it.

        Parameters
        ----------
        sampling : ClipSampling

        Returns
        -------
        KeptVideo
            With an error, if there is none.
        """
        if self.error is not None or self.n_frames >= sampling.clip_len:
            return self
        reason = ""
        if self.loss:
            reason = (
                f"{self.loss} The {self.n_frames} frames that are left are less than a clip of "
                f"{sampling.clip_len}; fetch or copy it again."
            )
        elif sampling.short_video == "error":
            reason = (
                f"{self.source.name!r} has {self.n_frames} frames, fewer than "
                f"clip_len={sampling.clip_len}; use short_video='loop' or 'repeat_last'."
            )
        return replace(self, error=VideoDecodeError(reason)) if reason else self


def video_key(source: VideoSource, recipe: KeepingRecipe) -> str:
    """Name the frames of a video in a store.

    Parameters
    ----------
    source : VideoSource
    recipe : KeepingRecipe

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    VideoDecodeError
        If the video cannot be found.
    """
    text = repr((_ALGORITHM, recipe.clip_recipe().preprocessing.resize, recipe.fps))
    identity = repr(source.identity())
    return hashlib.sha256(f"{text}|{identity}".encode(errors="surrogateescape")).hexdigest()
