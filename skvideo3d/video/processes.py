"""Reading processes: started when one is needed, kept for the next videos, never left behind."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress

from .messages import Channel, ChannelClosedError

__all__ = ["START_TIMEOUT", "ReadingProcess", "end_all", "give_back", "take"]

START_TIMEOUT = 120.0  # seconds; a busy machine with cold disks
_END_TIMEOUT = 5.0
_PIPE_BYTES = 2**20  # the most that Linux gives to anyone; a few clips
# It searches modules where this process does.
_PROGRAM = """\
import sys; sys.path[:] = sys.argv[1:]
from skvideo3d.video.isolated import main; main()
"""


class ReadingProcess:
    """A process that runs `skvideo3d.video.isolated`, for one thread at a time.

    Attributes
    ----------
    channel : Channel
    is_fresh : bool
        Whether it has read nothing yet; its user says when that is over.
    """

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
        for pipe in self._pipes:
            _widen(pipe.fileno())
        os.set_blocking(
            self._pipes[0].fileno(), False
        )  # it may have been stopped, and take nothing
        _all.add(self)

    def wait_until_ready(self) -> None:
        """Let a new process import what it needs."""
        if self._is_ready:
            return
        try:
            self.channel.receive(START_TIMEOUT)
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

    def is_running(self) -> bool:
        """Tell whether it has not ended by itself.

        Returns
        -------
        bool
        """
        return self._popen.poll() is None

    def end(self) -> None:
        """End it at once, whatever it is at; for any thread."""
        self._popen.kill()

    def kill(self, *, is_ending: bool = False) -> str:
        """End it at once and free what it held.

        Parameters
        ----------
        is_ending : bool, default=False
            Whether it seems to end by itself: give it a moment, to know how.

        Returns
        -------
        str
            How it ended.
        """
        if is_ending:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(1)
        was_running = self.is_running()
        self._popen.kill()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()
        if was_running:
            with suppress(subprocess.TimeoutExpired):  # it waits for a disk that does not answer
                self._popen.wait(_END_TIMEOUT)
            return "it made no sense any more"
        code = self._popen.returncode
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
        self._popen.returncode = 0  # not ours to wait for, nor to end


_idle: list[ReadingProcess] = []
_all: weakref.WeakSet[ReadingProcess] = weakref.WeakSet()
_guard = threading.Lock()


def take() -> ReadingProcess:
    """Give a process that waits for something to read, or a new one.

    Returns
    -------
    ReadingProcess
    """
    with _guard:
        while _idle:
            process = _idle.pop()
            if process.is_running():
                return process
            process.kill()  # nobody had anything to read for a while
    return ReadingProcess()


def give_back(process: ReadingProcess) -> None:
    """Keep a process that is at no video for the next ones.

    Parameters
    ----------
    process : ReadingProcess
    """
    try:
        process.channel.send({}, timeout=0)  # leaves the videos it was told of
    except (ChannelClosedError, TimeoutError):
        process.kill()
        return
    with _guard:
        _idle.append(process)


def end_all() -> None:
    """End the processes that wait for something to read."""
    with _guard:
        while _idle:
            _idle.pop().kill()


def _forget_all() -> None:
    global _guard  # noqa: PLW0603
    _guard = threading.Lock()  # another thread of the parent may have held it
    _idle.clear()
    for process in list(_all):
        process.forget()


atexit.register(end_all)
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
