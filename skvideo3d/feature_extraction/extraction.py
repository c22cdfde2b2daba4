"""Videos to descriptors in one process: a thread reads ahead, the network takes clips in batches.

The only place where threads, batches, claims on the shared store and the network meet. A video is
claimed before it is opened, so that processes that share a store do not decode it twice; what
another process is at is left for the end, when nothing is held that the other could wait for.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.video.resampling import resample
from skvideo3d.video.sampling import iter_clips
from skvideo3d.video.sharing import share_readings
from skvideo3d.video.sources import VideoSource

from .clips import clip_dtype
from .cost import Cost
from .network import run_network
from .spec import DescriptorSpec
from .store import Claim, DescriptorStore, entry_key, video_digest

__all__ = ["Layers", "Outcome", "extract", "look_up"]

# Pooled: (d,) float32 for each layer; unpooled: (n_clips,) of `clip_dtype`.
Layers = dict[str, NDArray[Any]]

_POLL = 0.05  # seconds between looks at a lock or at whether to stop


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
    """

    index: int
    layers: Layers
    error: SkVideo3DError | None = None
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class _Clip:
    index: int
    start_frame: int
    start_time: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class _Read:
    """The reader is done with a video: its clips are all in the queue, before this."""

    index: int
    cost: Cost  # of the reader's part; its n_clips are in the queue
    digest: str  # of the video as it was when it was opened
    claim: Claim | None


@dataclass(frozen=True)
class _Postponed:
    index: int


@dataclass(frozen=True)
class _Broken:
    error: BaseException


_Message = _Clip | _Read | _Postponed | _Broken | Outcome | None


def look_up(source: VideoSource, spec: DescriptorSpec, store: DescriptorStore) -> Layers | None:
    """Find the layers of a video in the store.

    Parameters
    ----------
    source : VideoSource
    spec : DescriptorSpec
    store : DescriptorStore

    Returns
    -------
    dict or None
        None unless all layers are there.
    """
    return _stored(video_digest(source.identity()), spec.fingerprints(), store)


def extract(
    sources: Sequence[VideoSource],
    spec: DescriptorSpec,
    *,
    store: DescriptorStore | None = None,
    device: str | None = None,
    batch_size: int = 1,
) -> Iterator[Outcome]:
    """Describe videos.

    Parameters
    ----------
    sources : sequence of VideoSource
    spec : DescriptorSpec
    store : DescriptorStore, optional
        Looked into first and written to after each video.
    device : str, optional
        See `run_network`.
    batch_size : int, default=1
        Clips, of one or several videos, that go through the network at once.

    Yields
    ------
    Outcome
        One for each video, in the order in which they are done; a video that cannot be read is
        an outcome too.
    """
    work = _Work(sources, spec, store, device, batch_size)
    yield from work.run(range(len(sources)), wait=False)
    for index in work.postponed:
        yield from work.run([index], wait=True)


@dataclass
class _Gathered:
    """The clips of one video that have been through the network."""

    cost: Cost = field(default_factory=Cost)
    n_expected: int | None = None
    digest: str = ""
    claim: Claim | None = None
    pooled: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    kept: list[tuple[int, float, dict[str, NDArray[np.float32]]]] = field(default_factory=list)


