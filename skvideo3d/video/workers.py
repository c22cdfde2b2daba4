"""Calls in other processes or on other machines, through joblib, one result at a time."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.utils.parallel import Parallel

__all__ = ["end_with_parent", "results_of"]


@contextmanager
def results_of(calls: Iterable[Any], n_jobs: int | None) -> Iterator[Iterator[Any]]:
    """Have calls made by the workers of the active `joblib.parallel_config`.

    Parameters
    ----------
    calls : iterable
        Of what ``sklearn.utils.parallel.delayed`` makes.
    n_jobs : int or None
        As everywhere in scikit-learn.

    Yields
    ------
    iterator
        Of results in the order of the calls; calls whose results nobody takes are not waited for.

    Raises
    ------
    ValueError
        If the active backend cannot hand results back one by one.
    """
    # No backend is named: joblib.parallel_config decides where the workers are.
    try:
        results = Parallel(n_jobs=n_jobs, return_as="generator")(calls)
    except ValueError as error:
        # The multiprocessing backend; torch in forked processes can also wait for itself for ever.
        raise ValueError(
            "The active joblib backend cannot hand results back one by one; use 'loky' (the "
            "default), 'threading' or 'dask'."
        ) from error
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            # joblib warns of results that nobody takes; leaving at the first failure is meant.
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def end_with_parent() -> None:
    """End a worker of loky whose parent was killed: it would work on, and then wait for more."""
    parent = multiprocessing.parent_process()
    is_of_loky = multiprocessing.current_process().name.startswith("LokyProcess")
    if is_of_loky and parent is not None and os.getppid() != parent.pid:
        os._exit(1)  # nobody is left whom an exception could reach
