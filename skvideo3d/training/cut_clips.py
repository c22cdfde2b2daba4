"""Clips cut from the frames of a store and made ready for a network, a batch at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from skvideo3d.video.preprocessing import MeanCube, Preprocessing
from skvideo3d.video.sampling import ShortVideo

from .clip_sampling import clip_frames
from .frame_store import FrameStore, KeptVideo
from .jitter import Window

__all__ = ["CutClips"]


class CutClips(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Clips of videos by number: those of the first video, then those of the second, and so on.

    Where each clip is from, a subclass says.

    Parameters
    ----------
    store : FrameStore
    videos : sequence of KeptVideo
    labels : array-like of int
    counts : sequence of int
        Clips of each video.
    clip_len : int
    short_video : {"loop", "repeat_last", "error"}
    preprocessing : Preprocessing
    """

    def __init__(
        self,
        store: FrameStore,
        videos: Sequence[KeptVideo],
        labels: ArrayLike,
        *,
        counts: Sequence[int],
        clip_len: int,
        short_video: ShortVideo,
        preprocessing: Preprocessing,
    ) -> None:
        failed = [video for video in videos if video.error is not None]
        if failed:
            raise ValueError(
                f"{len(failed)} of the videos failed (first: {failed[0].error}); leave those with "
                "an error out."
            )
        labels = np.asarray(labels)
        if labels.shape != (len(videos),) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels: {labels.dtype} of shape {labels.shape} for {len(videos)} videos; give "
                "one integer a video."
            )
        if store.resize != preprocessing.resize:
            raise ValueError(
                f"The store has frames resized to {store.resize!r}, the preprocessing resizes to "
                f"{preprocessing.resize!r}; make a store for this preprocessing."
            )
        preprocessing.check_clip_len(clip_len)
        self.videos = list(videos)
        self.groups = np.repeat(np.arange(len(videos)), counts)
        self.labels = labels.astype(np.int64)[self.groups]
        self._first_clips = np.cumsum([0, *counts])
        self._store = store
        self._clip_len = clip_len
        self._short_video = short_video
        self._preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        clips, labels = self.batch([index])
        return clips[0], int(labels[0])

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        # What torch's DataLoader asks for, where there is such a method, for a whole batch.
        clips, labels = self.batch(indices)
        return list(zip(clips, labels.tolist(), strict=True))

    def batch(self, indices: Iterable[int]) -> tuple[Tensor, Tensor]:
        """Make clips ready for the network.

        Parameters
        ----------
        indices : iterable of int
            Numbers of clips, in any order.

        Returns
        -------
        clips : Tensor of shape (n, 3, frames, height, width), float32
            A view of channels-last memory, which is the caller's.
        labels : Tensor of shape (n,), int64
        """
        numbers = self._numbers(indices)
        pixels, windows = self._cut(numbers)
        labels = torch.from_numpy(self.labels[numbers])
        return torch.from_numpy(self._prepared(pixels, windows)), labels

    def labelled_pixels(
        self, indices: Sequence[int]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Cut clips out, as `pixels` does, and give their labels.

        Parameters
        ----------
        indices : sequence of int

        Returns
        -------
        pixels : ndarray of shape (n, frames, height, width, 3), uint8, RGB
        labels : ndarray of shape (n,), int64
        """
        return self.pixels(indices), self.labels[self._numbers(indices)]

    def pixels(self, indices: Iterable[int]) -> NDArray[np.uint8]:
        """Cut clips out and leave the arithmetic to the device that they go to as bytes.

        Parameters
        ----------
        indices : iterable of int
            Numbers of clips, in any order.

        Returns
        -------
        ndarray of shape (n, frames, height, width, 3), uint8, RGB
            What `Preprocessing.prepare_clips` takes.

        Raises
        ------
        ValueError
            If the mean is a cube and crops are random: what is subtracted depends on the place of
            the crop, which `batch` knows.
        """
        if self._has_moving_mean:
            raise ValueError(
                "The preprocessing has a mean cube, of which each random crop needs its own part; "
                "use batch() in place of pixels(), or a mean for each channel."
            )
        return self._cut(self._numbers(indices))[0]

    @property
    @abstractmethod
    def _has_moving_mean(self) -> bool:
        """Whether what is subtracted depends on the place of the crop."""

    @abstractmethod
    def _place(self, number: int) -> tuple[int, Window]:
        """Say where a clip begins and which part of its frames it has."""

    def _numbers(self, indices: Iterable[int]) -> list[int]:
        return [range(len(self))[index] for index in indices]

    def _cut(self, numbers: Sequence[int]) -> tuple[NDArray[np.uint8], list[Window]]:
        shape = (self._clip_len, *self._preprocessing.crop, 3)
        pixels = np.empty((len(numbers), *shape), np.uint8)
        windows = []
        for clip, number in zip(pixels, numbers, strict=True):
            video = self.videos[self.groups[number]]
            start, window = self._place(number)
            chosen = clip_frames(start, self._clip_len, video.n_frames, self._short_video)
            # Cropped before frames are picked, which copies those of a short video.
            unflipped = replace(window, flipped=False)
            clip[...] = unflipped.apply(self._store.frames(video))[chosen]
            if window.flipped:
                # Ten times as fast as numpy is at turning pixels of three bytes.
                turned = torch.from_numpy(clip)
                turned.copy_(turned.flip(2))
            windows.append(window)
        return pixels, windows

    def _prepared(
        self, pixels: NDArray[np.uint8], windows: Sequence[Window]
    ) -> NDArray[np.float32]:
        if not self._has_moving_mean:
            return self._preprocessing.prepare_clips(pixels)
        values = replace(self._preprocessing, mean=(0.0, 0.0, 0.0)).prepare_clips(pixels)
        for clip, window in zip(values.transpose(0, 2, 3, 4, 1), windows, strict=True):
            np.subtract(clip, self._part_of_mean(window), out=clip)
        return values

    def _part_of_mean(self, window: Window) -> NDArray[np.float32]:
        """Cut the mean as the clip was cut; Caffe subtracts before it flips as well."""
        straight, flipped = self._mean_cubes
        if not window.flipped:
            return window.apply(straight)
        left = flipped.shape[2] - window.left - window.width
        return replace(window, left=left, flipped=False).apply(flipped)

    @cached_property
    def _mean_cubes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The cube with channels last, and flipped: rows of pixels in a row are fast."""
        assert isinstance(self._preprocessing.mean, MeanCube)
        cube = self._preprocessing.mean.array().transpose(1, 2, 3, 0)
        return np.ascontiguousarray(cube), np.ascontiguousarray(cube[:, :, ::-1])
