"""What a module that somebody wrote is known by: its structure and its numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch import nn

__all__ = ["content_of", "structure_of"]

# Where an object lies in memory, in the text that it has of itself.
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")


def structure_of(module: nn.Module) -> str:
    """Hash all of a module but its parameters.

    Of every submodule: its name, the name of its class, what its ``repr`` tells, its public
    attributes that are numbers, texts, functions or sequences of these, and its buffers. Not seen
    are attributes of any other kind, and the code of its methods except of TorchScript's modules.

    Parameters
    ----------
    module : Module

    Returns
    -------
    str
        SHA-256, in hexadecimal.

    Examples
    --------
    >>> from torch import nn
    >>> structure_of(nn.Conv2d(3, 4, 3)) == structure_of(nn.Conv2d(3, 4, 3))
    True
    >>> structure_of(nn.Conv2d(3, 4, 3)) == structure_of(nn.Conv2d(3, 4, 3, padding=1))
    False
    """
    digest = hashlib.sha256()
    for name, part in module.named_modules(remove_duplicate=False):
        kind = type(part)
        own = {key: _told(value) for key, value in sorted(vars(part).items())}
        plain = {key: text for key, text in own.items() if text and key.lstrip("_") == key}
        plain.pop("training", None)
        line = f"{name}|{kind.__module__}.{kind.__qualname__}|{part.extra_repr()}|{plain}\n"
        if isinstance(part, torch.jit.ScriptModule):
            line += f"{getattr(part, 'code', '')}\n"
        digest.update(_ADDRESS.sub("", line).encode())
    _add_tensors(digest, module.named_buffers(remove_duplicate=False))
    return digest.hexdigest()


def content_of(module: nn.Module) -> str:
    """Hash a module's parameters.

    Parameters
    ----------
    module : Module

    Returns
    -------
    str
        SHA-256 of their names, types, shapes and numbers, in hexadecimal.
    """
    digest = hashlib.sha256()
    _add_tensors(digest, module.named_parameters(remove_duplicate=False))
    return digest.hexdigest()


def _told(value: object) -> str:
    """Give a text for what is the same in every process, and none for all else."""
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, tuple | list):
        parts = [_told(part) for part in value]
        return f"({', '.join(parts)})" if all(parts) else ""
    names = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return ".".join(names) if all(isinstance(name, str) for name in names) else ""  # type: ignore[arg-type]


def _add_tensors(digest: hashlib._Hash, tensors: Iterable[tuple[str, Tensor]]) -> None:
    for name, tensor in tensors:
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}\n".encode())
        if not tensor.is_meta:
            plain = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(plain.view(torch.uint8).numpy().data)