class _Work:
    """One call of `extract`."""

    def __init__(
        self,
        sources: Sequence[VideoSource],
        spec: DescriptorSpec,
        store: DescriptorStore | None,
        device: str | None,
        batch_size: int,
    ) -> None:
        self.sources = sources
        self.spec = spec
        self.fingerprints = spec.fingerprints()
        self.store = store
        self.device = device
        self.batch_size = batch_size
        self.postponed: list[int] = []

    def run(self, indices: Sequence[int], wait: bool) -> Iterator[Outcome]:
        messages: queue.Queue[_Message] = queue.Queue(maxsize=2 * self.batch_size + 2)
        stop = threading.Event()
        reader = _Reader(self, messages, stop)
        thread = threading.Thread(
            target=reader.run, args=(indices, wait), name="skvideo3d-reader", daemon=True
        )
        gathered: dict[int, _Gathered] = {}
        thread.start()
        try:
            yield from self._consume(messages, gathered)
        finally:
            stop.set()
            thread.join()
            reader.release_undelivered()
            for video in gathered.values():
                if video.claim is not None:
                    video.claim.release()

    def _consume(
        self, messages: queue.Queue[_Message], gathered: dict[int, _Gathered]
    ) -> Iterator[Outcome]:
        batch: list[_Clip] = []
        while (message := messages.get()) is not None:
            match message:
                case _Clip():
                    gathered.setdefault(message.index, _Gathered())
                    batch.append(message)
                    if len(batch) == self.batch_size:
                        self._compute(batch, gathered)
                        batch = []
                        yield from self._finished(gathered)
                case _Read():
                    video = gathered.setdefault(message.index, _Gathered())
                    video.n_expected, video.claim = message.cost.n_clips, message.claim
                    video.digest = message.digest
                    message.cost.n_clips = 0  # counted as they are computed
                    video.cost += message.cost
                    yield from self._finished(gathered)
                case _Postponed():
                    self.postponed.append(message.index)
                case Outcome():
                    # A video that broke off: what was computed of it is not used.
                    gathered.pop(message.index, None)
                    batch = [clip for clip in batch if clip.index != message.index]
                    yield message
                case _Broken():
                    raise message.error
        if batch:
            self._compute(batch, gathered)
        yield from self._finished(gathered)

    def _compute(self, batch: list[_Clip], gathered: dict[int, _Gathered]) -> None:
        began = perf_counter()
        layers = run_network(np.stack([clip.pixels for clip in batch]), self.spec, self.device)
        share = Cost(n_clips=1, network=(perf_counter() - began) / len(batch))
        for row, clip in enumerate(batch):
            video = gathered[clip.index]
            values = {name: layers[name][row] for name in self.spec.layers}
            video.cost += share
            if self.spec.pooling is None:
                video.kept.append((clip.start_frame, clip.start_time, values))
                continue
            for name, value in values.items():
                if name not in video.pooled:
                    video.pooled[name] = value.astype(np.float64)
                elif self.spec.pooling == "mean":
                    video.pooled[name] += value
                else:
                    np.maximum(video.pooled[name], value, out=video.pooled[name])

    def _finished(self, gathered: dict[int, _Gathered]) -> Iterator[Outcome]:
        done = [i for i, video in gathered.items() if video.cost.n_clips == video.n_expected]
        for index in done:
            video = gathered.pop(index)
            try:
                yield self._outcome(index, video)
            finally:
                if video.claim is not None:
                    video.claim.release()

    def _outcome(self, index: int, video: _Gathered) -> Outcome:
        layers = _pool(video, self.spec)
        if not all(_is_finite(values) for values in layers.values()):
            error = SkVideo3DError(
                f"{self.sources[index].name!r}: the network gave values that are not finite in "
                f"precision={self.spec.precision!r}; use 'float32', and check the weights file."
            )
            return Outcome(index, {}, error, video.cost)
        if self.store is not None:
            for name, values in layers.items():
                self.store.put(entry_key(video.digest, self.fingerprints[name]), values)
        return Outcome(index, layers, None, video.cost)


