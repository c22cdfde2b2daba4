"""Which frames of a video make a clip of an epoch: arithmetic, no pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skvideo3d.video.sampling import ShortVideo

__all__ = ["ClipSampling", "spread_starts"]


@dataclass(frozen=True)
class ClipSampling:
    """Which clips of a video an epoch takes.

    Parameters
    ----------
    clip_len : int, default=16
        Consecutive frames of a clip.
    clips_per_video : int or None, default=None
        None: all windows that follow each other without overlap, the same in every epoch (C3D's
        study on UCF101). A number: that many clips of each video, from a random place in each
        epoch; 1 for I3D.
    span_seconds : float or None, default=None
        With `clips_per_video`: so many parts of this length are drawn once for all epochs, as if
        they had been cut out of the video, and each epoch takes a clip from a random place in each.
        5 of 2 seconds are C3D's on Sports-1M.
    short_video : {"loop", "repeat_last", "error"}, default="loop"
        What to do with videos shorter than a clip; as in the transformers.
    """

    clip_len: int = 16
    clips_per_video: int | None = None
    span_seconds: float | None = None
    short_video: ShortVideo = "loop"


def spread_starts(n_frames: int, clip_len: int, n_clips: int) -> NDArray[np.int64]:
    """First frames of clips spread evenly over a video, for testing; at most `n_clips`."""
    raise NotImplementedError
