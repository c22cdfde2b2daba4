"""Memory that a step frees stays with the process for the next step."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["freed_memory_kept"]

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Blocks that glibc's own rule gives back at once, and what it keeps, at most.
_USUAL = {_M_MMAP_THRESHOLD: 32 << 20, _M_TRIM_THRESHOLD: 64 << 20}
_ALL = {_M_MMAP_THRESHOLD: 1 << 30, _M_TRIM_THRESHOLD: (1 << 31) - 1}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let glibc keep what is freed, and give it back at the end.

    A step on a CPU needs the same large blocks as the one before. glibc returns each to the system,
    which fills it with zeros for the next step: up to half of a training's time. Where the C
    library is another one, nothing changes. The process is never larger than it was anyway at the
    peak of a step, but for gaps between blocks.
    """
    libc: Any = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    if libc is None:
        yield
        return
    _set(libc, _ALL)
    try:
        yield
    finally:
        _set(libc, _USUAL)
        libc.malloc_trim(0)


def _set(libc: Any, values: dict[int, int]) -> None:
    for name, value in values.items():
        libc.mallopt(name, value)
