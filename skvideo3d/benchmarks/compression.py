"""How accurate a few dimensions are: PCA of the descriptors, then the protocol of UCF101."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skvideo3d.datasets import load_ucf101
from skvideo3d.datasets.layout import Missing

from .describing import Described, OnError
from .evaluation import Fold, ParamGrid
from .options import Options
from .published import published
from .recognition import data_use, note_lost_folds, note_weights, predictions_of, work_counts
from .results import BenchmarkResult, ResultRow

__all__ = ["compactness"]


def compactness(
    root: str | os.PathLike[str],
    *,
    dimensions: Sequence[int] = (10, 50, 100, 500),
    describer: Any = None,
    classifier: Any = None,
    param_grid: ParamGrid | None = None,
    splits: Sequence[int] = (1, 2, 3),
    classes: int | Sequence[str] | None = None,
    lists: str | os.PathLike[str] | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    """Measure accuracy on UCF101 against PCA dimensions, as in Tran et al. 2015, section 4.

    Parameters
    ----------
    root, lists, classes, missing, follow_links
        See `skvideo3d.datasets.load_ucf101`.
    dimensions : sequence of int, default=(10, 50, 100, 500)
        Numbers of principal components, learnt from the training part of each split. Those that are
        more than its videos or than the features are left out, which the result notes.
    describer, classifier, param_grid, splits, on_error, memory, n_jobs, verbose
        See `ucf101`.

    Returns
    -------
    BenchmarkResult
        A column for each number of dimensions, and one for all of them.

    Raises
    ------
    ValueError
        If the folder does not hold the set, or an argument has no meaning.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import compactness
    >>> compactness("data/UCF101", memory="work").plot()  # doctest: +SKIP
    """
    asked = sorted(set(dimensions))
    if not asked or asked[0] < 1:
        raise ValueError(f"dimensions={dimensions!r}: give whole numbers from 1 on.")
    videos = load_ucf101(
        root,
        lists=lists,
        classes=classes,
        splits=splits,
        missing=missing,
        follow_links=follow_links,
    )
    options = Options.of(
        describer=describer,
        classifier=classifier,
        param_grid=param_grid,
        memory=memory,
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    options.check(videos.target, videos.cv, videos.groups)
    described = options.describe(videos.data)
    began = time.perf_counter()
    most = _most_components(described, videos.cv, is_search=options.param_grid is not None)
    possible = [k for k in asked if k <= most]
    notes = note_weights(described)
    if len(possible) < len(asked):
        left = ", ".join(str(k) for k in asked if k not in possible)
        notes.append(
            f"Left out, as there are fewer training videos or features: {left} dimensions."
        )
    folds: dict[str, list[float]] = {}
    predictions: list[dict[str, Any]] = []
    for k in [*possible, None]:
        steps = [described.tail, None if k is None else PCA(k, random_state=0)]
        steps = [step for step in steps if step is not None]
        tail = make_pipeline(*steps) if steps else None
        outcomes = options.evaluate(
            replace(described, tail=tail), videos.target, videos.cv, videos.groups
        )
        name = "all" if k is None else str(k)
        predictions += [
            {"dimensions": name, **row}
            for row in predictions_of(videos, outcomes, [f"split {k}" for k in videos.splits])
        ]
        folds[name] = [
            100 * float(np.mean(o.predictions == videos.target[o.test])) for o in outcomes
        ]
    notes += note_lost_folds(outcomes, [f"split {number}" for number in videos.splits])
    figures = {name: float(np.mean(values)) for name, values in folds.items()}
    curve = [(float(k), figures[str(k)]) for k in possible]
    if described.rows.ndim == 2:
        curve.append((float(_width(described, videos.cv)), figures["all"]))
    return BenchmarkResult(
        benchmark="compactness",
        title=f"Compactness on UCF101: {len(videos.target_names)} classes, by PCA dimensions",
        metrics=(*(str(k) for k in possible), "all"),
        rows=[ResultRow(options.method(), figures, folds)],
        data=data_use(videos, described),
        published=published("compactness"),
        fold_names=[f"split {videos.splits[outcome.index]}" for outcome in outcomes],
        settings=options.settings(described, root),
        times={
            "describing": described.seconds,
            "classification": time.perf_counter() - began,
        },
        counts=work_counts(described),
        notes=notes,
        chance=100 / len(np.unique(videos.target)),
        predictions=predictions,
        curves={
            "compactness": {
                "dimensions": [k for k, _ in curve],
                "accuracy": [accuracy for _, accuracy in curve],
            }
        },
    )


def _most_components(described: Described, cv: Sequence[Fold], *, is_search: bool) -> int:
    n_train: int = min(len(np.intersect1d(train, described.usable)) for train, _ in cv)
    if is_search:
        n_train //= 2  # its fits are on parts of the training videos
    if described.rows.ndim == 1:  # described inside the folds: the number of features is unknown
        return n_train
    return min(n_train, _width(described, cv))


def _width(described: Described, cv: Sequence[Fold]) -> int:
    """Count the features that a PCA sees: what the describer itself learns comes before it."""
    if described.tail is None:
        return int(described.rows.shape[1])
    train = np.intersect1d(cv[0][0], described.usable)
    rows = clone(described.tail).fit_transform(described.rows[train])
    return int(rows.shape[1])
