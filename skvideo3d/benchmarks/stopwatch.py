"""How long functions take on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from time import perf_counter
from typing import Final, TypeVar

__all__ = ["all_seconds", "best_seconds"]

_PATIENCE: Final = 60.0

_Key = TypeVar("_Key", bound=Hashable)


def all_seconds(
    functions: Mapping[_Key, Callable[[], object]], rounds: int, patience: float = _PATIENCE
) -> dict[_Key, list[float]]:
    """Time functions in turns.

    Parameters
    ----------
    functions : mapping of any to callable
        Run in their order, all of them in every round.
    rounds : int
        How many, at least 1.
    patience : float, default=60
        After so many seconds no other round is begun.

    Returns
    -------
    dict of any to list of float
        Seconds of every run.
    """
    seconds: dict[_Key, list[float]] = {name: [] for name in functions}
    start = perf_counter()
    for number in range(rounds):
        if number and perf_counter() - start > patience:
            break
        for name, function in functions.items():
            began = perf_counter()
            function()
            seconds[name].append(perf_counter() - began)
    return seconds


def best_seconds(
    functions: Mapping[_Key, Callable[[], object]], rounds: int, patience: float = _PATIENCE
) -> dict[_Key, float]:
    """Time functions in turns, and give the best of each.

    The least disturbed run is the nearest to what a function takes. Turns do not make other work
    harmless: what is split among cores waits for the slowest of them, and suffers more from it.

    Parameters
    ----------
    functions, rounds, patience
        As in `all_seconds`.

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
    return {name: min(runs) for name, runs in all_seconds(functions, rounds, patience).items()}
