"""Memory that is used again and again: fresh memory costs more than the work that is done in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

from torch import Tensor

from .memory import empty_map

__all__ = ["workspace"]

# What nobody uses at the moment. Appending to a list and popping from it is safe among threads.
_idle: defaultdict[str, list[Tensor]] = defaultdict(list)


@contextmanager
def workspace(name: str, shape: tuple[int, ...]) -> Iterator[Tensor]:
    """Lend an uninitialised float32 array.

    Parameters
    ----------
    name : str
        Of the purpose: arrays of a purpose are of similar sizes.
    shape : tuple of int

    Yields
    ------
    Tensor
        Nobody else has it until the end of the ``with`` block.
    """
    size = prod(shape)
    try:
        buffer = _idle[name].pop()
    except IndexError:
        buffer = empty_map(0)
    if buffer.numel() < size:
        buffer = empty_map(0)  # the small one is freed before its successor is allocated
        buffer = empty_map(size)
    try:
        yield buffer[:size].view(shape)
    finally:
        _idle[name].append(buffer)
