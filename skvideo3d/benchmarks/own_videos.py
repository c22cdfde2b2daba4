"""The user's own folder of labelled videos: the report one would want first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.model_selection import (
    LeaveOneGroupOut,
    LeaveOneOut,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils import Bunch

from skvideo3d.datasets import load_video_folder

from .describing import OnError
from .evaluation import Fold, ParamGrid
from .options import Options
from .recognition import recognise
from .results import BenchmarkResult

__all__ = ["CrossValidation", "video_folder"]

CrossValidation = Literal["stratified", "grouped", "leave-one-out", "leave-one-group-out"]

_N_FOLDS = 5


def video_folder(
    root: str | os.PathLike[str],
    *,
    cv: CrossValidation | None = None,
    n_folds: int | None = None,
    labels: str | Callable[[str], str] | None = None,
    groups: str | Callable[[str], str] | None = None,
    classes: Sequence[str] | None = None,
    describer: Any = None,
    classifier: Any = None,
    param_grid: ParamGrid | None = None,
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    r"""Cross-validate a describer and a classifier on a folder of one's own videos.

    Parameters
    ----------
    root, labels, groups, classes, follow_links
        See `skvideo3d.datasets.load_video_folder`: a folder for each class, or a pattern that finds
        the class in the path; a pattern that finds what videos have in common, such as a person.
    cv : {"stratified", "grouped", "leave-one-out", "leave-one-group-out"}, default=None
        None is "leave-one-group-out" where there are groups, "grouped" with `n_folds`, and else
        "stratified". Videos that have a
        person, a place or a recording in common make figures too good unless they are kept
        together: use groups.
    n_folds : int, default=None
        For "stratified" and "grouped"; None is 5, or as many as the smallest class has videos (or
        groups).
    describer, classifier, param_grid, on_error, memory, n_jobs, verbose
        See `ucf101`.

    Returns
    -------
    BenchmarkResult
        Accuracy and balanced accuracy (the mean over classes) in percent, with each class's
        accuracy and the confusion matrix. Means over folds, but for "leave-one-out", which is the
        share of all videos.

    Raises
    ------
    ValueError
        If the folder has no labelled videos or fewer than two classes, a class has too few videos
        for the folds, or an argument has no meaning.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import video_folder
    >>> result = video_folder("clips", groups=r"(person\d+)", memory="work")  # doctest: +SKIP
    """
    videos = load_video_folder(
        root, labels=labels, groups=groups, classes=classes, follow_links=follow_links
    )
    if len(videos.target_names) < 2:
        raise ValueError(
            f"{str(root)!r} has one class, {videos.target_names[0]!r}; a classifier needs at least "
            "two. Give the folder that holds a folder for each class, or labels=."
        )
    if cv is None:
        cv = "stratified"
        if "groups" in videos:
            cv = "leave-one-group-out" if n_folds is None else "grouped"
    folds, names = _folds(videos, cv, n_folds)
    options = Options.of(
        describer=describer,
        classifier=classifier,
        param_grid=param_grid,
        memory=memory,
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    ways = f"{cv.replace('-', ' ')}, {len(folds)} folds"
    return recognise(
        videos,
        folds,
        options,
        root=root,
        benchmark="video_folder",
        title=lambda n: f"{Path(root).resolve().name}: {n} classes, {ways}",
        fold_names=names,
        with_balanced_accuracy=True,
    )


def _folds(videos: Bunch, cv: CrossValidation, n_folds: int | None) -> tuple[list[Fold], list[str]]:
    y = videos.target
    if cv in ("grouped", "leave-one-group-out") and "groups" not in videos:
        raise ValueError(
            f"cv={cv!r} needs groups: pass groups= (--groups), a pattern that finds in each path "
            r"what videos have in common, such as '(person\d+)'."
        )
    if n_folds is not None and cv.startswith("leave-one"):
        raise ValueError(
            f"n_folds={n_folds!r} (--folds) is for cv='stratified' and 'grouped'; cv={cv!r} has as "
            "many folds as there are videos or groups to leave out."
        )
    match cv:
        case "leave-one-out":
            return list(LeaveOneOut().split(y)), []
        case "leave-one-group-out":
            if len(videos.group_names) < 2:
                raise ValueError(
                    f"all videos are of one group, {videos.group_names[0]!r}: nothing would be "
                    "left to train on. Mend groups= (--groups), or use cv='leave-one-out' (--cv)."
                )
            folds = list(LeaveOneGroupOut().split(y, y, videos.groups))
            return folds, [f"without {name}" for name in videos.group_names]
        case "stratified":
            n_folds = _check_sizes(videos, n_folds, "videos", cv)
            folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=0).split(y, y))
        case "grouped":
            n_folds = _check_sizes(videos, n_folds, "groups", cv)
            splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
            folds = list(splitter.split(y, y, videos.groups))
        case _:
            raise ValueError(
                f"cv={cv!r}: use 'stratified', 'grouped', 'leave-one-out' or 'leave-one-group-out'."
            )
    return folds, [f"fold {number + 1}" for number in range(len(folds))]


def _check_sizes(
    videos: Bunch, n_folds: int | None, unit: Literal["videos", "groups"], cv: str
) -> int:
    """Give the number of folds, if every class has enough for it."""
    sizes = {
        name: len(
            np.flatnonzero(videos.target == label)
            if unit == "videos"
            else np.unique(videos.groups[videos.target == label])
        )
        for label, name in enumerate(videos.target_names)
    }
    smallest = min(sizes, key=lambda name: sizes[name])
    if n_folds is None:
        n_folds = max(2, min(_N_FOLDS, sizes[smallest]))
    if n_folds < 2:
        raise ValueError(f"n_folds={n_folds!r}: there are at least 2 folds.")
    if sizes[smallest] < n_folds:
        has = f"{sizes[smallest]} {unit if sizes[smallest] != 1 else unit[:-1]}"
        raise ValueError(
            f"class {smallest!r} has {has}, too few for {n_folds} folds (cv={cv!r}): add some, "
            "leave the class out (classes=, --classes), lower n_folds (--folds), or use "
            "cv='leave-one-out' (--cv leave-one-out)."
        )
    return n_folds
