"""Where code comes from, and what it refers to."""

from __future__ import annotations

import dis
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType

__all__ = ["globals_of", "is_importable", "is_installed", "is_known"]

# Their code is known by its name.
_KNOWN = {"torch", "numpy", *sys.stdlib_module_names}
_MADE_BY_PYTHON = 1 << 9  # CPython's flag of classes that a class statement, or a call, makes
_INSTALLED = tuple({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})


def is_known(value: type | FunctionType) -> bool:
    """Tell whether code is torch's, NumPy's or Python's, and not one of several of its name.

    Parameters
    ----------
    value : type or function

    Returns
    -------
    bool
    """
    if isinstance(value, type) and not value.__flags__ & _MADE_BY_PYTHON:
        return True
    return (value.__module__ or "").partition(".")[0] in _KNOWN and is_importable(value)


def is_installed(module: str | None) -> bool:
    """Tell whether a Python module is of an installed package, whose code is its version's.

    Parameters
    ----------
    module : str or None
        Its name.

    Returns
    -------
    bool
    """
    if module is None or module == "__main__":  # whoever it was that was started
        return False
    place = getattr(sys.modules.get(module), "__file__", None) or ""
    return module.partition(".")[0] in _KNOWN or place.startswith(_INSTALLED)


def is_importable(value: type | FunctionType) -> bool:
    """Tell whether a class or function is found under its name.

    Parameters
    ----------
    value : type or function

    Returns
    -------
    bool
    """
    found: object = sys.modules.get(value.__module__ or "")
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


@lru_cache(maxsize=4096)
def globals_of(code: CodeType) -> tuple[str, ...]:
    """Find the globals that code names, with the code of the functions inside it.

    Parameters
    ----------
    code : CodeType

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> globals_of((lambda x: print(abs(x).real)).__code__)
    ('abs', 'print')
    """

    def found(code: CodeType) -> Iterator[str]:
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                yield instruction.argval
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from found(constant)

    return tuple(sorted(set(found(code))))
