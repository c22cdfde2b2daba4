"""Bars: our figures among the published ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from skvideo3d.inspection.axes import axes_or_new, short_name

__all__ = ["ComparisonDisplay"]

_PERCENT: Final = ("accuracy", "balanced accuracy", "auc")
_MAX_RATIO: Final = 50
"""Where the largest value is more times the smallest, a linear axis would hide the smallest."""


class ComparisonDisplay:
    """One metric of several methods as horizontal bars, ours in another colour.

    The axis goes to 100 for an accuracy or area in percent, and is logarithmic where values differ
    by more than a factor of 50.

    Parameters
    ----------
    methods : sequence of str
        From top to bottom.
    values : sequence of float
        One a method.
    is_published : sequence of bool
        Whether a value is from a paper and not from this run.
    metric : str, default="accuracy"
        Label of the axis.
    chance : float or None, default=None
        What guessing reaches: a dashed line.
    intervals : sequence of ((float, float) or None), default=None
        What is known of the true value, from and to, where a method has that: a line across the end
        of its bar.

    Attributes
    ----------
    figsize : (float, float)
        Inches that the bars need; a new figure has them.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    bars_ : matplotlib BarContainer
        The bars in the order of `methods`.
    chance_line_ : matplotlib Line2D or None
    interval_lines_ : matplotlib LineCollection or None
        A line for each method that has an interval, in their order.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = ComparisonDisplay(["ours", "C3D"], [61.0, 62.5], [False, True])
    >>> display = display.plot(Figure().subplots())
    >>> [float(bar.get_width()) for bar in display.bars_]
    [61.0, 62.5]
    """

    def __init__(
        self,
        methods: Sequence[str],
        values: Sequence[float],
        is_published: Sequence[bool],
        *,
        metric: str = "accuracy",
        chance: float | None = None,
        intervals: Sequence[tuple[float, float] | None] | None = None,
    ) -> None:
        if intervals is not None and len(intervals) != len(methods):
            raise ValueError(
                f"methods and intervals have {len(methods)} and {len(intervals)} entries; give "
                "one for every bar, or None where there is none."
            )
        if not len(methods) == len(values) == len(is_published):
            raise ValueError(
                f"methods, values and is_published have {len(methods)}, {len(values)} and "
                f"{len(is_published)} entries; give one of each for every bar."
            )
        self.methods = methods
        self.values = values
        self.is_published = is_published
        self.metric = metric
        self.chance = chance
        self.intervals = intervals

    @property
    def figsize(self) -> tuple[float, float]:
        """Width, and a height with room for every name."""
        return 9.0, 1.3 + 0.3 * max(len(self.methods), 3)

    def plot(self, ax: Any = None) -> ComparisonDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ComparisonDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_or_new(ax, self.figsize)
        places = range(len(self.methods))
        # Places, not names: two papers may have the same name for a method.
        self.bars_ = ax.barh(
            places,
            self.values,
            color=["0.7" if is_published else "C0" for is_published in self.is_published],
        )
        self.interval_lines_ = self._draw_intervals(ax)
        if self.interval_lines_ is None:
            labels = ax.bar_label(
                self.bars_, labels=[_label(value) for value in self.values], padding=3
            )
        else:  # lines take the place of the numbers, which go to the margin
            labels = None
            for place, value in zip(places, self.values, strict=True):
                at = {"xy": (1.01, place), "xycoords": ax.get_yaxis_transform(), "va": "center"}
                ax.annotate(_label(value), annotation_clip=False, **at)
        ax.set_yticks(places, labels=[short_name(method) for method in self.methods])
        ax.set_ylim(len(self.methods) - 0.4, -0.6)
        ax.set_xlabel(self.metric)
        self._scale(ax, labels)
        self.chance_line_ = None
        if self.chance is not None:
            self.chance_line_ = ax.axvline(self.chance, color="k", linestyle="--", label="chance")
        self._explain(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _scale(self, ax: Any, labels: Sequence[Any] | None) -> None:
        ends = [end for interval in self.intervals or () if interval for end in interval]
        known = [value for value in (*self.values, *ends) if math.isfinite(value)]
        if self.metric in _PERCENT:
            ax.set_xlim(0, 100)
            if labels is None:
                return
            for label, value in zip(labels, self.values, strict=True):
                if value > 90:  # beyond the bar there is no room for the number
                    label.set(ha="right")
                    label.xyann = (-3, 0)
        elif known and 0 < min(known) * _MAX_RATIO < max(known):
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter("{x:g}")
            ax.set_xlim(min(known) / 2, max(known) * 3)
        else:
            ax.margins(x=0.15)  # room for the numbers

    def _draw_intervals(self, ax: Any) -> Any:
        known = [
            (place, *interval) for place, interval in enumerate(self.intervals or ()) if interval
        ]
        if not known:
            return None
        return ax.hlines(*zip(*known, strict=True), colors="0.25", linewidth=1.5, label="interval")

    def _explain(self, ax: Any) -> None:
        from matplotlib.patches import Patch

        keys = [
            Patch(color=color, label=label)
            for label, color, wanted in (("this run", "C0", False), ("published", "0.7", True))
            if wanted in map(bool, self.is_published)
        ]
        if self.chance_line_ is not None:
            keys.append(self.chance_line_)
        if self.interval_lines_ is not None:
            keys.append(self.interval_lines_)
        if keys:
            beside = 1.0 if self.interval_lines_ is None else 1.08  # of the numbers
            ax.legend(handles=keys, loc="upper left", bbox_to_anchor=(beside, 1), frameon=False)


def _label(value: float) -> str:
    return f"{value:.2g}" if 0 < abs(value) < 0.1 else f"{value:.1f}"
