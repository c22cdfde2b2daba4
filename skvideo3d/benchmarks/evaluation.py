"""Classifiers fitted and tested on the folds of a protocol; nothing is fitted outside a fold."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.parallel import Parallel, delayed
from tqdm import tqdm

from .describing import Described, say
from .fold_store import FoldOutcome, open_fold_store

__all__ = ["Fold", "ParamGrid", "check_evaluation", "default_classifier", "evaluate"]

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
ParamGrid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]

_N_INNER_FOLDS = 5
_MANY_FOLDS = 20


def default_classifier() -> LinearSVC:
    """Give the papers' linear SVM, with C = 1."""
    return LinearSVC(C=1.0, max_iter=10_000, random_state=0)


def evaluate(
    described: Described,
    y: NDArray[np.int64],
    cv: Sequence[Fold],
    *,
    classifier: Any = None,
    param_grid: ParamGrid | None = None,
    groups: NDArray[Any] | None = None,
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> list[FoldOutcome]:
    """Fit on the training part of each fold, predict its test part.

    Whatever the describer learns (PCA, scaling), and C, are learnt from the training part alone.

    Many folds of few videos with many features, as leave-one-out of 420 scenes, are evaluated in
    the coordinates of the space that the videos span: a rotation, which leaves every inner product
    and so every L2-regularised linear model as it was, and makes each fit faster by the factor
    between features and videos.

    Parameters
    ----------
    described : Described
    y : ndarray of shape (n_videos,)
    cv : sequence of (train, test)
        Positions of videos; those that could not be described are left out.
    classifier : classifier, optional
        Default: `default_classifier`.
    param_grid : dict or list of dict, optional
        Of a grid search inside each training part, over parameters of the classifier, such as
        ``{"C": [0.1, 1, 10]}``, or of what the describer learns, as ``descriptor__n_components``.
    groups : ndarray of shape (n_videos,), optional
        Kept together in the folds of the grid search.
    memory : path-like, optional
        Folder where the outcomes of folds are kept, so that a run that is stopped goes on; those of
        models made of scikit-learn's parts alone, since other code may change between runs.
    n_jobs : int, optional
        Folds at the same time.
    verbose : int, default=0
        If not 0, draws a bar on stderr and says how many folds are known.

    Returns
    -------
    list of FoldOutcome
        One for each fold that has test videos.

    Raises
    ------
    ValueError
        If a training part lacks videos, or a class has too few for the grid search.
    """
    classifier = default_classifier() if classifier is None else classifier
    model = _model(described.tail, classifier, param_grid)
    rows = described.rows
    folds = list(_usable_folds(cv, described.usable, y))
    if not folds:
        raise ValueError(
            f"none of the {len(cv)} folds has a test video that could be described; "
            f"{len(described.failures)} of {len(rows)} videos failed."
        )
    # The basis costs as much as a few fits on all columns.
    is_worth_it = len(folds) >= _MANY_FOLDS and described.tail is None
    if is_worth_it and _is_rotation_invariant(classifier, param_grid):
        rows = _rotated(rows, described.usable)
    store = None
    if memory is not None:
        store = open_fold_store(Path(memory) / "folds", described.rows, y, model, groups)
    known = [store.get(*fold) if store else None for fold in folds]
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_run_fold)(model, rows, y, fold, groups)
        for fold, outcome in zip(folds, known, strict=True)
        if outcome is None
    )
    n_known = sum(outcome is not None for outcome in known)
    if verbose and n_known:
        say(f"Folds: {n_known} of {len(folds)} are known from an earlier run.")
    outcomes = []
    with tqdm(
        total=len(folds) - n_known, desc="folds", unit="fold", file=sys.stderr, disable=not verbose
    ) as bar:
        for fold, outcome in zip(folds, known, strict=True):
            outcomes.append(outcome or next(results))
            if outcome is None:
                bar.update()
                if store:
                    store.put(*fold[1:], outcomes[-1])
    return outcomes


def check_evaluation(
    y: NDArray[np.int64],
    cv: Sequence[Fold],
    *,
    classifier: Any,
    param_grid: ParamGrid | None = None,
    groups: NDArray[Any] | None = None,
) -> None:
    """Refuse what `evaluate` would fail on, which is known before any video is opened.

    Parameters
    ----------
    y, cv, classifier, param_grid, groups
        See `evaluate`.

    Raises
    ------
    ValueError
        If a training part has fewer than two classes, a class too few videos for the grid search,
        or the classifier does not take its parameters.
    """
    for _, train, _ in _usable_folds(cv, np.arange(len(y)), y):
        if param_grid is not None:
            _inner_folds(y[train], None if groups is None else groups[train])
    for params in ParameterGrid(param_grid or {}):
        own = {k: value for k, value in params.items() if not k.startswith("descriptor__")}
        candidate = clone(classifier).set_params(**own)
        # What scikit-learn's own estimators check when they are fitted.
        validate = getattr(candidate, "_validate_params", None)
        if validate is not None:
            validate()


