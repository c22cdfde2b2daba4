"""Clips as networks are trained and tested on them, cut from the frames of a store."""

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

from .clip_sampling import ClipSampling, clip_frames, spread_starts
from .frame_store import FrameStore, KeptVideo
from .jitter import Jitter, Window

__all__ = ["TrainingClips", "VideoClips"]

# What random numbers are for, so that no two purposes share any.
_SPANS, _CLIPS = range(2)


class _Clips(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Clips of videos by number: those of the first video, then those of the second, and so on.

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


class TrainingClips(_Clips):
    """The clips of an epoch of training.

    What a number gives depends on the seed, the epoch and the number alone: not on order, batches,
    workers, or what was asked for before. Nothing is decoded but what the store could not keep.

    Parameters
    ----------
    store : FrameStore
        That was filled with the videos, and resizes as the preprocessing does.
    videos : sequence of KeptVideo
        From `FrameStore.fill`, without those that failed.
    labels : array-like of int
        Of each video.
    sampling : ClipSampling
    jitter : Jitter or None
        None is the centre crop, not flipped.
    preprocessing : Preprocessing
        A mean cube is cropped and flipped with each clip.
    seed : int
        Not negative.

    Attributes
    ----------
    groups : ndarray of shape (n_clips,), int64
        Place in `videos` of each clip's video.
    labels : ndarray of shape (n_clips,), int64
        Of each clip.

    Raises
    ------
    ValueError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> from skvideo3d.training import ClipSampling, FrameStore, Jitter, TrainingClips
    >>> from skvideo3d.video import C3D_PREPROCESSING
    >>> from skvideo3d.video.sources import as_source
    >>> videos = [as_source(np.zeros((n, 60, 80, 3), np.uint8)) for n in (40, 8)]
    >>> with FrameStore(None, resize=(128, 171)) as store:
    ...     clips = TrainingClips(
    ...         store, store.fill(videos), [1, 0], sampling=ClipSampling(16),
    ...         jitter=Jitter((112, 112)), preprocessing=C3D_PREPROCESSING, seed=0,
    ...     )
    ...     batch, labels = clips.batch([2, 0, 1])
    >>> batch.shape, labels.tolist(), clips.groups
    (torch.Size([3, 3, 16, 112, 112]), [0, 1, 1], array([0, 0, 1]))
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
    ) -> None:
        if jitter is not None and jitter.crop != preprocessing.crop:
            raise ValueError(
                f"jitter crops {jitter.crop!r} and the preprocessing {preprocessing.crop!r}; "
                "the network sees one size: use the same for both."
            )
        super().__init__(
            store,
            videos,
            labels,
            counts=[sampling.n_clips(video.n_frames) for video in videos],
            clip_len=sampling.clip_len,
            short_video=sampling.short_video,
            preprocessing=preprocessing,
        )
        self.epoch = 0
        self._sampling = sampling
        self._jitter = jitter
        self._seed = seed
        self._rng(_CLIPS, 0)  # refuses what is no seed

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from which all random numbers are drawn.

        Workers of a DataLoader that were started before do not know of it: start them for each
        epoch, which is what a DataLoader does without ``persistent_workers=True``.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        self.epoch = epoch

    @property
    def _has_moving_mean(self) -> bool:
        return self._jitter is not None and isinstance(self._preprocessing.mean, MeanCube)

    def _place(self, number: int) -> tuple[int, Window]:
        group = int(self.groups[number])
        video = self.videos[group]
        clip = number - int(self._first_clips[group])
        of_spans = self._rng(_SPANS, group)
        span = self._sampling.span(clip, video.n_frames, video.fps, of_spans)
        rng = self._rng(_CLIPS, self.epoch, number)
        start = self._sampling.start(*span, rng)
        if self._jitter is None:
            return start, Jitter(self._preprocessing.crop).centre(video.size)
        return start, self._jitter.draw(rng, video.size)

    def _rng(self, *purpose: int) -> np.random.Generator:
        # The purpose is no part of the entropy, where (1, 2) and (1, 2, 0) are the same.
        return np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=purpose))


class VideoClips(_Clips):
    """Clips spread evenly over each video, with the centre crop: for predicting and scoring.

    Parameters
    ----------
    store : FrameStore
        That was filled with the videos, and resizes as the preprocessing does.
    videos : sequence of KeptVideo
        From `FrameStore.fill`, without those that failed.
    labels : array-like of int, optional
        Of each video; its place in `videos` if there are none.
    clip_len : int
    n_clips : int, default=10
        Of a video; fewer where it has no room for as many different ones.
    preprocessing : Preprocessing
    short_video : {"loop", "repeat_last", "error"}, default="loop"

    Attributes
    ----------
    groups : ndarray of shape (n_clips,), int64
        Place in `videos` of each clip's video.
    labels : ndarray of shape (n_clips,), int64
        Of each clip.

    Raises
    ------
    ValueError
        If the arguments do not fit each other.
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
    ) -> None:
        starts = [spread_starts(video.n_frames, clip_len, n_clips) for video in videos]
        super().__init__(
            store,
            videos,
            np.arange(len(videos)) if labels is None else labels,
            counts=[len(places) for places in starts],
            clip_len=clip_len,
            short_video=short_video,
            preprocessing=preprocessing,
        )
        self._starts = np.concatenate(starts) if starts else np.empty(0, np.int64)
        self._centre = Jitter(preprocessing.crop).centre

    @property
    def _has_moving_mean(self) -> bool:
        return False

    def _place(self, number: int) -> tuple[int, Window]:
        video = self.videos[self.groups[number]]
        return int(self._starts[number]), self._centre(video.size)
