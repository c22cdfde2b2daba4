"""Learning curves: accuracy or loss of training, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from skvideo3d.inspection.axes import axes_or_new, short_name

__all__ = ["TrainingCurveDisplay"]

Metric = Literal["accuracy", "loss"]
History = Sequence[Mapping[str, Any]]

# Of a history's keys the beginning, and how a line is drawn: solid is what counts.
_TRAINING: Final = ("train", "--")
_VALIDATION: Final = ("valid", "-")


class TrainingCurveDisplay:
    """Accuracy or loss by epoch, in training and in validation, of one network or of several.

    Networks differ in colour. Validation is solid and training dashed, unless there is only one
    of them. What was not measured in an epoch, which a history lacks or has as None or NaN, is a
    gap.

    Parameters
    ----------
    histories : mapping of str to sequence of mappings
        Name of a network to its history: for each epoch one mapping with "epoch" and, as far as
        they were measured, "train_accuracy", "valid_accuracy", "train_loss" and "valid_loss", as
        `skvideo3d.training.VideoClassifier` has them in ``history_``. Accuracies are shares of 1.
        A network alone may be called "", and the legend then calls it nothing.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    training_lines_, validation_lines_ : dict of str to matplotlib Line2D
        By network, without those of which nothing was measured.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> history = [
    ...     {"epoch": 1, "train_accuracy": 0.25, "valid_accuracy": 0.125},
    ...     {"epoch": 2, "train_accuracy": 0.75, "valid_accuracy": 0.5},
    ... ]
    >>> display = TrainingCurveDisplay.from_history(history, ax=Figure().subplots())
    >>> display.validation_lines_[""].get_xydata().tolist()
    [[1.0, 12.5], [2.0, 50.0]]
    >>> [text.get_text() for text in display.ax_.get_legend().texts]
    ['validation', 'training']
    """

    def __init__(self, histories: Mapping[str, History]) -> None:
        for name, history in histories.items():
            _check(name, history)
        if not histories:
            raise ValueError("histories is empty: give one of a network at least, by its name.")
        self.histories = dict(histories)

    @classmethod
    def from_estimator(
        cls,
        classifier: Any,
        *,
        name: str = "",
        ax: Any = None,
        metric: Metric = "accuracy",
        **line_kw: Any,
    ) -> TrainingCurveDisplay:
        """Draw how a classifier was trained.

        Parameters
        ----------
        classifier : VideoClassifier
            Fitted; only its ``history_`` is looked at.
        name : str, default=""
            What the legend calls it.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        metric : {"accuracy", "loss"}, default="accuracy"
        **line_kw : dict
            For every line, as ``linewidth=2``.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it was not fitted.
        ImportError
            If matplotlib is not installed.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(classifier, "history_")
        return cls({name: classifier.history_}).plot(ax, metric=metric, **line_kw)

    @classmethod
    def from_history(
        cls,
        history: History | Mapping[str, History],
        *,
        ax: Any = None,
        metric: Metric = "accuracy",
        **line_kw: Any,
    ) -> TrainingCurveDisplay:
        """Draw one history, or several by name in the same axes.

        Parameters
        ----------
        history : sequence of mappings, or mapping of str to such sequences
            One mapping an epoch; see `histories` of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        metric : {"accuracy", "loss"}, default="accuracy"
        **line_kw : dict
            For every line, as ``linewidth=2``.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            If a history has no epochs, or an epoch no number.
        ImportError
            If matplotlib is not installed.
        """
        histories = history if isinstance(history, Mapping) else {"": history}
        return cls(histories).plot(ax, metric=metric, **line_kw)

    def plot(
        self, ax: Any = None, *, metric: Metric = "accuracy", **line_kw: Any
    ) -> TrainingCurveDisplay:
        """Draw the lines over the epochs.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        metric : {"accuracy", "loss"}, default="accuracy"
        **line_kw : dict
            For every line, as ``linewidth=2``.

        Returns
        -------
        TrainingCurveDisplay
            Itself.

        Raises
        ------
        ValueError
            If there is no such metric, or no network has a figure of it.
        ImportError
            If matplotlib is not installed.
        """
        if metric not in ("accuracy", "loss"):
            raise ValueError(f"metric={metric!r}: use 'accuracy' or 'loss'.")
        kinds = [kind for kind in (_VALIDATION, _TRAINING) if self._has(f"{kind[0]}_{metric}")]
        if not kinds:
            raise ValueError(
                f"No epoch has a figure of metric={metric!r}: histories need 'train_{metric}' or "
                f"'valid_{metric}'."
            )
        ax = axes_or_new(ax)
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        line_kw = normalize_kwargs(line_kw, Line2D)  # "c" is "color"
        self.training_lines_: dict[str, Any] = {}
        self.validation_lines_: dict[str, Any] = {}
        for name, history in self.histories.items():
            own: dict[str, Any] = {}
            for kind, style in kinds:
                found = _figures(history, f"{kind}_{metric}")
                if all(map(math.isnan, found)):
                    continue
                # A dot shows an epoch that stands alone. Lines of a network share its colour.
                chosen = {"marker": ".", "linestyle": style if len(kinds) > 1 else "-"} | own
                (line,) = ax.plot(_figures(history, "epoch"), found, **chosen | line_kw)
                own = {"color": line.get_color()}
                lines = self.training_lines_ if kind == "train" else self.validation_lines_
                lines[name] = line
        ax.set(xlabel="epoch", ylabel="accuracy, percent" if metric == "accuracy" else "loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        self._name_lines(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _has(self, key: str) -> bool:
        return any(
            not math.isnan(figure)
            for history in self.histories.values()
            for figure in _figures(history, key)
        )

    def _name_lines(self, ax: Any) -> None:
        """Say which colour is which network and which style is what; of one alone, each line."""
        kinds = {"validation": self.validation_lines_, "training": self.training_lines_}
        kinds = {kind: lines for kind, lines in kinds.items() if lines}
        if len(self.histories) == 1:
            ((name, _),) = self.histories.items()
            start = f"{short_name(name)}, " if name else ""
            entries = [(f"{start}{kind}", lines[name]) for kind, lines in kinds.items()]
        else:
            drawn = self.training_lines_ | self.validation_lines_
            entries = [(short_name(name), drawn[name]) for name in self.histories if name in drawn]
            if len(kinds) > 1:
                for kind, lines in kinds.items():
                    like = next(iter(lines.values()))
                    (line,) = ax.plot([], [], color="k", linestyle=like.get_linestyle())
                    entries.append((kind, line))
        ax.legend([line for _, line in entries], [entry for entry, _ in entries])


def _check(name: str, history: History) -> None:
    of = f"The history of {name!r}" if name else "The history"
    if isinstance(history, Mapping | str) or not isinstance(history, Sequence):
        raise ValueError(
            f"{of} is of type {type(history).__name__}; give a list with a dict for every epoch, "
            "as a fitted VideoClassifier has it in history_."
        )
    if not history:
        raise ValueError(f"{of} has no epochs; train for one at least.")
    for number, epoch in enumerate(history):
        if not isinstance(epoch, Mapping) or "epoch" not in epoch:
            raise ValueError(
                f"{of} has no 'epoch' in its entry {number}, {epoch!r}; give a dict for every "
                "epoch, with its number."
            )


def _figures(history: History, key: str) -> list[float]:
    """List one value for each epoch, NaN where there is none; accuracies in percent."""
    found = [math.nan if row.get(key) is None else float(row[key]) for row in history]
    return [100 * figure for figure in found] if key.endswith("accuracy") else found
