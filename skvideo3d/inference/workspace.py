"""Memory that is used again and again: fresh memory costs more than the work that is done in it."""

from __future__ import annotations

import threading
from math import prod

import torch
from torch import Tensor

__all__ = ["workspace"]

_buffers = threading.local()


def workspace(name: str, shape: tuple[int, ...]) -> Tensor:
    """Give an uninitialised float32 array that lives until the thread asks for this name again.

    Parameters
    ----------
    name : str
    shape : tuple of int

    Returns
    -------
    Tensor
    """
    size = prod(shape)
    buffer: Tensor | None = getattr(_buffers, name, None)
    if buffer is None or buffer.numel() < size:
        setattr(_buffers, name, None)  # freed before its successor is allocated
        buffer = torch.empty(size)
        setattr(_buffers, name, buffer)
    return buffer[:size].view(shape)
