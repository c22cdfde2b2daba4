"""Outcomes of folds on disk, so that a run that is stopped goes on with the next fold."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import sklearn
from numpy.typing import NDArray

from skvideo3d import __version__

__all__ = ["FoldOutcome", "FoldStore", "open_fold_store"]

# Raised whenever a change of the code changes outcomes, so that kept ones are not mixed up.
_ALGORITHM = 1
_KNOWN_PACKAGES = frozenset({"sklearn", "skvideo3d"})  # whose versions are part of the name


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


def open_fold_store(
    folder: str | os.PathLike[str],
    rows: NDArray[Any],
    y: NDArray[Any],
    model: Any,
    groups: NDArray[Any] | None,
) -> FoldStore | None:
    """Open the outcomes of a model on videos, if it can be told from every other.

    Parameters
    ----------
    folder : path-like
        Made when first written to.
    rows : ndarray of shape (n_videos, n_features)
    y : ndarray of shape (n_videos,)
    model : estimator
        Unfitted.
    groups : ndarray of shape (n_videos,) or None

    Returns
    -------
    FoldStore or None
        None where something has code of its own, such as the user's estimators and functions: it
        may be other code in the next run.
    """
    versions = (_ALGORITHM, __version__, sklearn.__version__, np.__version__)
    try:
        text = _in_full([versions, rows, y, groups, model])
    except _UnknownError:
        return None
    return FoldStore(Path(folder), hashlib.sha256(text.encode()).digest())


class FoldStore:
    """A folder of outcomes of one model on the same videos.

    Parameters
    ----------
    folder : Path
    common : bytes
        Stands for everything that determines an outcome but the positions of its videos.
    """

    def __init__(self, folder: Path, common: bytes) -> None:
        self.folder = folder
        self._common = common

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
        path = self._path(train, test)
        try:
            # np.load leaves a damaged one open, and would unpack whatever it claims to hold.
            with open(path, "rb") as content:
                if not _is_plain(content):
                    return None
                with np.load(content, allow_pickle=False) as file:
                    predictions, scores = file["predictions"], file.get("scores")
                    best_params = json.loads(str(file["best_params"]))
        except Exception:  # damage makes the readers fail in any way, down to MemoryError
            return None
        fits = (
            predictions.shape == test.shape
            and predictions.dtype.kind == "i"
            and (scores is None or (scores.shape == test.shape and scores.dtype.kind == "f"))
            and isinstance(best_params, dict)
        )
        return FoldOutcome(index, test, predictions, scores, best_params) if fits else None

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
            "best_params": np.array(json.dumps(outcome.best_params)),
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


def _is_plain(content: BinaryIO) -> bool:
    """Tell whether no array is compressed or longer than the file, as `np.savez` writes them."""
    size = content.seek(0, os.SEEK_END)
    with zipfile.ZipFile(content) as file:
        parts = file.infolist()
        stored = all(part.compress_type == zipfile.ZIP_STORED for part in parts)
    content.seek(0)
    return stored and sum(part.file_size for part in parts) <= size


class _UnknownError(Exception):
    """A value of which it cannot be told whether another run's is the same."""


def _in_full(value: Any) -> str:
    """Write down a value so that equal texts mean equal values; an estimator with all parameters.

    What has code of its own that may change (a function, a class of the user's), or an inner state,
    is unknown.
    """
    if value is None or isinstance(value, (bool, int, float, str, bytes, np.generic)):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
        return f"array {value.dtype.str} {value.shape} {digest}"
    if type(value) in (list, tuple):
        return f"{type(value).__name__} [" + ", ".join(map(_in_full, value)) + "]"
    if type(value) is dict:
        items = (f"{_in_full(k)}: {_in_full(v)}" for k, v in value.items())
        return "{" + ", ".join(items) + "}"
    if type(value) is slice:
        return repr(value)
    cls = type(value)
    if hasattr(value, "get_params") and cls.__module__.partition(".")[0] in _KNOWN_PACKAGES:
        return f"{cls.__module__}.{cls.__qualname__} {_in_full(value.get_params(deep=False))}"
    raise _UnknownError(f"{value!r}")
