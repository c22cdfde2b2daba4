"""Threads that open videos ahead of the network, and what they say of them.

A video is claimed before it is opened, so that processes that share a store do not decode it twice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.video.frames import Frame
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.resampling import resample
from skvideo3d.video.sampling import iter_clips
from skvideo3d.video.sharing import share_readings
from skvideo3d.video.sources import SegmentSource, VideoSource

from .cost import Cost
from .gathering import Layers, Outcome, stored_layers
from .spec import DescriptorSpec
from .store import Claim, DescriptorStore, video_digest

__all__ = ["Broken", "Clip", "Postponed", "Read", "Readers"]

_MAX_WAITING_BYTES = 64 * 2**20  # of one clip's frames as they are decoded
_POLL = 0.05  # seconds between looks at another process's lock


@dataclass(frozen=True)
class Clip:
    """Frames of a video, which overlapping clips share."""

    index: int
    number: int  # of the clip in its video
    start_frame: int
    start_time: float
    frames: list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Read:
    """A video has been read to its end: its clips are all in the queue, before this."""

    index: int
    cost: Cost  # of the reader's part; its n_clips are in the queue
    digest: str  # of the video as it was when it was opened
    claim: Claim | None
    loss: str = ""  # what of it could not be read


@dataclass(frozen=True)
class Postponed:
    """Another process is at this video."""

    index: int


@dataclass(frozen=True)
class Broken:
    """A thread cannot go on; not the fault of a video."""

    error: BaseException


class Readers:
    """Threads that open videos one after the other and fill a queue with clips.

    Parameters
    ----------
    sources : sequence of VideoSource
    spec : DescriptorSpec
    store : DescriptorStore or None
        Looked into once more before a video is opened.
    n_threads : int
    n_ahead : int
        Clips that may wait in the queue or be under way; each is given back with `give_back`.
    wait : bool
        Whether to wait for videos that other processes are at; if not, they are `Postponed`.
    limits : ReadingLimits
    """

    def __init__(
        self,
        sources: Sequence[VideoSource],
        spec: DescriptorSpec,
        store: DescriptorStore | None,
        *,
        n_threads: int,
        n_ahead: int,
        wait: bool,
        limits: ReadingLimits = DEFAULT_LIMITS,
    ) -> None:
        self._sources = sources
        self._spec = spec
        self._fingerprints = spec.fingerprints()
        self._store = store
        self._n_threads = n_threads
        self._places = threading.Semaphore(n_ahead)
        self._wait = wait
        self._limits = limits
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._guard = threading.Lock()

    def start(self, indices: Sequence[int], messages: queue.SimpleQueue[Any]) -> None:
        """Begin to read.

        Parameters
        ----------
        indices : sequence of int
            Places in `sources`, in the order in which to read them.
        messages : queue.SimpleQueue
            Gets a `Clip` for each clip; for each video then a `Read`, a `Postponed` or an
            `Outcome`; None at the end, or `Broken`.
        """
        self._messages = messages
        groups = _groups(self._sources, indices) if self._n_threads > 1 else [list(indices)]
        self._groups = iter(groups)
        n_threads = min(self._n_threads, len(groups))
        self._n_running = n_threads
        for _ in range(n_threads):
            thread = threading.Thread(target=self._run, name="skvideo3d-reader", daemon=True)
            thread.start()
            self._threads.append(thread)  # only those that run can be waited for

    def give_back(self, n_clips: int) -> None:
        """Let as many clips be read ahead.

        Parameters
        ----------
        n_clips : int
        """
        if n_clips:
            self._places.release(n_clips)

    def stop(self) -> None:
        """End all threads; what they hold is freed, what is in the queue is the caller's."""
        self._stop.set()
        if self._threads:
            self._places.release(len(self._threads))
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while (group := self._next_group()) is not None:
                with share_readings([self._sources[index] for index in group]) as sources:
                    for index, source in zip(group, sources, strict=True):
                        self._read(index, source)
        except _StoppedError:
            return
        except BaseException as error:  # raised again by the thread that waits for us
            self._messages.put(Broken(error))
            return
        with self._guard:
            self._n_running -= 1
            if self._n_running == 0:
                self._messages.put(None)

    def _next_group(self) -> list[int] | None:
        with self._guard:
            return next(self._groups, None)

    def _read(self, index: int, source: VideoSource) -> None:
        claim = None
        try:
            digest = ""
            if self._store is not None:
                digest = video_digest(source.identity())
                claim = self._claim(self._store, digest)
                if claim is None:
                    self._messages.put(Postponed(index))
                    return
                # Another process may have finished it since it was looked up.
                found = stored_layers(digest, self._fingerprints, self._store)
                if found is not None:
                    self._messages.put(Outcome(index, found))
                    return
                self._store.note_reading(source.name)
            cost = Cost()
            for clip in _clips(index, source, self._spec, cost):
                self._places.acquire()
                self._check()
                self._messages.put(clip)
                cost.n_clips += 1
            self._check()
            self._messages.put(Read(index, cost, digest, claim))
            claim = None  # it is with the message
        except SkVideo3DError as error:
            self._messages.put(Outcome(index, Layers(), error))
        finally:
            if claim is not None:
                claim.release()

    def _claim(self, store: DescriptorStore, digest: str) -> Claim | None:
        while True:
            claim = store.claim(digest)
            if claim is not None or not self._wait:
                return claim
            self._stop.wait(_POLL)
            self._check()

    def _check(self) -> None:
        if self._stop.is_set():
            raise _StoppedError


class _StoppedError(Exception):
    """Nobody wants the rest."""


def _groups(sources: Sequence[VideoSource], indices: Sequence[int]) -> list[list[int]]:
    """Leave the segments of a file to one thread, which opens it once."""
    groups: dict[Hashable, list[int]] = {}
    for index in indices:
        source = sources[index]
        key: Hashable = index
        if isinstance(source, SegmentSource) and source.segment.unit == "frames":
            key = source.source.name
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def _clips(index: int, source: VideoSource, spec: DescriptorSpec, cost: Cost) -> Iterator[Clip]:
    frames = cost.read(source.frames())
    try:
        if spec.fps is not None:
            if not source.has_clock:
                raise VideoDecodeError(
                    f"{source.name!r} has no time stamps, so fps={spec.fps:g} cannot resample it; "
                    "use fps=None, or give the video file."
                )
            frames = resample(frames, spec.fps)
        waiting = (_Waiting(frame, spec, cost) for frame in frames)
        clips = iter_clips(waiting, spec.clip_len, spec.clip_stride, spec.short_video)
        for number, clip in enumerate(clips):
            yield Clip(index, number, clip[0].number, clip[0].time, [f.prepared() for f in clip])
    except SkVideo3DError:
        raise
    except (ValueError, OSError) as error:
        raise VideoDecodeError(f"{source.name!r} cannot be described: {error}") from error


class _Waiting:
    """A frame that is prepared when a clip takes it: those in gaps and after the last never are.

    Large frames do not wait, so that a clip of them never fills the memory.
    """

    def __init__(self, frame: Frame, spec: DescriptorSpec, cost: Cost) -> None:
        self.number = frame.number
        self.time = frame.time
        self._pixels = frame.pixels
        self._recipe = spec.preprocessing
        self._cost = cost
        self._is_prepared = False
        if frame.pixels.nbytes * spec.clip_len > _MAX_WAITING_BYTES:
            self.prepared()

    def prepared(self) -> NDArray[np.uint8]:
        if not self._is_prepared:
            self._pixels = self._cost.prepare(self._recipe.prepare_frame, self._pixels)
            self._is_prepared = True
        return self._pixels
