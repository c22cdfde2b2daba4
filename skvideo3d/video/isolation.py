"""Files that others made are decoded in another process, which may hang or crash.

A decoder that hangs can hold Python's lock, and one that crashes takes its process with it: neither
is to happen where descriptors are computed. A reading process imports neither torch nor
scikit-learn, so that it starts in a fraction of a second and is small; it is kept for the next
videos.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d import exceptions
from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError, VideoTimeoutError

from .clips import ClipRecipe, PreparedFrame, ReadingCost, VideoClip
from .damage import Losses
from .limits import DEFAULT_LIMITS, ReadingLimits
from .messages import Channel, ChannelClosedError, recipe_to_json, source_to_json
from .sources import VideoSource

__all__ = ["IsolatedReader", "call_isolated", "is_isolation_possible"]

_START_TIMEOUT = 120.0  # seconds; a busy machine with cold disks
_PIPE_BYTES = 2**20  # the most that Linux gives to anyone; a few clips
# It searches modules where this process does.
_PROGRAM = """\
import sys; sys.path[:] = sys.argv[1:]
from skvideo3d.video.isolated import main; main()
"""


def is_isolation_possible() -> bool:
    """Tell whether files are read in another process.

    Returns
    -------
    bool
        False on Windows, and where the environment variable ``SKVIDEO3D_ISOLATION`` is ``off``:
        then files are read in this process, `timeout` has no effect, and a decoder that crashes
        takes the process with it.
    """
    return (
        os.name == "posix"
        and bool(sys.executable)
        and os.environ.get("SKVIDEO3D_ISOLATION", "").lower() != "off"
    )


class IsolatedReader:
    """Reads some videos in another process, one after the other; see `read_clips`.

    Parameters
    ----------
    sources : sequence of VideoSource
        In the order in which they will be read; some may be left out then.
    recipe : ClipRecipe
    limits : ReadingLimits
    """

    def __init__(
        self, sources: Sequence[VideoSource], recipe: ClipRecipe, limits: ReadingLimits
    ) -> None:
        self._sources = sources
        self._recipe = recipe
        self._limits = limits
        self._starting: _Process | None = None
        self._process: _Process | None = None
        self._is_reading = False
        self._is_aborted = False

    def read(self, index: int, cost: ReadingCost, losses: Losses) -> Iterator[VideoClip]:
        """Read a video.

        Parameters
        ----------
        index : int
            Its place in `sources`.
        cost : ReadingCost
        losses : Losses

        Yields
        ------
        VideoClip

        Raises
        ------
        VideoDecodeError
            If it cannot be read, or the decoder crashed.
        VideoTimeoutError
            If it took longer than it may.
        """
        n_given = 0
        while True:
            process = self._ready_process()
            is_first, process.is_fresh = process.is_fresh, False
            try:
                for n_clips, clip in enumerate(self._clips(process, index, cost, losses), 1):
                    if n_clips > n_given:
                        yield clip
                        n_given = n_clips
                return
            except ChannelClosedError as error:
                ending = self._drop(is_ending=True)
                # A file before this one may have left the decoder in a state in which it crashes.
                if is_first or self._is_aborted:
                    raise VideoDecodeError(
                        f"{self._sources[index].name!r} crashed the decoder, which ran in a "
                        f"process of its own ({ending}); re-encode or replace it."
                    ) from error
            except TimeoutError as error:
                self._drop()
                raise VideoTimeoutError(
                    f"{self._sources[index].name!r} was given up after {self._limits.timeout:g} "
                    "seconds of reading; raise timeout= if it is long, or re-encode or replace it."
                ) from error
            except SkVideo3DError:
                raise
            except BaseException:  # nobody wants the rest, which would come before anything else
                self._drop()
                raise

    def abort(self) -> None:
        """End what another thread reads here, at once."""
        self._is_aborted = True
        for process in (self._starting, self._process):
            if process is not None:
                process.end()

    def close(self) -> None:
        """Leave the process to others, or end it if it is at a video."""
        if self._is_reading:
            self._drop()
        elif self._process is not None:
            _give_back(self._process)
            self._process = None

    def _clips(
        self, process: _Process, index: int, cost: ReadingCost, losses: Losses
    ) -> Iterator[VideoClip]:
        left = self._limits.timeout
        height, width = self._recipe.preprocessing.crop
        known: dict[int, NDArray[np.uint8]] = {}
        self._is_reading = True
        process.channel.send({"index": index})
        while True:
            began = time.monotonic()
            message = process.channel.receive(left)
            deadline = math.inf if left is None else began + left
            match message.get("is"):
                case "clip":
                    places, new = message["places"], message["new"]
                    pixels = np.empty((len(new), height, width, 3), np.uint8)
                    process.channel.fill(memoryview(pixels.data).cast("B"), deadline)
                    if left is not None:
                        left = deadline - time.monotonic()
                    known.update(zip(new, pixels, strict=True))
                    known = {place: known[place] for place in places}
                    yield VideoClip(
                        message["start_frame"],
                        message["start_time"],
                        [PreparedFrame(place, known[place]) for place in places],
                    )
                case "read":
                    self._is_reading = False
                    cost += ReadingCost(**message["cost"])
                    losses.take(message["loss"])
                    return
                case "failure":
                    self._is_reading = False
                    raise _error(message)
                case _:
                    raise ChannelClosedError

    def _ready_process(self) -> _Process:
        while self._process is None:
            process = self._starting = _take()
            try:
                process.wait_until_ready()
                process.channel.send(
                    {
                        "do": "read",
                        "recipe": recipe_to_json(self._recipe),
                        "sources": [source_to_json(source) for source in self._sources],
                    }
                )
            except ChannelClosedError:  # it was ended while it waited
                process.kill()
                continue
            self._process = process
        if self._is_aborted:
            self._process.end()
        return self._process

    def _drop(self, *, is_ending: bool = False) -> str:
        """Be done with the process, and say how it ended."""
        process, self._process, self._is_reading = self._process, None, False
        return process.kill(is_ending=is_ending) if process is not None else ""


def call_isolated(function: str, *arguments: Any, limits: ReadingLimits = DEFAULT_LIMITS) -> Any:
    """Call a function that opens a file, where it can hang or crash without harm.

    Parameters
    ----------
    function : str
        As "package.module:name"; it must not import torch, to be quick.
    *arguments : object
        Of what JSON has; the first one is what errors name.
    limits : ReadingLimits, optional

    Returns
    -------
    object
        Of what JSON has.

    Raises
    ------
    VideoDecodeError
        If the call fails, crashes or takes too long.
    """
    process = _take()
    process.wait_until_ready()
    try:
        process.is_fresh = False
        process.channel.send(
            {
                "do": "call",
                "function": function,
                "arguments": arguments,
                "max_pixels": limits.max_pixels,
            }
        )
        message = process.channel.receive(limits.timeout)
    except (ChannelClosedError, TimeoutError) as error:
        is_ending = isinstance(error, ChannelClosedError)
        ending = process.kill(is_ending=is_ending)
        ending = ending if is_ending else "it took too long"
        raise VideoDecodeError(
            f"{arguments[0]!r} cannot be read: what reads it, in a process of its own, was ended "
            f"({ending})."
        ) from error
    except BaseException:
        process.kill()
        raise
    _give_back(process)
    if message.get("is") != "value":
        raise _error(message)
    return message["value"]


class _Process:
    """A reading process."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _PROGRAM, *_search_path()]
        # Its arithmetic is small; threads would only take address space.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment,
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._pipes = self._popen.stdin, self._popen.stdout
        self.channel = Channel(self._pipes[1].fileno(), self._pipes[0].fileno())
        self.is_fresh = True  # has read nothing yet
        self._is_ready = False
        _widen(self._pipes[1].fileno())

    def wait_until_ready(self) -> None:
        """Let a new process import what it needs."""
        if self._is_ready:
            return
        try:
            self.channel.receive(_START_TIMEOUT)
        except BaseException as error:
            ending = self.kill(is_ending=isinstance(error, ChannelClosedError))
            if not isinstance(error, (ChannelClosedError, TimeoutError)):
                raise
            raise RuntimeError(
                f"The process that reads videos could not be started with {sys.executable!r} "
                f"({ending}); set the environment variable SKVIDEO3D_ISOLATION=off to read them "
                "in this one."
            ) from error
        self._is_ready = True

    def end(self) -> None:
        """End it at once, whatever it is at; for any thread."""
        self._popen.kill()

    def kill(self, *, is_ending: bool = False) -> str:
        """End it at once, or see it end, and say how it did."""
        if is_ending:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(1)
        self._popen.kill()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()
        code = self._popen.wait()
        if code >= 0:
            return f"exit status {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"{name}, as when memory ran out" if name == "SIGKILL" else name

    def forget(self) -> None:
        """Close the pipes; in a fork this leaves the process to the one that started it."""
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()
        self._popen.returncode = 0  # not ours to wait for


_idle: list[_Process] = []
_guard = threading.Lock()


def _take() -> _Process:
    with _guard:
        if _idle:
            return _idle.pop()
    return _Process()


def _give_back(process: _Process) -> None:
    try:
        process.channel.send({})  # leaves the videos it was told of
    except ChannelClosedError:
        process.kill()
        return
    with _guard:
        _idle.append(process)


def _end_all() -> None:
    with _guard:
        while _idle:
            _idle.pop().kill()


def _forget_all() -> None:
    global _guard  # noqa: PLW0603
    _guard = threading.Lock()  # another thread of the parent may have held it
    while _idle:
        _idle.pop().forget()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_all)


def _search_path() -> list[str]:
    here = ""
    with suppress(OSError):  # the current folder may have been removed
        here = os.getcwd()
    return [path or here for path in sys.path if path or here]


def _widen(pipe: int) -> None:
    """Let the reading process be a few clips ahead."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _error(message: dict[str, Any]) -> SkVideo3DError:
    kind = getattr(exceptions, str(message.get("kind")), VideoDecodeError)
    return kind(str(message.get("text")))
