"""Videos with one label each: describe, classify on folds, and report."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from sklearn.utils import Bunch

from .describing import Described
from .evaluation import Fold
from .fold_store import FoldOutcome
from .options import Options
from .published import Published
from .results import BenchmarkResult, DataUse, ResultRow

__all__ = [
    "data_use",
    "note_largest_class",
    "note_lost_folds",
    "note_weights",
    "predictions_of",
    "recognise",
    "work_counts",
]


def recognise(
    videos: Bunch,
    cv: Sequence[Fold],
    options: Options,
    *,
    root: str | os.PathLike[str],
    benchmark: str,
    title: Callable[[int], str],
    fold_names: Sequence[str] = (),
    published: tuple[Published, ...] = (),
    unit: str = "videos",
    with_balanced_accuracy: bool = False,
) -> BenchmarkResult:
    """Evaluate a describer and a classifier on labelled videos.

    Parameters
    ----------
    videos : Bunch
        With `data`, `target`, `target_names`, and maybe `groups`, `n_listed`, `missing`.
    cv : sequence of (train, test)
    options : Options
    root : path-like
        Where the data set lies.
    benchmark : str
    title : callable
        Takes the number of classes that there are.
    fold_names : sequence of str
        One for each fold: the figure is then the mean over folds. Empty for leave-one-out, whose
        figure is the share of all test videos.
    published : tuple of Published
    unit : str, default="videos"
        What is counted.
    with_balanced_accuracy : bool, default=False
        Whether the mean over classes is a column too.

    Returns
    -------
    BenchmarkResult
    """
    options.check(videos.target, cv, videos.get("groups"))
    described = options.describe(videos.data)
    began = time.perf_counter()
    outcomes = options.evaluate(described, videos.target, cv, videos.get("groups"))
    metrics = ("accuracy", "balanced accuracy") if with_balanced_accuracy else ("accuracy",)
    row = _row(options.method(), videos.target, outcomes, metrics, is_mean=bool(fold_names))
    rows = [row]
    quiet = replace(options, verbose=0)  # one bar is enough
    for method, columns in described.parts.items():
        part = replace(described, rows=described.rows[:, columns])
        found = quiet.evaluate(part, videos.target, cv, videos.get("groups"))
        rows.append(_row(method, videos.target, found, metrics, is_mean=bool(fold_names)))
    seconds = time.perf_counter() - began
    test = np.concatenate([outcome.test for outcome in outcomes])
    true = videos.target[test]
    predicted = np.concatenate([outcome.predictions for outcome in outcomes])
    labels = np.unique(videos.target[described.usable])
    names = [videos.target_names[label] for label in labels]
    settings = options.settings(described, root)
    if options.param_grid is not None:
        settings["best_params"] = [outcome.best_params for outcome in outcomes]
    with warnings.catch_warnings():
        # Few videos of many classes are no regression.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        confusion = confusion_matrix(true, predicted, labels=labels)
    sizes = confusion.sum(axis=1)
    return BenchmarkResult(
        benchmark=benchmark,
        title=title(len(labels)),
        metrics=metrics,
        rows=rows,
        data=data_use(videos, described, unit),
        published=published,
        fold_names=[fold_names[outcome.index] for outcome in outcomes] if fold_names else [],
        settings=settings,
        times={"describing": described.seconds, "classification": seconds},
        counts=work_counts(described),
        notes=[
            *note_weights(described),
            *note_lost_folds(outcomes, fold_names),
            *note_largest_class(videos.target[described.usable], videos.target_names),
            *_note_prior(row, outcomes, len(labels)),
        ],
        chance=100 / len(labels),
        predictions=predictions_of(videos, outcomes, fold_names),
        confusion={"labels": names, "matrix": confusion.tolist()},
        class_counts={
            name: int((videos.target[described.usable] == label).sum())
            for label, name in zip(labels, names, strict=True)
        },
        per_class={
            name: 100 * float(hits / size)
            for name, hits, size in zip(names, confusion.diagonal(), sizes, strict=True)
            if size
        },
    )


def data_use(videos: Bunch, described: Described, unit: str = "videos") -> DataUse:
    """Count what a result rests on.

    Parameters
    ----------
    videos : Bunch
    described : Described
    unit : str, default="videos"

    Returns
    -------
    DataUse
    """
    missing = list(videos.get("missing", []))
    n_listed = videos.get("n_listed", len(videos.data))
    return DataUse(
        n_listed=n_listed,
        n_missing=n_listed - len(videos.data),
        n_failed=len(described.failures),
        n_used=len(described.usable),
        missing=missing,
        failures=[(_mention(videos.data[i]), reason) for i, reason in described.failures],
        losses=[(_mention(videos.data[i]), loss) for i, loss in described.losses],
        unit=unit,
    )


def predictions_of(
    videos: Bunch, outcomes: Sequence[FoldOutcome], fold_names: Sequence[str]
) -> list[dict[str, Any]]:
    """List what was predicted for each test video.

    Parameters
    ----------
    videos : Bunch
    outcomes : sequence of FoldOutcome
    fold_names : sequence of str
        Empty for folds that are known by number.

    Returns
    -------
    list of dict
    """
    names = videos.target_names
    return [
        {
            "video": _mention(videos.data[position]),
            "fold": fold_names[outcome.index] if fold_names else outcome.index + 1,
            "target": names[videos.target[position]],
            "prediction": names[prediction],
        }
        for outcome in outcomes
        for position, prediction in zip(outcome.test, outcome.predictions, strict=True)
    ]


def work_counts(described: Described) -> dict[str, int]:
    """Count what was done in this run and what was there already.

    Parameters
    ----------
    described : Described

    Returns
    -------
    dict of str to int
    """
    if not described.weights and described.rows.dtype == object:
        return {}  # described inside the folds, which nobody counts
    return {
        "described": described.n_described,
        "reused": described.n_reused,
        "clips": described.cost.n_clips,
    }


def note_weights(described: Described) -> list[str]:
    """Say that weights are random, where they are.

    Parameters
    ----------
    described : Described

    Returns
    -------
    list of str
    """
    if not described.has_random_weights:
        return []
    return ["The weights are random: these figures are a baseline, not those of C3D or I3D."]


def note_lost_folds(outcomes: Sequence[FoldOutcome], fold_names: Sequence[str]) -> list[str]:
    """Say which folds a mean is without.

    Parameters
    ----------
    outcomes : sequence of FoldOutcome
    fold_names : sequence of str

    Returns
    -------
    list of str
    """
    there = {outcome.index for outcome in outcomes}
    lost = [name for i, name in enumerate(fold_names) if i not in there]
    if not lost:
        return []
    return [f"No test video could be described of {', '.join(lost)}: the mean is without it."]


def note_largest_class(y: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """Say what is reached without looking, where that is more than chance.

    Parameters
    ----------
    y : ndarray of int
    names : sequence of str
        Of the classes.

    Returns
    -------
    list of str
    """
    labels, sizes = np.unique(y, return_counts=True)
    share, chance = 100 * sizes.max() / len(y), 100 / len(labels)
    if share < 1.2 * chance:
        return []
    return [
        f"Classes are of different sizes: always guessing {names[labels[sizes.argmax()]]!r} would "
        f"reach {share:.1f}."
    ]


def _note_prior(row: ResultRow, outcomes: Sequence[FoldOutcome], n_classes: int) -> list[str]:
    """Explain what a reader would take for a mistake of ours."""
    is_one_by_one = all(len(outcome.test) == 1 for outcome in outcomes)
    if not is_one_by_one or row.figures["accuracy"] >= 50 / n_classes:
        return []
    return [
        "Far below chance: where rows hardly differ, a classifier falls back on the more frequent "
        "classes, and the class of the video left out is rarer by one. Try a larger C, or scaling."
    ]


def _row(
    method: str,
    y: NDArray[np.int64],
    outcomes: Sequence[FoldOutcome],
    metrics: Sequence[str],
    *,
    is_mean: bool,
) -> ResultRow:
    measures = {
        "accuracy": lambda true, predicted: _percent(true == predicted),
        "balanced accuracy": lambda true, predicted: float(
            np.mean([_percent(predicted[true == label] == label) for label in np.unique(true)])
        ),
    }
    if not is_mean:
        true = y[np.concatenate([outcome.test for outcome in outcomes])]
        predicted = np.concatenate([outcome.predictions for outcome in outcomes])
        return ResultRow(method, {name: measures[name](true, predicted) for name in metrics})
    folds = {
        name: [measures[name](y[outcome.test], outcome.predictions) for outcome in outcomes]
        for name in metrics
    }
    return ResultRow(method, {name: float(np.mean(folds[name])) for name in metrics}, folds)


def _mention(video: Any) -> str:
    if hasattr(video, "start") and hasattr(video, "video"):
        return f"{video.video}[{video.start}:{video.stop}]"
    return str(video)


def _percent(hits: NDArray[np.bool_]) -> float:
    return 100 * float(np.mean(hits))
