"""Videos to descriptors in one process: read ahead, computed in batches, gathered.

The only place where readers, devices and the store meet. What another process is at is left for
the end, when nothing is held that the other could wait for.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.sources import VideoSource

from .devices import Device, are_processors, usable_devices
from .gathering import Gatherer, Layers, Outcome, StoredVideo, stored_video
from .reading import Broken, Clip, Postponed, Read, Readers
from .spec import DescriptorSpec
from .store import DescriptorStore, video_digest

__all__ = ["Layers", "Outcome", "extract", "look_up"]


def look_up(
    source: VideoSource, spec: DescriptorSpec, store: DescriptorStore
) -> StoredVideo | None:
    """Find a video in the store.

    Parameters
    ----------
    source : VideoSource
    spec : DescriptorSpec
    store : DescriptorStore

    Returns
    -------
    StoredVideo or None
        None unless all layers are there.
    """
    return stored_video(video_digest(source.identity()), spec.fingerprints(), store)


def extract(
    sources: Sequence[VideoSource],
    spec: DescriptorSpec,
    *,
    store: DescriptorStore | None = None,
    device: Device = None,
    batch_size: int = 1,
    n_readers: int | None = None,
    limits: ReadingLimits = DEFAULT_LIMITS,
) -> Iterator[Outcome]:
    """Describe videos.

    Parameters
    ----------
    sources : sequence of VideoSource
    spec : DescriptorSpec
    store : DescriptorStore, optional
        Looked into first and written to after each video.
    device : str or sequence of str, optional
        See `usable_devices`. Several share the batches among them.
    batch_size : int, default=1
        Clips, of one or several videos, that go through the network at once.
    n_readers : int, optional
        Threads that decode, each a video. Default 1 on a CPU, whose cores the network needs;
        beside a GPU as many as torch would use.
    limits : ReadingLimits, optional
        What reading a video may take.

    Yields
    ------
    Outcome
        One for each video, in the order in which they are done; a video that cannot be read is
        an outcome too.
    """
    devices = usable_devices(device)
    if n_readers is None:
        n_readers = _default_n_readers(devices)
    postponed: list[int] = []
    everything = range(len(sources))
    work = _Work(sources, spec, store, devices, batch_size, limits=limits)
    yield from work.run(everything, n_readers, postponed)
    for index in postponed:
        yield from work.run([index], 1, None)


class _Work:
    """One call of `extract`."""

    def __init__(
        self,
        sources: Sequence[VideoSource],
        spec: DescriptorSpec,
        store: DescriptorStore | None,
        devices: Sequence[str],
        batch_size: int,
        *,
        limits: ReadingLimits,
    ) -> None:
        self.sources = sources
        self.spec = spec
        self.store = store
        self.devices = devices
        self.batch_size = batch_size
        self.limits = limits

    def run(
        self, indices: Sequence[int], n_readers: int, postponed: list[int] | None
    ) -> Iterator[Outcome]:
        """Describe some; note those that others are at, or wait for them."""
        from .computing import Computed, Computers  # torch

        # Neither readers nor devices ever wait for this queue: readers wait for their turn to read
        # ahead, so that it stays short.
        messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        computers = Computers(self.spec, self.devices)
        readers = Readers(
            self.sources,
            self.spec,
            self.store,
            n_threads=n_readers,
            n_ahead=(computers.n_batches + 1) * self.batch_size,
            wait=postponed is None,
            limits=self.limits,
            n_flow_threads=_n_flow_threads(min(n_readers, len(indices))),
        )
        gatherer = Gatherer(self.sources, self.spec, self.store)
        batch: list[Clip] = []
        n_computing = 0
        is_read = False
        try:
            computers.start(messages)
            readers.start(indices, messages)
            while not (is_read and n_computing == 0):
                match messages.get():
                    case Clip() as clip:
                        gatherer.expect(clip)
                        batch.append(clip)
                    case Computed(clips, layers, seconds):
                        n_computing -= 1
                        readers.give_back(len(clips))
                        gatherer.add(clips, layers, seconds)
                        yield from gatherer.finished()
                    case Read() as read:
                        gatherer.note_read(read)
                        yield from gatherer.finished()
                    case Postponed(index):
                        assert postponed is not None
                        postponed.append(index)
                    case Outcome() as outcome:
                        # A video that broke off: what was computed of it is not used.
                        gatherer.forget(outcome.index)
                        kept = [clip for clip in batch if clip.index != outcome.index]
                        readers.give_back(len(batch) - len(kept))
                        batch = kept
                        yield outcome
                    case Broken(error):
                        raise error
                    case None:
                        is_read = True
                if len(batch) == self.batch_size or (batch and is_read):
                    computers.put(batch)
                    n_computing += 1
                    batch = []
        finally:
            with ExitStack() as ending:  # all of it, whatever fails, the last one first
                ending.callback(_release, messages)
                ending.callback(gatherer.release)
                ending.callback(computers.stop)
                ending.callback(readers.stop)
                ending.callback(computers.leave)  # while the readers are waited for


def _release(messages: queue.SimpleQueue[object]) -> None:
    """Free the claims of videos that nobody took from the queue."""
    while not messages.empty():
        message = messages.get()
        if isinstance(message, Read) and message.claim is not None:
            message.claim.release()


def _n_flow_threads(n_readers: int) -> int:
    """Share the cores out among the readers: flow takes longer than all else."""
    import torch

    return max(1, torch.get_num_threads() // n_readers)


def _default_n_readers(devices: Sequence[str]) -> int:
    import torch

    # joblib's workers have their share of the cores in this number.
    return 1 if are_processors(devices) else torch.get_num_threads()
