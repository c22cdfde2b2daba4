"""Threads that run batches of clips through the network, one for each device."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from skvideo3d.inference.threads import StoppedError, stopped_by

from .network import DeviceNetwork, Rows
from .reading import Broken, Clip
from .spec import DescriptorSpec

__all__ = ["Computed", "Computers"]

# Batches under way on a device: one that it computes, one whose pixels are copied meanwhile.
_DEPTH = 2


@dataclass(frozen=True)
class Computed:
    """A batch that has been through the network."""

    clips: list[Clip]
    layers: Rows
    seconds: float


@dataclass(frozen=True)
class _Begun:
    clips: list[Clip]
    since: float
    wait: Callable[[], Rows]


class Computers:
    """One thread for each device; whichever is free takes the next batch.

    Parameters
    ----------
    spec : DescriptorSpec
    devices : sequence of str
        From `usable_devices`; one that is there twice gets two threads.
    """

    def __init__(self, spec: DescriptorSpec, devices: Sequence[str]) -> None:
        self._spec = spec
        self._devices = devices
        self._batches: queue.SimpleQueue[list[Clip] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def n_batches(self) -> int:
        """Batches that keep all devices busy."""
        return _DEPTH * len(self._devices)

    def start(self, messages: queue.SimpleQueue[Any]) -> None:
        """Begin to take batches.

        Parameters
        ----------
        messages : queue.SimpleQueue
            Gets a `Computed` for each batch, or `Broken`.
        """
        self._messages = messages
        for device in self._devices:
            thread = threading.Thread(
                target=self._run, args=(device,), name="skvideo3d-device", daemon=True
            )
            thread.start()
            self._threads.append(thread)  # only those that run can be waited for

    def put(self, clips: list[Clip]) -> None:
        """Give a batch.

        Parameters
        ----------
        clips : list of Clip
        """
        self._batches.put(clips)

    def leave(self) -> None:
        """Have all threads leave what they are at, and do not wait for it."""
        self._stop.set()
        for _ in self._threads:
            self._batches.put(None)

    def stop(self) -> None:
        """End all threads: in the middle of a batch on a CPU, after it elsewhere."""
        self.leave()
        for thread in self._threads:
            thread.join()

    def _run(self, device: str) -> None:
        try:
            with stopped_by(self._stop):
                self._compute(device)
        except StoppedError:
            return
        except BaseException as error:  # raised again by the thread that waits for us
            self._messages.put(Broken(error))

    def _compute(self, device: str) -> None:
        network: DeviceNetwork | None = None
        begun: _Begun | None = None
        done_at = 0.0

        def deliver(batch: _Begun) -> None:
            nonlocal done_at
            layers = batch.wait()
            # Until then a GPU was at the batch before this one.
            since, done_at = max(batch.since, done_at), perf_counter()
            self._messages.put(Computed(batch.clips, layers, done_at - since))

        while (clips := self._next(begun)) is not None or begun is not None:
            following = None
            if clips is not None:
                since = perf_counter()
                network = network or DeviceNetwork(self._spec, device)
                inputs = zip(*(clip.inputs for clip in clips), strict=True)
                wait = network.start(*inputs)
                following = _Begun(clips, since, wait)
            if begun is not None:
                deliver(begun)
            begun = following
            if begun is not None and network is not None and not network.is_asynchronous:
                deliver(begun)
                begun = None

    def _next(self, begun: _Begun | None) -> list[Clip] | None:
        """Take a batch; None at the end, or if there is none yet and one to be delivered."""
        if self._stop.is_set():
            return None
        try:
            clips = self._batches.get(block=begun is None)
        except queue.Empty:
            return None
        return None if self._stop.is_set() else clips
