"""Curves: accuracy against dimensions, and the receiver operating curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from skvideo3d.inspection.axes import axes_or_new, short_name

__all__ = ["CompactnessDisplay", "RocComparisonDisplay"]

_MARKS: Final = "sD^vp"


class CompactnessDisplay:
    """Accuracy of descriptors that PCA has shortened, after figure 5 of Tran et al. 2015.

    Parameters
    ----------
    dimensions : sequence of int
        Lengths of the descriptors.
    accuracy : sequence of float
        One a length, in percent.
    method : str, default="this run"
        Name of the curve.
    published : mapping of str to (sequence of int, sequence of float), default=None
        Method to its dimensions and accuracies, for curves to compare with.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        Ours.
    published_lines_ : dict of str to matplotlib Line2D

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = CompactnessDisplay([10, 100], [50.0, 70.0]).plot(Figure().subplots())
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(
        self,
        dimensions: Sequence[int] | Sequence[float],
        accuracy: Sequence[float],
        *,
        method: str = "this run",
        published: Mapping[str, tuple[Sequence[int], Sequence[float]]] | None = None,
    ) -> None:
        if len(dimensions) != len(accuracy):
            raise ValueError(
                f"dimensions has {len(dimensions)} entries and accuracy {len(accuracy)}; give one "
                "accuracy for every number of dimensions."
            )
        self.dimensions = dimensions
        self.accuracy = accuracy
        self.method = method
        self.published = published

    def plot(self, ax: Any = None) -> CompactnessDisplay:
        """Draw the curves over a logarithmic axis of dimensions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        CompactnessDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_or_new(ax)
        published = self.published or {}
        # Hollow marks, each smaller than the one before: equal points lie inside each other.
        self.published_lines_ = {
            name: ax.plot(
                dimensions,
                accuracy,
                linestyle="--",
                marker=_MARKS[i % len(_MARKS)],
                markersize=6 + 3 * (len(published) - 1 - i),
                markerfacecolor="none",
                markeredgewidth=1.5,
                label=f"{name}, published",
            )[0]
            for i, (name, (dimensions, accuracy)) in enumerate(published.items())
        }
        (self.line_,) = ax.plot(
            self.dimensions, self.accuracy, "o-", color="k", label=short_name(self.method)
        )
        ax.set(xscale="log", xlabel="dimensions", ylabel="accuracy, percent")
        others = [number for numbers, _ in published.values() for number in numbers]
        ticks = sorted({*self.dimensions, *others})
        ax.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


class RocComparisonDisplay:
    """A receiver operating curve, with areas from papers in the legend.

    Papers print the area and seldom the curve; the drawing is scikit-learn's `RocCurveDisplay`.

    Parameters
    ----------
    fpr, tpr : sequence of float
        Rates of false and true positives, from 0 to 1, ascending.
    method : str, default="this run"
        Name of the curve.
    published : mapping of str to float, default=None
        Method to area in percent.

    Attributes
    ----------
    roc_auc : float
        Area under the curve, from 0 to 1.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = RocComparisonDisplay([0, 0, 1], [0, 0.5, 1], published={"STIP": 60})
    >>> display.roc_auc
    0.75
    >>> [text.get_text() for text in display.plot(Figure().subplots()).ax_.get_legend().texts]
    ['this run (AUC = 0.75)', 'Chance level (AUC = 0.5)', 'STIP, published (AUC = 0.6)']
    """

    def __init__(
        self,
        fpr: Sequence[float],
        tpr: Sequence[float],
        *,
        method: str = "this run",
        published: Mapping[str, float] | None = None,
    ) -> None:
        from sklearn.metrics import auc

        self.fpr = fpr
        self.tpr = tpr
        self.method = method
        self.published = published
        self.roc_auc = float(auc(fpr, tpr))

    def plot(self, ax: Any = None) -> RocComparisonDisplay:
        """Draw the curve and the line of chance.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        RocComparisonDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        import numpy as np
        from sklearn.metrics import RocCurveDisplay

        ax = axes_or_new(ax)
        display = RocCurveDisplay(
            fpr=np.asarray(self.fpr), tpr=np.asarray(self.tpr), roc_auc=self.roc_auc
        ).plot(ax, name=short_name(self.method), plot_chance_level=True)
        for name, area in (self.published or {}).items():
            ax.plot([], [], " ", label=f"{name}, published (AUC = {area / 100:.3g})")
        # Below, where a long name hides nothing of the curve.
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
        self.line_ = display.line_
        self.ax_, self.figure_ = ax, ax.figure
        return self
