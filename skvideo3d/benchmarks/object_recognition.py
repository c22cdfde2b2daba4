"""Objects handled before a camera: windows of 16 frames, leave-one-sequence-out."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from skvideo3d.datasets import load_object_sequences

from .describing import OnError
from .evaluation import ParamGrid
from .options import Options
from .published import published
from .recognition import recognise
from .results import BenchmarkResult

__all__ = ["objects"]


def objects(
    root: str | os.PathLike[str],
    *,
    describer: Any = None,
    classifier: Any = None,
    param_grid: ParamGrid | None = None,
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    """Recognise objects in labelled sequences, as in Tran et al. 2015, section 6.

    Windows of 16 frames, every 8, have the label of most of their frames, if those are at least 8;
    other windows are left out. One sequence at a time is held out.

    Parameters
    ----------
    root, follow_links
        See `skvideo3d.datasets.load_object_sequences` for the form of the labels.
    describer, classifier, param_grid, on_error, memory, n_jobs, verbose
        See `ucf101`. What is described is windows: one clip each.

    Returns
    -------
    BenchmarkResult
        Accuracy in percent over all windows.

    Raises
    ------
    ValueError
        If the folder does not hold labelled sequences, or an argument has no meaning.
    VideoDecodeError
        If a window cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import objects
    >>> print(objects("data/egocentric", memory="work"))  # doctest: +SKIP
    """
    windows = load_object_sequences(root, follow_links=follow_links)
    options = Options.of(
        describer=describer,
        classifier=classifier,
        param_grid=param_grid,
        memory=memory,
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    windows.n_listed = len(windows.data)  # windows, here, and not sequences
    n_sequences = len(windows.sequences)
    result = recognise(
        windows,
        windows.cv,
        options,
        root=root,
        benchmark="objects",
        title=lambda n: f"Objects: {n} classes, leave one of {n_sequences} sequences out",
        published=published("objects"),
        unit="windows",
    )
    result.notes.append(
        f"{windows.n_windows} windows, of which {windows.n_dropped} without a label on half of "
        "their frames were left out."
    )
    new = sorted(set(_new_objects(windows)))
    if new:
        result.notes.append(f"In one sequence alone, and so never recognised: {', '.join(new)}.")
    return result


def _new_objects(windows: Any) -> list[str]:
    return [
        windows.target_names[label]
        for label in np.unique(windows.target)
        if len(np.unique(windows.groups[windows.target == label])) == 1
    ]
