"""Dynamic scenes, YUPENN and Maryland: leave-one-out."""

from __future__ import annotations

import os
from typing import Any, Literal

from skvideo3d.datasets import load_dynamic_scenes
from skvideo3d.datasets.layout import Missing

from .describing import OnError
from .evaluation import ParamGrid
from .options import Options
from .published import published
from .recognition import recognise
from .results import BenchmarkResult

__all__ = ["scenes"]

_TITLES = {"yupenn": "YUPENN dynamic scenes", "maryland": "Maryland in-the-wild scenes"}


def scenes(
    root: str | os.PathLike[str],
    *,
    name: Literal["yupenn", "maryland"] | None = None,
    describer: Any = None,
    classifier: Any = None,
    param_grid: ParamGrid | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    """Recognise dynamic scenes by leave-one-out, as in Tran et al. 2015, section 6.

    There are as many fits as videos, 420 on YUPENN. A linear SVM is fitted in the coordinates of
    the space that the descriptors span, 420 instead of 4096: a rotation, with the same predictions.

    Parameters
    ----------
    root, name, missing, follow_links
        See `skvideo3d.datasets.load_dynamic_scenes`.
    describer, classifier, param_grid, on_error, memory, n_jobs, verbose
        See `ucf101`.

    Returns
    -------
    BenchmarkResult
        Accuracy in percent over all videos and for each class, with the confusion matrix.

    Raises
    ------
    ValueError
        If the folder does not hold the set, or an argument has no meaning.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import scenes
    >>> print(scenes("data/YUPENN", memory="work", n_jobs=2))  # doctest: +SKIP
    """
    videos = load_dynamic_scenes(root, name=name, missing=missing, follow_links=follow_links)
    options = Options.of(
        describer=describer,
        classifier=classifier,
        param_grid=param_grid,
        memory=memory,
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    benchmark = f"scenes/{videos.name}"
    result = recognise(
        videos,
        videos.cv,
        options,
        root=root,
        benchmark=benchmark,
        title=lambda n: f"{_TITLES[videos.name]}: {n} classes, leave one out",
        published=published(benchmark),
    )
    if videos.unknown_folders:
        result.notes.append(
            f"Folders of no class, perhaps misspelt: {', '.join(videos.unknown_folders)}."
        )
    return result
