"""Threads that open videos ahead of the network, and what they say of them.

A video is claimed before it is opened, so that processes that share a store do not decode it twice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.flow.reading import FlowReader
from skvideo3d.video.clips import VideoClip
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.reading import VideoReader, make_reader
from skvideo3d.video.sources import SegmentSource, VideoSource

from .cost import Cost
from .gathering import Layers, Outcome, stored_video
from .network import Frames
from .spec import DescriptorSpec
from .store import Claim, DescriptorStore, video_digest

__all__ = ["Broken", "Clip", "Postponed", "Read", "Readers"]

# Videos that a reader is told of at a time: segments of a file among them are read in one pass.
_MAX_GROUP = 1000


@dataclass(frozen=True)
class Clip:
    """What the networks see of a part of a video; overlapping clips share it."""

    index: int
    number: int  # of the clip in its video
    start_frame: int
    start_time: float
    inputs: tuple[Frames, ...]  # of each stream


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
    n_flow_threads : int
        That each of them has to compute optical flow.
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
        n_flow_threads: int = 1,
    ) -> None:
        self._sources = sources
        self._spec = spec
        self._streams = spec.streams
        self._fingerprints = {} if store is None else spec.fingerprints()
        self._store = store
        self._n_threads = n_threads
        self._places = threading.Semaphore(n_ahead)
        self._wait = wait
        self._limits = limits
        self._n_flow_threads = n_flow_threads
        self._recipe = spec.clip_recipe(limits.max_pixels)
        self._readers: list[VideoReader] = []
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
        groups = [
            group[start : start + _MAX_GROUP]
            for group in groups
            for start in range(0, len(group), _MAX_GROUP)
        ]
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
        with self._guard:
            readers = list(self._readers)
        for reader in readers:
            reader.abort()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while (group := self._next_group()) is not None:
                with self._reader([self._sources[index] for index in group]) as reader:
                    for place, index in enumerate(group):
                        self._read(index, reader, place)
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

    @contextmanager
    def _reader(self, sources: Sequence[VideoSource]) -> Iterator[VideoReader]:
        reader = self._make_reader(sources)
        with self._guard:
            self._readers.append(reader)
        try:
            self._check()
            yield reader
        finally:
            with self._guard:
                self._readers.remove(reader)
            reader.close()

    def _make_reader(self, sources: Sequence[VideoSource]) -> VideoReader:
        flows = [stream.flow for stream in self._streams if stream.flow is not None]
        if not flows:
            return make_reader(sources, self._recipe, self._limits)
        return FlowReader(
            sources,
            self._recipe,
            flows[0],
            self._limits,
            with_frames=len(self._streams) > len(flows),
            n_threads=self._n_flow_threads,
            folder=None if self._store is None else self._store.flow_folder,
        )

    def _read(self, index: int, reader: VideoReader, place: int) -> None:
        self._check()
        source = self._sources[index]
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
                found = stored_video(digest, self._fingerprints, self._store)
                if found is not None:
                    self._messages.put(Outcome(index, found.layers, loss=found.loss))
                    return
                if reader.opens(place):
                    self._store.note_reading(source.name)
            cost, losses = Cost(), Losses(source.name)
            for clip in reader.read(place, cost, losses):
                self._places.acquire()
                self._check()
                if claim is not None:
                    claim.refresh()
                self._messages.put(
                    Clip(index, cost.n_clips, clip.start_frame, clip.start_time, self._inputs(clip))
                )
                cost.n_clips += 1
            self._check()
            self._messages.put(Read(index, cost, digest, claim, losses.text()))
            claim = None  # it is with the message
        except SkVideo3DError as error:
            self._messages.put(Outcome(index, Layers(), error))
        finally:
            if claim is not None:
                claim.release()

    def _inputs(self, clip: VideoClip) -> tuple[Frames, ...]:
        frames = [frame.pixels for frame in clip.frames]
        return tuple(frames if stream.flow is None else clip.flow for stream in self._streams)

    def _claim(self, store: DescriptorStore, digest: str) -> Claim | None:
        if not self._wait:
            return store.claim(digest)
        claim = store.wait_for(digest, self._stop)
        self._check()
        return claim

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
