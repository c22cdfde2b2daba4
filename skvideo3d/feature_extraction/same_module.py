"""Which module of the user's something belongs to, without keeping it alive."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SameModule"]


class SameModule:
    """A key that is equal for the same module alone, and equal for none once it is gone.

    Modules that look alike may compute different things; even equal ones may, in functions that
    they hold.

    Parameters
    ----------
    module : Module
        Held weakly.

    Examples
    --------
    >>> from torch import nn
    >>> one, other = nn.ReLU(), nn.ReLU()
    >>> SameModule(one) == SameModule(one), SameModule(one) == SameModule(other)
    (True, False)
    """

    def __init__(self, module: nn.Module) -> None:
        self._id = id(module)
        self._module = weakref.ref(module)

    @property
    def module(self) -> nn.Module:
        """The module, which whoever asks has to hold."""
        module = self._module()
        assert module is not None
        return module

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SameModule):
            return NotImplemented
        mine = self._module()
        return self is other or (mine is not None and mine is other._module())

    def __hash__(self) -> int:
        return self._id
