"""Outcomes to rows: layers side by side, each of them normalised on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from .gathering import Outcome
from .settings import side_by_side

__all__ = ["Norm", "rows_of"]

Norm = Literal["l1", "l2", "max"] | None

_CHUNK = 1024  # rows that are normalised at a time, in twice their size


def rows_of(
    outcomes: Sequence[Outcome], sizes: Mapping[str, int], norm: Norm
) -> NDArray[np.float32]:
    """Put the layers of videos side by side.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of pooled layers.
    sizes : mapping of str to int
        Number of values of each layer.
    norm : {"l1", "l2", "max"} or None
        To which each layer's vector is scaled.

    Returns
    -------
    ndarray of shape (n_videos, n_features), float32
        NaN for videos that failed.
    """
    rows = np.full((len(outcomes), sum(sizes.values())), np.nan, dtype=np.float32)
    done = [i for i, outcome in enumerate(outcomes) if outcome.error is None]
    for name, block in side_by_side(dict(sizes)).items():
        for start in range(0, len(done), _CHUNK):
            some = done[start : start + _CHUNK]
            values = np.stack([outcomes[i].layers[name] for i in some])
            rows[some, block] = values if norm is None else _normalised(values, norm)
    return rows


def _normalised(values: NDArray[np.float32], norm: str) -> NDArray[np.float64]:
    # Squares of large and of tiny float32 numbers are none: in float64, with 1 as the largest.
    exact = values.astype(np.float64)
    largest = np.abs(exact).max(axis=1, keepdims=True)
    exact /= np.where(largest == 0, 1, largest)
    normed: NDArray[np.float64] = normalize(exact, norm, copy=False)
    return normed
