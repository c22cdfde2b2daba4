"""Work on all cores, each piece of it on one.

torch runs every operation on all cores and waits for the slowest at its end. The networks here are
thousands of short operations, and where a decoder runs on one of the cores, the waiting can take
longer than the work (ten times and more was seen). So threads of this module take pieces of several
operations each, one after the other, as fast as each of them can.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

__all__ = ["StoppedError", "run_all", "stopped_by"]

_Item = TypeVar("_Item")

_stop: ContextVar[threading.Event | None] = ContextVar("_stop", default=None)


class StoppedError(Exception):
    """Nobody wants what was being computed; see `stopped_by`."""


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Let another thread end what this one computes, in the middle of a batch.

    Parameters
    ----------
    stop : threading.Event
        As soon as it is set, `run_all` raises `StoppedError` where it is called in this thread
        inside the ``with`` block, when the pieces that have begun are done: some milliseconds.
    """
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def run_all(function: Callable[[_Item], object], items: Iterable[_Item]) -> None:
    """Call a function for each item, on as many threads as torch uses.

    Callers in several threads share the same workers.

    Parameters
    ----------
    function : callable
        Of torch operations; called in inference mode. What it raises is raised here, when no other
        call is under way any more; what has not begun by then is left out.
    items : iterable

    Raises
    ------
    StoppedError
        If the caller is `stopped_by` something.
    """
    rest = iter(list(items))
    stop = _stop.get()
    n_threads = torch.get_num_threads()
    if n_threads == 1:
        _work(function, rest, stop)
        return
    pool = _pool(n_threads)
    workers = [pool.submit(_work, function, rest, stop) for _ in range(n_threads)]
    try:
        for worker in workers:
            worker.result()
    finally:
        for _ in rest:  # after Ctrl-C there is nothing more for them
            pass
        wait(workers)  # nobody writes any more where the caller lets others write


@torch.inference_mode()
def _work(
    function: Callable[[_Item], object], items: Iterator[_Item], stop: threading.Event | None
) -> None:
    try:
        for item in items:
            if stop is not None and stop.is_set():
                raise StoppedError
            function(item)
    except BaseException:
        for _ in items:  # nothing more for the others
            pass
        raise


@lru_cache(maxsize=8)
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, "skvideo3d-network", initializer=_use_one_core)


def _use_one_core() -> None:
    torch.get_num_threads()  # torch sets a thread's number when it is first asked; ours comes later
    threadpool_limits(1, user_api="openmp")
    # MKL, where torch is built with it, goes by torch.set_num_threads unless the thread has said.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(torch._C.__file__).MKL_Set_Num_Threads_Local(1)


# The threads of a process do not live on in a fork of it. (OpenMP's do not either: there torch
# itself may hang.)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_pool.cache_clear)
