"""Which clips of which videos a network is trained on, and tested on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skvideo3d.video.preprocessing import MeanCube, Preprocessing
from skvideo3d.video.sampling import ShortVideo

from .clip_sampling import ClipSampling, spread_starts
from .cut_clips import CutClips
from .frame_store import FrameStore, KeptVideo
from .jitter import Jitter, Window

__all__ = ["TrainingClips", "VideoClips"]

# What random numbers are for, so that no two purposes share any.
_SPANS, _CLIPS = range(2)


class TrainingClips(CutClips):
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
    >>> from skvideo3d.training.clip_sampling import ClipSampling
    >>> from skvideo3d.training.clips import TrainingClips
    >>> from skvideo3d.training.frame_store import FrameStore
    >>> from skvideo3d.training.jitter import Jitter
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


class VideoClips(CutClips):
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
