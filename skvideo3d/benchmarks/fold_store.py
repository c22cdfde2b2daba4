"""Outcomes of folds on disk, so that a run that is stopped goes on with the next fold."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray

from skvideo3d import __version__

__all__ = ["FoldOutcome", "FoldStore"]


@dataclass(frozen=True)
class FoldOutcome:
    """What a classifier said about the test videos of a fold.

    Parameters
    ----------
    index : int
        Its number among the folds asked for.
    test : ndarray of int
        Positions of the videos.
    predictions : ndarray of int
        Their predicted labels.
    scores : ndarray of shape (n_test,) or None
        Of two classes, decision values or the probability of the second.
    best_params : dict
        What a grid search chose; empty without one.
    """

    index: int
    test: NDArray[np.int64]
    predictions: NDArray[np.int64]
    scores: NDArray[np.float64] | None
    best_params: dict[str, Any]


class FoldStore:
    """A folder of outcomes, named by everything that determines them.

    Parameters
    ----------
    folder : path-like
        Made when first written to.
    rows : ndarray of shape (n_videos, n_features)
    y : ndarray of shape (n_videos,)
    model : estimator
        Unfitted.
    groups : ndarray of shape (n_videos,) or None
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        rows: NDArray[Any],
        y: NDArray[Any],
        model: Any,
        groups: NDArray[Any] | None,
    ) -> None:
        self.folder = Path(folder)
        digest = hashlib.sha256()
        for array in (rows, y, groups):
            if array is not None:
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        digest.update(_in_full(model).encode())
        digest.update(f"skvideo3d {__version__}, scikit-learn {sklearn.__version__}".encode())
        self._common = digest.digest()

    def get(
        self, index: int, train: NDArray[np.int64], test: NDArray[np.int64]
    ) -> FoldOutcome | None:
        """Look a fold up.

        Parameters
        ----------
        index : int
        train, test : ndarray of int

        Returns
        -------
        FoldOutcome or None
            None where there is none, or a damaged one.
        """
        try:
            with np.load(self._path(train, test), allow_pickle=False) as file:
                return FoldOutcome(
                    index,
                    test,
                    file["predictions"],
                    file.get("scores"),
                    json.loads(str(file["best_params"])),
                )
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def put(self, train: NDArray[np.int64], test: NDArray[np.int64], outcome: FoldOutcome) -> None:
        """Keep a fold; without a word if the folder cannot be written to.

        Parameters
        ----------
        train, test : ndarray of int
        outcome : FoldOutcome
        """
        path = self._path(train, test)
        arrays = {
            "predictions": outcome.predictions,
            "best_params": np.array(json.dumps(outcome.best_params, default=repr)),
        }
        if outcome.scores is not None:
            arrays["scores"] = outcome.scores
        unfinished = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part.npz")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                np.savez(unfinished, **arrays)  # type: ignore[arg-type]
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)

    def _path(self, train: NDArray[np.int64], test: NDArray[np.int64]) -> Path:
        digest = hashlib.sha256(self._common)
        for part in (train, test):
            digest.update(np.asarray(part, dtype=np.int64).tobytes() + b"|")
        return self.folder / f"{digest.hexdigest()}.npz"


def _in_full(value: Any) -> str:
    """Write down an estimator with all its parameters; its own repr shortens long ones."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        inner = ", ".join(
            f"{name}={_in_full(inner)}" for name, inner in value.get_params(deep=False).items()
        )
        return f"{type(value).__module__}.{type(value).__qualname__}({inner})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {_in_full(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_in_full, value)) + "]"
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    return repr(value)
