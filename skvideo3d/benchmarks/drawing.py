"""What of a result can be drawn, and the display that does it."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from skvideo3d.benchmarks.published import Published

if TYPE_CHECKING:
    from skvideo3d.benchmarks.results import BenchmarkResult, ResultRow
    from skvideo3d.inspection import ComparisonDisplay

__all__ = ["Kind", "draw", "kinds", "picture"]

Kind = Literal["roc", "compactness", "comparison", "confusion"]

_MAX_TITLE: Final = 60
_INTERVAL: Final = frozenset(("low", "high"))
"""Figures of a row that bound its first one."""
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
    elif any(result.metrics[0] in row.figures for row in result.published) or any(
        row.figures.keys() >= _INTERVAL for row in result.rows
    ):
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
    from skvideo3d.inspection import axes_or_new

    if ax is None:
        ax = axes_or_new(figsize=_inches(result, kind))
    display = {
        "roc": _roc,
        "compactness": _compactness,
        "comparison": _comparison,
        "confusion": _confusion,
    }[kind](result, ax)
    display.ax_.set_title(textwrap.fill(result.title, _MAX_TITLE))
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

    figure = Figure(figsize=_inches(result, kind), layout="constrained")
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
    return _bars(result).plot(ax)


def _bars(result: BenchmarkResult) -> ComparisonDisplay:
    from skvideo3d.inspection import ComparisonDisplay

    metric = result.metrics[0]
    ours = [row for row in result.rows if not row.method.startswith(" ")]  # parts of those above
    candidates: list[ResultRow | Published] = [*ours, *result.published]
    rows = [row for row in candidates if metric in row.figures]
    are_published = [isinstance(row, Published) for row in rows]
    return ComparisonDisplay(
        [row.method for row in rows],
        [row.figures[metric] for row in rows],
        are_published,
        metric=metric,
        # Others may have had another number of classes to guess from.
        chance=None if any(are_published) else result.chance,
        intervals=[
            (row.figures["low"], row.figures["high"]) if row.figures.keys() >= _INTERVAL else None
            for row in rows
        ],
    )


def _confusion(result: BenchmarkResult, ax: Any) -> Any:
    from matplotlib.ticker import MaxNLocator
    from sklearn.metrics import ConfusionMatrixDisplay

    assert result.confusion is not None
    labels = result.confusion["labels"]
    is_small = len(labels) <= _MAX_CELLS_WITH_VALUES
    display = ConfusionMatrixDisplay(
        np.asarray(result.confusion["matrix"]), display_labels=labels
    ).plot(ax=ax, include_values=is_small, xticks_rotation="vertical", colorbar=False)
    if not is_small:
        bar = display.figure_.colorbar(display.im_, ax=ax, shrink=0.5, label=result.data.unit)
        bar.locator = MaxNLocator(integer=True)
        bar.update_ticks()
    display.ax_.tick_params(labelsize=_cell_sizes(len(labels))[1])
    return display


def _inches(result: BenchmarkResult, kind: Kind) -> tuple[float, float]:
    if kind == "comparison":
        return _bars(result).figsize
    if kind == "confusion" and result.confusion is not None:
        n_classes = len(result.confusion["labels"])
        side = max(2 + n_classes * _cell_sizes(n_classes)[0], 5.0)
        return side + 1, side
    return 8.0, 8.0 if kind == "roc" else 6.0


def _cell_sizes(n_classes: int) -> tuple[float, int]:
    """Inches of a cell, and points of the labels, which have to be lower than a cell."""
    if n_classes <= _MAX_CELLS_WITH_VALUES:
        return 0.45, 10
    return (0.2, 9) if n_classes <= 60 else (0.15, 8)


def _ours(result: BenchmarkResult) -> str:
    return result.rows[0].method if result.rows else "this run"
