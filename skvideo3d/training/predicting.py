"""Probabilities of classes for videos: the mean over evenly spaced clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from skvideo3d.feature_extraction.devices import usable_device
from skvideo3d.feature_extraction.progress import ProgressBar
from skvideo3d.feature_extraction.validation import recognise_videos, with_position
from skvideo3d.video.sources import VideoSource

from .batches import PixelClips, loader
from .clips import VideoClips
from .estimation import open_store
from .net import ClipNet

if TYPE_CHECKING:
    from .classifier import VideoClassifier

__all__ = ["Probabilities", "probabilities"]

# Videos whose frames are on a disk at a time, where nothing is to be kept.
_CHUNK = 32


@dataclass(frozen=True)
class Probabilities:
    """What a network makes of videos.

    Parameters
    ----------
    values : ndarray of shape (n_videos, n_classes), float32
        NaN where a video failed.
    failures, losses : dict of int to str
        Positions and reasons.
    """

    values: NDArray[np.float32]
    failures: dict[int, str]
    losses: dict[int, str]


def probabilities(classifier: VideoClassifier, videos: Sequence[Any]) -> Probabilities:
    """Compute the probabilities of videos, a few at a time.

    Parameters
    ----------
    classifier : VideoClassifier
        Fitted.
    videos : sequence

    Returns
    -------
    Probabilities

    Raises
    ------
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".
    """
    sources, unusable = recognise_videos(videos, classifier.on_error)
    values = np.full((len(videos), len(classifier.classes_)), np.nan, dtype=np.float32)
    found = Probabilities(values, {place: str(error) for place, error in unusable}, {})
    present = [(place, source) for place, source in enumerate(sources) if source is not None]
    net = ClipNet(
        classifier.network_,
        score_layer=classifier.score_layer_,
        preprocessing=classifier.preprocessing_,
        precision=classifier.precision,
        batch_size=classifier.recipe_.batch_size,
        iterator_valid=loader,
        device=usable_device(classifier.device),
        verbose=0,
    ).initialize()
    name = f"{type(classifier).__name__} predicts"
    try:
        with ProgressBar(len(videos), name, enabled=bool(classifier.verbose)) as bar:
            for first in range(0, len(present), _CHUNK):
                for n_clips in _predict(classifier, net, present[first : first + _CHUNK], found):
                    bar.update(n_clips)
    finally:
        net.module_.to("cpu")
    return found


def _predict(
    classifier: VideoClassifier,
    net: ClipNet,
    chunk: Sequence[tuple[int, VideoSource]],
    found: Probabilities,
) -> Iterator[int]:
    """Add the probabilities of a few videos; yields the clips of each."""
    with open_store(classifier, classifier.preprocessing_.resize) as store:
        videos = store.fill(
            [source for _, source in chunk],
            sampling=classifier.recipe_.sampling,
            on_error="nan",
            n_jobs=classifier.n_jobs,
        )
        usable = []
        for (place, _), video in zip(chunk, videos, strict=True):
            if video.error is None:
                usable.append((place, video))
                if video.loss:
                    found.losses[place] = video.loss
                continue
            if classifier.on_error == "raise":
                raise with_position(video.error, place) from video.error
            found.failures[place] = str(video.error)
            yield 0
        if not usable:
            return
        clips = VideoClips(
            store,
            [video for _, video in usable],
            clip_len=classifier.clip_len_,
            n_clips=classifier.n_test_clips,
            preprocessing=classifier.preprocessing_,
            short_video=classifier.recipe_.sampling.short_video,
        )
        scores = torch.cat(list(net.forward_iter(PixelClips(clips))))
        rows = scores.softmax(1).numpy()
    for number, (place, _) in enumerate(usable):
        own = rows[clips.groups == number]
        found.values[place] = own.mean(axis=0)
        yield len(own)
