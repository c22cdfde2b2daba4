"""Every frame of a collection of videos, decoded and resized once, as memory maps."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.sources import VideoSource

from .clip_sampling import ClipSampling

__all__ = ["FrameStore", "KeptVideo", "StoreStatistics"]


@dataclass(frozen=True)
class KeptVideo:
    """What a store knows of a video; what `TrainingClips` and `VideoClips` are made of.

    `error` is None, or why it cannot be read (all else is 0 then); `loss` what was lost of a
    damaged one; `fps` its rate, NaN for arrays and folders.
    """

    source: VideoSource
    key: str
    n_frames: int = 0
    size: tuple[int, int] = (0, 0)
    fps: float = float("nan")
    loss: str = ""
    error: SkVideo3DError | None = None
    is_kept: bool = False


class StoreStatistics(NamedTuple):
    """How many videos and bytes are kept, how many are not, how often a video was decoded."""

    n_kept: int
    n_bytes: int
    n_not_kept: int
    n_decoded: int


class FrameStore:
    """Every decoded frame of some videos, resized, in memory-mapped uint8 files.

    `folder` None: a temporary folder that goes with the store (`close`, ``with``). `max_bytes`
    None: half of what is free there.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        *,
        resize: int | tuple[int, int],
        fps: float | None = None,
        max_bytes: int | None = None,
        limits: ReadingLimits = DEFAULT_LIMITS,
    ) -> None:
        raise NotImplementedError

    def fill(
        self,
        sources: Sequence[VideoSource],
        *,
        sampling: ClipSampling | None = None,
        on_error: Literal["raise", "nan"] = "raise",
        n_jobs: int | None = None,
        on_video: Callable[[KeptVideo], None] | None = None,
    ) -> list[KeptVideo]:
        """Decode what is not there yet; one `KeptVideo` for each source, in order.

        `sampling` refuses videos too short for it. Under "raise" the first that fails raises its
        error ("Item 3 of X: ..."); under "nan" its `error` says why and the rest goes on.
        """
        raise NotImplementedError

    def frames(self, video: VideoSource | KeptVideo) -> NDArray[np.uint8]:
        """All frames of a video, (n, height, width, 3), RGB, read-only."""
        raise NotImplementedError

    @property
    def statistics(self) -> StoreStatistics:
        """What is kept."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of everything; removes a temporary folder."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