class _Reader:
    """The thread that opens videos one after the other and fills the queue with clips."""

    def __init__(self, work: _Work, messages: queue.Queue[_Message], stop: threading.Event) -> None:
        self.work = work
        self.messages = messages
        self.stop = stop
        self.claim: Claim | None = None

    def run(self, indices: Sequence[int], wait: bool) -> None:
        try:
            with share_readings([self.work.sources[index] for index in indices]) as sources:
                for index, source in zip(indices, sources, strict=True):
                    self._read(index, source, wait)
            self._put(None)
        except _StoppedError:
            pass
        except BaseException as error:  # raised again by the thread that waits for us
            with suppress(_StoppedError):
                self._put(_Broken(error))

    def release_undelivered(self) -> None:
        """Free the claims of videos that nobody took from the queue."""
        if self.claim is not None:
            self.claim.release()
        while not self.messages.empty():
            message = self.messages.get_nowait()
            if isinstance(message, _Read) and message.claim is not None:
                message.claim.release()

    def _read(self, index: int, source: VideoSource, wait: bool) -> None:
        store = self.work.store
        digest = ""
        try:
            if store is not None:
                digest = video_digest(source.identity())
                self.claim = self._claim(store, digest, wait)
                if self.claim is None:
                    self._put(_Postponed(index))
                    return
                # Another process may have finished it since it was looked up.
                found = _stored(digest, self.work.fingerprints, store)
                if found is not None:
                    self._release()
                    self._put(Outcome(index, found))
                    return
                store.note_reading(source.name)
            cost = Cost()
            for clip in _clips(index, source, self.work.spec, cost):
                self._put(clip)
                cost.n_clips += 1
            self._put(_Read(index, cost, digest, self.claim))
            self.claim = None
        except SkVideo3DError as error:
            self._release()
            self._put(Outcome(index, {}, error))

    def _claim(self, store: DescriptorStore, digest: str, wait: bool) -> Claim | None:
        while True:
            claim = store.claim(digest)
            if claim is not None or not wait:
                return claim
            if self.stop.wait(_POLL):
                raise _StoppedError

    def _release(self) -> None:
        if self.claim is not None:
            self.claim.release()
            self.claim = None

    def _put(self, message: _Message) -> None:
        while not self.stop.is_set():
            try:
                return self.messages.put(message, timeout=_POLL)
            except queue.Full:
                continue
        raise _StoppedError


class _StoppedError(Exception):
    """Nobody wants the rest."""


def _clips(index: int, source: VideoSource, spec: DescriptorSpec, cost: Cost) -> Iterator[_Clip]:
    frames = cost.read(source.frames())
    try:
        if spec.fps is not None:
            if not source.has_clock:
                raise VideoDecodeError(
                    f"{source.name!r} has no time stamps, so fps={spec.fps:g} cannot resample it; "
                    "use fps=None, or give the video file."
                )
            frames = resample(frames, spec.fps)
        prepare = spec.preprocessing.prepare_frame
        prepared = (
            (frame.number, frame.time, cost.prepare(prepare, frame.pixels)) for frame in frames
        )
        for clip in iter_clips(prepared, spec.clip_len, spec.clip_stride, spec.short_video):
            number, seconds, _ = clip[0]
            yield _Clip(index, number, seconds, np.stack([pixels for *_, pixels in clip]))
    except SkVideo3DError:
        raise
    except (ValueError, OSError) as error:
        raise VideoDecodeError(f"{source.name!r} cannot be described: {error}") from error


def _stored(digest: str, fingerprints: dict[str, str], store: DescriptorStore) -> Layers | None:
    layers = {}
    for name, fingerprint in fingerprints.items():
        value = store.get(entry_key(digest, fingerprint))
        if value is None:
            return None
        layers[name] = value
    return layers


def _pool(video: _Gathered, spec: DescriptorSpec) -> Layers:
    if spec.pooling is not None:
        count = video.cost.n_clips if spec.pooling == "mean" else 1
        return {name: (total / count).astype(np.float32) for name, total in video.pooled.items()}
    layers: Layers = {}
    for name in spec.layers:
        rows = np.empty(len(video.kept), dtype=clip_dtype(video.kept[0][2][name].size))
        for row, (start_frame, start_time, values) in enumerate(video.kept):
            rows[row] = start_frame, start_time, values[name]
        layers[name] = rows
    return layers


def _is_finite(values: NDArray[Any]) -> bool:
    numbers = values["features"] if values.dtype.names else values
    return bool(np.isfinite(numbers).all())
