"""What a module that somebody wrote is known by: its structure and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .telling import Telling

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ModuleStructure", "content_of", "structure_of"]


@dataclass(frozen=True)
class ModuleStructure:
    """All of a module but its parameters' numbers, as far as it can be told.

    Parameters
    ----------
    sha256 : str
        In hexadecimal.
    unknown : tuple of (str, str)
        What cannot be told from others: where it is, and of which class. Two modules that have
        such a thing may differ although their hashes are equal.
    """

    sha256: str
    unknown: tuple[tuple[str, str], ...]


def structure_of(module: nn.Module, *, reached: bool = True) -> ModuleStructure:
    """Hash all of a module but its parameters' numbers.

    That is its parts by their names; their classes' code; their attributes and buffers, of
    whatever kind; the names, types and shapes of the parameters, and which are the same; hooks;
    the graphs of `torch.fx` and TorchScript, whose constants and parameters count as well.

    Parameters
    ----------
    module : Module
    reached : bool, default=True
        Whether lists, arrays and other objects that change count where they are not the module's
        own but its functions and classes hold them: as globals, in closures, as attributes. Running
        the module may change them, and a copy of it has the same ones.

    Returns
    -------
    ModuleStructure

    Examples
    --------
    >>> from torch import nn
    >>> structure_of(nn.Conv2d(3, 4, 3)) == structure_of(nn.Conv2d(3, 4, 3))
    True
    >>> structure_of(nn.Conv2d(3, 4, 3)) == structure_of(nn.Conv2d(3, 4, 3, padding=1))
    False
    """
    telling = _told(module, numbers=False, reached=reached)
    unknown = ((where, type(value).__qualname__) for where, value in telling.unknown)
    return ModuleStructure(telling.hexdigest(), tuple(unknown))


def content_of(module: nn.Module) -> str:
    """Hash all of a module that is its own, its parameters' numbers included.

    Parameters
    ----------
    module : Module

    Returns
    -------
    str
        SHA-256, in hexadecimal.
    """
    return _told(module, numbers=True, reached=False).hexdigest()


def _told(module: nn.Module, *, numbers: bool, reached: bool) -> Telling:
    telling = Telling(reached=reached)
    telling.tell_parameters(module, numbers=numbers)
    try:
        telling.tell(module, "network")
    except RecursionError:
        telling.unknown.append(("something deep inside network", module))
    return telling
