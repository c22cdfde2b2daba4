"""Clips back to videos: what has been through the network, pooled until a video is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.video.sources import VideoSource

from .clips import clip_dtype
from .cost import Cost
from .spec import DescriptorSpec
from .store import Claim, DescriptorStore, entry_key

if TYPE_CHECKING:
    from .reading import Clip, Read

__all__ = ["Gatherer", "Layers", "Outcome", "StoredVideo", "stored_video"]

# Pooled: (d,) float32 for each layer; unpooled: (n_clips,) of `clip_dtype`.
Layers = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Outcome:
    """What became of one video.

    Parameters
    ----------
    index : int
        Its place in the call.
    layers : dict of str to ndarray
        Pooled: (d,) float32 for each layer; unpooled: (n_clips,) of `clip_dtype`. Empty if it
        failed.
    error : SkVideo3DError or None
        Why it failed.
    cost : Cost
        What it took; nothing if it came from the store.
    loss : str
        What of the video could not be read; empty if nothing is known to be lost.
    """

    index: int
    layers: Layers
    error: SkVideo3DError | None = None
    cost: Cost = field(default_factory=Cost)
    loss: str = ""


@dataclass
class _Video:
    cost: Cost = field(default_factory=Cost)
    n_expected: int | None = None
    digest: str = ""
    loss: str = ""
    claim: Claim | None = None
    pooled: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    kept: list[tuple[Clip, dict[str, NDArray[np.float32]]]] = field(default_factory=list)


class Gatherer:
    """The videos that are under way.

    Parameters
    ----------
    sources : sequence of VideoSource
    spec : DescriptorSpec
    store : DescriptorStore or None
        Written to as soon as a video is whole.
    """

    def __init__(
        self, sources: Sequence[VideoSource], spec: DescriptorSpec, store: DescriptorStore | None
    ) -> None:
        self._sources = sources
        self._spec = spec
        self._store = store
        self._videos: dict[int, _Video] = {}

    def expect(self, clip: Clip) -> None:
        """Open a place for the video of a clip that is on its way.

        Parameters
        ----------
        clip : Clip
        """
        self._videos.setdefault(clip.index, _Video())

    def note_read(self, read: Read) -> None:
        """Learn how many clips a video has, and take over its claim.

        Parameters
        ----------
        read : Read
        """
        video = self._videos.setdefault(read.index, _Video())
        video.n_expected, video.claim, video.digest = read.cost.n_clips, read.claim, read.digest
        video.loss = read.loss
        read.cost.n_clips = 0  # counted as they are computed
        video.cost += read.cost

    def forget(self, index: int) -> None:
        """Drop a video that broke off; its clips that are still on their way are not used.

        Parameters
        ----------
        index : int
        """
        self._videos.pop(index, None)

    def add(
        self, clips: Sequence[Clip], layers: Mapping[str, NDArray[np.float32]], seconds: float
    ) -> None:
        """Take a batch that has been through the network.

        Parameters
        ----------
        clips : sequence of Clip
        layers : mapping of str to ndarray of shape (n_clips, d), float32
        seconds : float
            Spent on it.
        """
        for under_way in self._videos.values():
            if under_way.claim is not None:
                under_way.claim.refresh()
        share = Cost(n_clips=1, network=seconds / len(clips))
        for row, clip in enumerate(clips):
            video = self._videos.get(clip.index)
            if video is None:
                continue
            values = {name: layers[name][row] for name in self._spec.layers}
            video.cost += share
            if self._spec.pooling is None:
                video.kept.append((replace(clip, inputs=()), values))
                continue
            for name, value in values.items():
                if name not in video.pooled:
                    video.pooled[name] = value.astype(np.float64)
                elif self._spec.pooling == "mean":
                    video.pooled[name] += value
                else:
                    np.maximum(video.pooled[name], value, out=video.pooled[name])

    def finished(self) -> Iterator[Outcome]:
        """Give up the videos of which all clips are there; written to the store, then freed.

        Yields
        ------
        Outcome
        """
        done = [i for i, video in self._videos.items() if video.cost.n_clips == video.n_expected]
        for index in done:
            video = self._videos.pop(index)
            try:
                yield self._outcome(index, video)
            finally:
                if video.claim is not None:
                    video.claim.release()

    def release(self) -> None:
        """Free the claims of videos that will not be finished."""
        for video in self._videos.values():
            if video.claim is not None:
                video.claim.release()

    def _outcome(self, index: int, video: _Video) -> Outcome:
        layers = _pool(video, self._spec)
        if not all(_is_finite(values) for values in layers.values()):
            error = SkVideo3DError(
                f"{self._sources[index].name!r}: the network gave values that are not finite in "
                f"precision={self._spec.precision!r}; use 'float32', and check the weights file."
            )
            return Outcome(index, {}, error, video.cost)
        if self._store is not None:
            fingerprints = self._spec.fingerprints()
            for name, values in layers.items():
                self._store.put(entry_key(video.digest, fingerprints[name]), values, video.loss)
        return Outcome(index, layers, None, video.cost, video.loss)


class StoredVideo(NamedTuple):
    """A video as the store knows it.

    Parameters
    ----------
    layers : dict of str to ndarray
    loss : str
        What of it could not be read; empty if nothing is known to be lost.
    """

    layers: Layers
    loss: str


def stored_video(
    digest: str, fingerprints: Mapping[str, str], store: DescriptorStore
) -> StoredVideo | None:
    """Find a video in the store.

    Parameters
    ----------
    digest : str
        From `video_digest`.
    fingerprints : mapping of str to str
        From ``DescriptorSpec.fingerprints()``.
    store : DescriptorStore

    Returns
    -------
    StoredVideo or None
        None unless all layers are there.
    """
    layers: Layers = {}
    losses = []
    for name, fingerprint in fingerprints.items():
        value = store.get(entry_key(digest, fingerprint))
        if value is None:
            return None
        layers[name] = value.values
        if value.loss and value.loss not in losses:
            losses.append(value.loss)
    return StoredVideo(layers, "; ".join(losses))


def _pool(video: _Video, spec: DescriptorSpec) -> Layers:
    if spec.pooling is not None:
        count = video.cost.n_clips if spec.pooling == "mean" else 1
        return {name: (total / count).astype(np.float32) for name, total in video.pooled.items()}
    kept = sorted(video.kept, key=lambda item: item[0].number)  # devices overtake each other
    layers: Layers = {}
    for name in spec.layers:
        rows = np.empty(len(kept), dtype=clip_dtype(kept[0][1][name].size))
        for row, (clip, values) in enumerate(kept):
            rows[row] = clip.start_frame, clip.start_time, values[name]
        layers[name] = rows
    return layers


def _is_finite(values: NDArray[Any]) -> bool:
    numbers = values["features"] if values.dtype.names else values
    return bool(np.isfinite(numbers).all())
