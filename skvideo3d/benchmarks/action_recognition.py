"""UCF101 and HMDB51: three official splits, a linear SVM on descriptors, the mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sklearn.utils import Bunch

from skvideo3d.datasets import load_hmdb51, load_ucf101
from skvideo3d.datasets.layout import Missing

from .describing import OnError
from .evaluation import ParamGrid
from .options import Options
from .published import published
from .recognition import recognise
from .results import BenchmarkResult

__all__ = ["hmdb51", "ucf101"]


def ucf101(
    root: str | os.PathLike[str],
    *,
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
    """Recognise actions on UCF101, as in Tran et al. 2015, section 4: 101 classes, three splits.

    Parameters
    ----------
    root, lists, classes, missing, follow_links
        See `skvideo3d.datasets.load_ucf101`.
    describer : transformer of videos, default=None
        Anything that turns videos into rows of numbers; None is ``C3DTransformer()``. Networks in a
        `FeatureUnion` are concatenated, as the paper's three.
    classifier : classifier, default=None
        Fitted on the rows of each split's training videos; None is a linear SVM with C = 1.
    param_grid : dict or list of dict, default=None
        Of a grid search inside each training part, with the videos of a group kept together:
        ``{"C": [0.1, 1, 10]}``.
    splits : sequence of int, default=(1, 2, 3)
        Which of the official splits. Videos that none of them uses are not described.
    on_error : {"drop", "raise"}, default="drop"
        Whether unreadable videos are left out, counted and named in the result, or fatal.
    memory : path-like, default=None
        Folder in which descriptors and outcomes of folds are kept: a run that is stopped goes on
        where it was, and a later one reuses them.
    n_jobs : int, default=None
        Processes.
    verbose : int, default=0
        If not 0, tells on stderr what there is to do and how long it takes.

    Returns
    -------
    BenchmarkResult
        Accuracy in percent on each split, and its mean.

    Raises
    ------
    ValueError
        If the folder does not hold the set, or an argument has no meaning.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import ucf101
    >>> result = ucf101("data/UCF101", memory="work")  # doctest: +SKIP
    >>> print(result)  # doctest: +SKIP
    """
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
    return _run(videos, root, options, "ucf101")


def hmdb51(
    root: str | os.PathLike[str],
    *,
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
    """Recognise actions on HMDB51: 51 classes, three splits of 70 training and 30 test videos each.

    Parameters
    ----------
    root, lists, classes, missing, follow_links
        See `skvideo3d.datasets.load_hmdb51`.
    describer, classifier, param_grid, splits, on_error, memory, n_jobs, verbose
        See `ucf101`. HMDB51 has no groups, so that the grid search cannot keep videos of the same
        film together.

    Returns
    -------
    BenchmarkResult
        Accuracy in percent on each split, and its mean.

    Raises
    ------
    ValueError
        If the folder does not hold the set, or an argument has no meaning.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import hmdb51
    >>> print(hmdb51("data/HMDB51", splits=[1], memory="work"))  # doctest: +SKIP
    """
    videos = load_hmdb51(
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
    return _run(videos, root, options, "hmdb51")


def _run(
    videos: Bunch, root: str | os.PathLike[str], options: Options, benchmark: str
) -> BenchmarkResult:
    return recognise(
        videos,
        videos.cv,
        options,
        root=root,
        benchmark=benchmark,
        title=lambda n: f"{benchmark.upper()}: {n} classes, {_of_splits(videos.splits)}",
        fold_names=[f"split {number}" for number in videos.splits],
        published=published(benchmark),
    )


def _of_splits(splits: Sequence[int]) -> str:
    if len(splits) == 1:
        return f"split {splits[0]}"
    return f"mean over {len(splits)} splits"
