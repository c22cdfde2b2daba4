"""Memory that a step frees stays with the process for the next step."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["freed_memory_kept"]

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Blocks from this size on have memory of their own, which goes back as soon as they are freed: what
# glibc's rule of growing comes to, and more than any block, which not every version takes.
_USUAL_BLOCK, _LARGEST_BLOCK = 32 << 20, 1 << 30
_USUAL_TRIM, _NO_TRIM = 64 << 20, (1 << 31) - 1
# Whoever set these knows better.
_SET_BY_USERS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")

_LOCK = threading.Lock()
_INSIDE: set[object] = set()  # those who keep memory now


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let glibc keep what is freed, and give it back at the end.

    A step on a CPU needs the same large blocks as the one before. glibc returns each to the system,
    which fills it with zeros for the next step: up to half of a training's time. Where the C
    library is another one, refuses, or has been told otherwise by its environment variables,
    nothing changes.

    It is the whole process that keeps memory: about what a step needs at its peak. After the last
    of several trainings at once the thresholds are those that glibc's own rule comes to in a
    process that has used large blocks; from then on they stay there.
    """
    own = object()
    with _LOCK:
        if not _INSIDE:
            _keep()
        _INSIDE.add(own)
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE.remove(own)
            if not _INSIDE:
                _give_back()


def _keep() -> None:
    libc = _glibc()
    # In this order: the second alone would end glibc's rule, and large blocks still go back.
    if libc is not None and libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK):
        libc.mallopt(_M_TRIM_THRESHOLD, _NO_TRIM)


def _give_back() -> None:
    libc = _glibc()
    if libc is not None and libc.mallopt(_M_MMAP_THRESHOLD, _USUAL_BLOCK):
        libc.mallopt(_M_TRIM_THRESHOLD, _USUAL_TRIM)
        libc.malloc_trim(0)


def _glibc() -> Any:
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _SET_BY_USERS):
        return None
    return ctypes.CDLL(None)
