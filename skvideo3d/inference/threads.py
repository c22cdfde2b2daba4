"""Work on all cores, each piece of it on one.

torch runs every operation on all cores and waits for the slowest at its end. The networks here are
thousands of short operations, and where a decoder runs on one of the cores, the waiting can take
longer than the work (ten times and more was seen). So threads of this module take pieces of several
operations each, one after the other, as fast as each of them can.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

__all__ = ["run_all"]

_Item = TypeVar("_Item")


def run_all(function: Callable[[_Item], object], items: Iterable[_Item]) -> None:
    """Call a function for each item, on as many threads as torch uses.

    Callers in several threads share the same workers.

    Parameters
    ----------
    function : callable
        Of torch operations; called in inference mode. What it raises is raised here, when no other
        call is under way any more; what has not begun by then is left out.
    items : iterable
    """
    rest = iter(list(items))
    n_threads = torch.get_num_threads()
    if n_threads == 1:
        _work(function, rest)
        return
    pool = _pool(n_threads)
    workers = [pool.submit(_work, function, rest) for _ in range(n_threads)]
    try:
        for worker in workers:
            worker.result()
    finally:
        for _ in rest:  # after Ctrl-C there is nothing more for them
            pass
        wait(workers)  # nobody writes any more where the caller lets others write


@torch.inference_mode()
def _work(function: Callable[[_Item], object], items: Iterator[_Item]) -> None:
    try:
        for item in items:
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
