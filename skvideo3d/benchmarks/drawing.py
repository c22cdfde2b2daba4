"""What of a result can be drawn, and the display that does it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from skvideo3d.benchmarks.published import Published

if TYPE_CHECKING:
    from skvideo3d.benchmarks.results import BenchmarkResult, ResultRow

__all__ = ["Kind", "draw", "kinds", "picture"]

Kind = Literal["roc", "compactness", "comparison", "confusion"]

_MAX_CELLS_WITH_VALUES: Final = 20
"""A confusion matrix of more classes shows colours alone."""


def kinds(result: BenchmarkResult) -> list[Kind]:
    """List what can be drawn of a result, the most telling first.

    Parameters
    ----------
    result : BenchmarkResult

    Returns
    -------
    list of str
    """
    possible: list[Kind] = []
    if "roc" in result.curves:
        possible.append("roc")
    if "compactness" in result.curves:
        possible.append("compactness")
    if any(result.metrics[0] in row.figures for row in result.published):
        possible.append("comparison")
    if result.confusion is not None:
        possible.append("confusion")
    return possible or ["comparison"]


def draw(result: BenchmarkResult, kind: Kind, ax: Any = None) -> Any:
    """Draw a result.

    Parameters
    ----------
    result : BenchmarkResult
    kind : {"roc", "compactness", "comparison", "confusion"}
    ax : matplotlib Axes, optional

    Returns
    -------
    display
        With `ax_` and `figure_`.

    Raises
    ------
    ValueError
        If the result has nothing of that kind.
    ImportError
        If matplotlib is not installed.
    """
    if kind not in kinds(result) and kind != "comparison":
        raise ValueError(
            f"kind={kind!r}: this result can be drawn as {' or '.join(map(repr, kinds(result)))}."
        )
    display = {
        "roc": _roc,
        "compactness": _compactness,
        "comparison": _comparison,
        "confusion": _confusion,
    }[kind](result, ax)
    display.ax_.set_title(result.title)
    return display


def picture(result: BenchmarkResult, kind: Kind) -> bytes:
    """Draw a result as a PNG file.

    Parameters
    ----------
    result : BenchmarkResult
    kind : str
        See `draw`.

    Returns
    -------
    bytes
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    draw(result, kind, figure.subplots())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _roc(result: BenchmarkResult, ax: Any) -> Any:
    from skvideo3d.inspection import RocComparisonDisplay

    curve = result.curves["roc"]
    rows = [row for row in result.published if "auc" in row.figures]
    return RocComparisonDisplay(
        curve["fpr"],
        curve["tpr"],
        method=_ours(result),
        published={row.method: row.figures["auc"] for row in rows},
    ).plot(ax)


def _compactness(result: BenchmarkResult, ax: Any) -> Any:
    from skvideo3d.inspection import CompactnessDisplay

    curve = result.curves["compactness"]
    return CompactnessDisplay(
        curve["dimensions"],
        curve["accuracy"],
        method=_ours(result),
        published={
            row.method: ([int(name) for name in row.figures], list(row.figures.values()))
            for row in result.published
        },
    ).plot(ax)


def _comparison(result: BenchmarkResult, ax: Any) -> Any:
    from skvideo3d.inspection import ComparisonDisplay

    metric = result.metrics[0]
    candidates: list[ResultRow | Published] = [*result.rows, *result.published]
    rows = [row for row in candidates if metric in row.figures]
    return ComparisonDisplay(
        [row.method for row in rows],
        [row.figures[metric] for row in rows],
        [isinstance(row, Published) for row in rows],
        metric=metric,
        chance=result.chance,
    ).plot(ax)


def _confusion(result: BenchmarkResult, ax: Any) -> Any:
    from sklearn.metrics import ConfusionMatrixDisplay

    from skvideo3d.inspection import axes_or_new

    assert result.confusion is not None
    labels = result.confusion["labels"]
    return ConfusionMatrixDisplay(
        np.asarray(result.confusion["matrix"]), display_labels=labels
    ).plot(
        ax=axes_or_new(ax),
        include_values=len(labels) <= _MAX_CELLS_WITH_VALUES,
        xticks_rotation="vertical",
        colorbar=False,
    )


def _ours(result: BenchmarkResult) -> str:
    return result.rows[0].method if result.rows else "this run"
