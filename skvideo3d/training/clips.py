"""Clips as networks are trained and tested on them, cut from the frames of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sampling import ShortVideo

from .clip_sampling import ClipSampling
from .frame_store import FrameStore, KeptVideo
from .jitter import Jitter

__all__ = ["TrainingClips", "VideoClips", "collate_clips"]


class _Clips(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """What both have: `len`, ``[i]`` -> (clip (3, t, h, w) float32, label), and batches."""

    groups: NDArray[np.int64]  # of each clip the place of its video in `videos`
    labels: NDArray[np.int64]  # of each clip

    def batch(self, indices: ArrayLike) -> tuple[Tensor, Tensor]:
        """Clips (n, 3, t, h, w) float32 in channels-last memory and labels (n,) int64, at once."""
        raise NotImplementedError

    def pixels(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """The same clips before arithmetic, (n, t, h, w, 3) RGB, for a device that does that."""
        raise NotImplementedError

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        """What DataLoader calls; with ``collate_fn=collate_clips`` the batch is not copied."""
        raise NotImplementedError


class TrainingClips(_Clips):
    """The clips of an epoch; `videos` from `FrameStore.fill`, those with an error left out before.

    What an index gives depends on (seed, epoch, index) alone. ``jitter=None``: centre crop.
    """

    def __init__(
        self,
        store: FrameStore,
        videos: Sequence[KeptVideo],
        labels: ArrayLike,
        *,
        sampling: ClipSampling,
        jitter: Jitter | None,
        preprocessing: Preprocessing,
        seed: int,
    ) -> None: ...

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0; workers of a DataLoader have to be started after it."""


class VideoClips(_Clips):
    """`n_clips` evenly spaced clips of each video, centre crop: for predicting and scoring.

    Without `labels`, the label of a clip is the place of its video (as in `groups`).
    """

    def __init__(
        self,
        store: FrameStore,
        videos: Sequence[KeptVideo],
        labels: ArrayLike | None = None,
        *,
        clip_len: int,
        n_clips: int = 10,
        preprocessing: Preprocessing,
        short_video: ShortVideo = "loop",
    ) -> None: ...


def collate_clips(samples: Any) -> tuple[Tensor, Tensor]:
    """Batch of what `__getitems__` gave."""
    raise NotImplementedError