def _model(tail: Any, classifier: Any, param_grid: ParamGrid | None) -> Any:
    steps = [("descriptor", tail)] if tail is not None else []
    model = Pipeline([*steps, ("classifier", classifier)])
    if param_grid is None:
        return model
    grids = [param_grid] if isinstance(param_grid, Mapping) else list(param_grid)
    named = [
        {
            name if name.startswith("descriptor__") else f"classifier__{name}": values
            for name, values in grid.items()
        }
        for grid in grids
    ]
    return GridSearchCV(model, named, error_score="raise")


def _usable_folds(
    cv: Sequence[Fold], usable: NDArray[np.int64], y: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    for index, parts in enumerate(cv):
        train, test = (np.intersect1d(part, usable) for part in parts)
        if len(test) == 0:
            continue
        if len(np.unique(y[train])) < 2:
            raise ValueError(
                f"fold {index + 1} has {len(train)} training videos, all of one class or none at "
                "all; a classifier needs at least two classes. Add videos, or choose others "
                "(splits=, classes=; --splits, --classes)."
            )
        yield index, train, test


def _run_fold(
    model: Any,
    rows: NDArray[Any],
    y: NDArray[np.int64],
    fold: tuple[int, NDArray[np.int64], NDArray[np.int64]],
    groups: NDArray[Any] | None,
) -> FoldOutcome:
    index, train, test = fold
    model = clone(model)
    is_search = isinstance(model, GridSearchCV)
    if is_search:
        model.set_params(cv=_inner_folds(y[train], None if groups is None else groups[train]))
    model.fit(_take(rows, train), y[train])
    held_out = _take(rows, test)
    scores = None
    if len(model.classes_) == 2:
        if hasattr(model, "decision_function"):
            scores = model.decision_function(held_out)
        elif hasattr(model, "predict_proba"):
            scores = model.predict_proba(held_out)[:, 1]
    return FoldOutcome(
        index,
        test,
        np.asarray(model.predict(held_out)),
        None if scores is None else np.asarray(scores, dtype=np.float64),
        _plain(model.best_params_) if is_search else {},
    )


def _inner_folds(y: NDArray[np.int64], groups: NDArray[Any] | None) -> list[Fold]:
    """Folds of a training part, for the grid search."""
    units = np.arange(len(y)) if groups is None else groups
    splitter: Any = StratifiedKFold if groups is None else StratifiedGroupKFold
    n_folds = min(_N_INNER_FOLDS, *(len(np.unique(units[y == label])) for label in np.unique(y)))
    if n_folds < 2:
        raise ValueError(
            "the grid search needs at least two "
            f"{'videos' if groups is None else 'groups of videos'} of every class in each training "
            "part; leave param_grid (several --C) out, or the class."
        )
    return list(splitter(n_folds).split(y, y, groups))


def _take(rows: NDArray[Any], positions: NDArray[np.int64]) -> Any:
    chosen = rows[positions]
    return list(chosen) if rows.dtype == object else chosen


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Make parameters what JSON knows."""
    plain = {}
    for name, chosen in params.items():
        value = chosen.item() if isinstance(chosen, np.generic) else chosen
        is_known = value is None or isinstance(value, (bool, int, float, str))
        plain[name.removeprefix("classifier__")] = value if is_known else repr(value)
    return plain


def _is_rotation_invariant(classifier: Any, param_grid: ParamGrid | None) -> bool:
    """Whether a classifier sees rows through their inner products alone."""
    grids = [param_grid] if isinstance(param_grid, Mapping) else param_grid or []
    if not {name for grid in grids for name in grid} <= {"C", "alpha", "class_weight"}:
        return False
    if type(classifier) is LinearSVC:
        return bool(classifier.penalty == "l2")
    if type(classifier) is SVC:
        return bool(classifier.kernel == "linear")
    return type(classifier) is RidgeClassifier and not classifier.positive


def _rotated(rows: NDArray[Any], usable: NDArray[np.int64]) -> NDArray[Any]:
    """Give the rows in an orthonormal basis of the space that they span."""
    if rows.dtype == object or len(usable) >= rows.shape[1]:
        return rows
    # rows = R.T Q.T with orthonormal columns of Q: R.T are the coordinates.
    coordinates = np.asarray(np.linalg.qr(rows[usable].T.astype(np.float64), mode="r")).T
    rotated = np.full((len(rows), coordinates.shape[1]), np.nan)
    rotated[usable] = coordinates
    return rotated
