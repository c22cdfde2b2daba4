"""Results as strict JSON knows them: what becomes of arrays, tuples and NaN."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["reading", "to_json", "to_plain", "with_nan"]


def to_json(value: Any, where: str) -> str:
    r"""Write a value as strict JSON.

    Parameters
    ----------
    value : any
        As in `to_plain`.
    where : str

    Returns
    -------
    str

    Examples
    --------
    >>> to_json([1.5, float("inf")], "figures")
    '[\n 1.5,\n null\n]\n'
    """
    return json.dumps(to_plain(value, where), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


@contextmanager
def reading(what: str, origin: str) -> Iterator[None]:
    """Say of a text that is not what it should be what it should be, whatever goes wrong with it.

    Parameters
    ----------
    what : str
        It should be, such as "benchmark result".
    origin : str
        Where such texts come from.

    Raises
    ------
    ValueError
        Instead of what was raised.

    Examples
    --------
    >>> with reading("report", "what `save` wrote"):
    ...     {}["data"]
    Traceback (most recent call last):
        ...
    ValueError: The text is no report (KeyError: 'data'). Pass what `save` wrote.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"The text is no {what} ({type(error).__name__}: {error}). Pass {origin}."
        ) from error


def to_plain(value: Any, where: str) -> Any:
    """Make a value of what JSON knows.

    Parameters
    ----------
    value : any
        Dataclasses, mappings, sequences, numpy's numbers and arrays, paths, and JSON's own.
    where : str
        Name of the value, for the error.

    Returns
    -------
    any
        Equal, but for numbers that JSON lacks (NaN, infinity), which become None.

    Raises
    ------
    TypeError
        If there is something else in it.

    Examples
    --------
    >>> to_plain({"auc": float("nan"), "sizes": (1, np.int64(2))}, "result")
    {'auc': None, 'sizes': [1, 2]}
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if is_dataclass(value):
        names = [item.name for item in fields(value)]
        return {name: to_plain(getattr(value, name), f"{where}.{name}") for name in names}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(
        f"{where} is of type {type(value).__name__}, which JSON lacks; store its repr() or its "
        "parameters."
    )


def with_nan(value: Any) -> Any:
    """Give figures their NaN back, which `to_plain` made None.

    Parameters
    ----------
    value : any
        From JSON.

    Returns
    -------
    any
    """
    if isinstance(value, dict):
        return {key: with_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_nan(item) for item in value]
    return math.nan if value is None else value
