"""The reading process: decodes files that others made, for the process that started it.

It is started by `skvideo3d.video.isolation`, does what it is asked over its standard input and
output, one thing at a time, and ends with the process that started it.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from skvideo3d import exceptions
from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError

from .clips import ClipRecipe, ReadingCost, read_clips
from .damage import Losses
from .messages import Channel, ChannelClosedError, recipe_from_json, source_from_json
from .pyav_reading import listen_to_decoders
from .sharing import share_readings
from .sources import VideoSource

__all__ = ["main"]

# Address space beyond that of the process at its start: for a decoder's frames (16 to refer to, of
# up to 4 bytes a pixel, in the worst case), and for everything else.
_BYTES_A_PIXEL = 64
_BYTES_AT_LEAST = 2**30
_MOST = 2**62  # more than any machine has; the system's call takes no larger number
# Seconds without anything to read, after which the memory is worth more than a quick start.
_IDLE = 300.0


def main() -> None:
    """Serve until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    _leave_no_core()
    channel = Channel(os.dup(0), os.dup(1))
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # what libraries print is no message
    listen_to_decoders()
    memory = _Memory()
    lifeline = _Lifeline(0)
    with suppress(ChannelClosedError, TimeoutError):
        channel.send({"is": "ready"})
        while True:
            request = channel.receive(_IDLE)
            match request.get("do"):
                case "read":
                    memory.limit(request["recipe"]["max_pixels"])
                    _serve(channel, lifeline, request)
                case "call":
                    memory.limit(request["max_pixels"])
                    with lifeline.held():
                        answer = _called(request)
                    channel.send(answer)


def _serve(channel: Channel, lifeline: _Lifeline, request: dict[str, Any]) -> None:
    """Read those of some videos that are asked for, until something else is."""
    recipe = recipe_from_json(request["recipe"])
    sources = [source_from_json(values) for values in request["sources"]]
    with share_readings(sources) as shared:
        while (index := channel.receive().get("index")) is not None:
            with lifeline.held():
                ending = _read(channel, shared[index], recipe)
            channel.send(ending)


def _read(channel: Channel, source: VideoSource, recipe: ClipRecipe) -> dict[str, Any]:
    cost, losses = ReadingCost(), Losses(source.name)
    sent: set[int] = set()
    try:
        for clip in read_clips(source, recipe, cost, losses):
            new = {f.place: f.pixels for f in clip.frames if f.place not in sent}
            sent = {frame.place for frame in clip.frames}
            channel.send(
                {
                    "is": "clip",
                    "start_frame": clip.start_frame,
                    "start_time": clip.start_time,
                    "places": [frame.place for frame in clip.frames],
                    "new": list(new),
                    "size": clip.frames[0].pixels.shape[:2],
                },
                *(pixels.data for pixels in new.values()),
            )
    except ChannelClosedError:
        raise
    except Exception as error:
        return _failure(error, source.name)
    return {"is": "read", "cost": vars(cost), "loss": losses.text()}


def _called(request: dict[str, Any]) -> dict[str, Any]:
    module, _, function = request["function"].partition(":")
    try:
        value = getattr(importlib.import_module(module), function)(*request["arguments"])
    except Exception as error:
        return _failure(error, request["arguments"][0])
    return {"is": "value", "value": value}


def _failure(error: Exception, name: str) -> dict[str, Any]:
    """Describe an error so that the same can be raised elsewhere."""
    if not isinstance(error, SkVideo3DError):
        error = VideoDecodeError(f"{name!r} cannot be read: {type(error).__name__}: {error}.")
    kinds = (kind.__name__ for kind in type(error).__mro__)
    return {
        "is": "failure",
        "kind": next(kind for kind in kinds if hasattr(exceptions, kind)),
        "text": str(error),
    }


class _Lifeline:
    """Ends this process with the one that started it, whatever a decoder is at.

    A decoder that hangs may hold the GIL, so that no Python runs here any more: the kernel's signal
    at the end of the pipe has its default effect, which is the end. Linux only; elsewhere an end
    is noticed when next something is sent or received.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._ended = select.poll()
        self._ended.register(pipe, 0)  # hang-ups are told without being asked for

    @contextmanager
    def held(self) -> Iterator[None]:
        """Listen for the end, where a request is not expected."""
        self._listen(yes=True)
        try:
            yield
        finally:
            self._listen(yes=False)

    def _listen(self, *, yes: bool) -> None:
        if sys.platform != "linux":
            return
        import fcntl

        flags = fcntl.fcntl(self._pipe, fcntl.F_GETFL)
        if yes:
            fcntl.fcntl(self._pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self._pipe, fcntl.F_SETFL, flags | os.O_ASYNC if yes else flags & ~os.O_ASYNC)
        if yes and self._ended.poll(0):
            sys.exit()  # before the kernel was asked to tell


class _Memory:
    """Has a decoder that asks for too much get an error, and not all memory of the machine.

    Linux only.
    """

    def __init__(self) -> None:
        self._at_start = _address_space()

    def limit(self, max_pixels: int) -> None:
        """Set the limit for frames of so many pixels.

        Parameters
        ----------
        max_pixels : int
        """
        if not self._at_start:
            return
        import resource

        wanted = self._at_start + _BYTES_AT_LEAST + _BYTES_A_PIXEL * max_pixels
        soft, hard = self._inherited
        limits = [wanted, _MOST, *(old for old in (soft, hard) if old != resource.RLIM_INFINITY)]
        resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))

    @cached_property
    def _inherited(self) -> tuple[int, int]:
        import resource

        return resource.getrlimit(resource.RLIMIT_AS)


def _leave_no_core() -> None:
    """Have crashes write no memory images of gigabytes into the user's folder."""
    with suppress(ImportError):  # not on Windows
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
