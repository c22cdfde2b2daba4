"""How long functions take on a machine that others use too."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from time import perf_counter
from typing import Final, TypeVar

__all__ = ["best_seconds"]

_PATIENCE: Final = 60.0

_Key = TypeVar("_Key", bound=Hashable)


def best_seconds(functions: Mapping[_Key, Callable[[], object]], rounds: int) -> dict[_Key, float]:
    """Time functions in turns, and give the best of each.

    What else goes on for a while slows all of them down alike, and the least disturbed run of each
    is the nearest to what it takes.

    Parameters
    ----------
    functions : mapping of any to callable
        Run in their order, all of them in every round.
    rounds : int
        How many, at least 1. After a minute no other round is begun.

    Returns
    -------
    dict of any to float
        Seconds.

    Examples
    --------
    >>> seconds = best_seconds({"sorted": lambda: sorted(range(9)), "sum": lambda: sum((1, 2))}, 3)
    >>> list(seconds)
    ['sorted', 'sum']
    """
    best = dict.fromkeys(functions, math.inf)
    start = perf_counter()
    for number in range(rounds):
        if number and perf_counter() - start > _PATIENCE:
            break
        for name, function in functions.items():
            began = perf_counter()
            function()
            best[name] = min(best[name], perf_counter() - began)
    return best
