"""What a protocol found, ready to be read, saved and drawn."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skvideo3d.benchmarks.drawing import Kind, draw, kinds, picture
from skvideo3d.benchmarks.files import replace_files
from skvideo3d.benchmarks.plain import reading, to_json, with_nan
from skvideo3d.benchmarks.published import Published
from skvideo3d.benchmarks.tables import to_markdown, to_text

__all__ = ["BenchmarkResult", "DataUse", "ResultRow"]

_CSV_COLUMNS: Final = ("video", "fold", "target", "prediction")


@dataclass
class ResultRow:
    """A row of our own.

    Parameters
    ----------
    method : str
        What was measured.
    figures : dict of str to float
        Metric to value, the mean where there are folds; accuracies in percent.
    folds : dict of str to list of float
        Metric to its value in every fold, in the order of the result's `fold_names`.
    """

    method: str
    figures: dict[str, float]
    folds: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class DataUse:
    """How much of a data set a result rests on.

    Parameters
    ----------
    n_listed : int
        What the official lists name.
    n_missing : int
        Listed, but not on the disk.
    n_failed : int
        There, but unreadable.
    n_used : int
        What the figures are computed from.
    missing : list of str
        Names of the missing.
    failures : list of (str, str)
        Name and reason of the unreadable.
    losses : list of (str, str)
        Name of those that could be read only in part, and what was lost.
    unit : str, default="videos"
        What is counted.
    """

    n_listed: int
    n_missing: int
    n_failed: int
    n_used: int
    missing: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    losses: list[tuple[str, str]] = field(default_factory=list)
    unit: str = "videos"

    @property
    def share(self) -> float:
        """Used of listed, from 0 to 1; NaN where nothing is listed."""
        return self.n_used / self.n_listed if self.n_listed else math.nan


@dataclass
class BenchmarkResult:
    """Our figures beside the published ones, and all that is needed to judge them.

    ``print(result)`` shows the table. A field that holds settings or predictions must be made of
    what JSON knows; numpy's numbers and arrays will do.

    Parameters
    ----------
    benchmark : str
        Name of the protocol, as in `Published`.
    title : str
        What was run, for a heading.
    metrics : tuple of str
        Columns of the table, in order; the first is the one that is drawn.
    rows : list of ResultRow
    data : DataUse
    published : tuple of Published
    fold_names : list of str
    settings : dict of str to any
        What determines the figures: describer, classifier, versions, weights, seed.
    times : dict of str to float
        Stage to seconds.
    counts : dict of str to int
        "described" (videos decoded in this run), "reused" (from the store), "clips" (computed);
        further counts are shown by their name.
    notes : list of str
        Sentences a reader of the figures must know.
    chance : float or None
        What guessing reaches in the first metric.
    predictions : list of dict
        One a video (or pair) and fold: "video", "fold", "target", "prediction" and what else there
        is, as "score".
    curves : dict of str to dict of str to list of float
        "roc" with "fpr" and "tpr", from 0 to 1; "compactness" with "dimensions" and "accuracy".
    confusion : dict or None
        "labels" and "matrix": rows are true, columns predicted.
    per_class : dict of str to float
        Class to accuracy in percent.
    class_counts : dict of str to int
        Class to the number of what `data` counts, as videos; empty shows none.

    Examples
    --------
    >>> result = BenchmarkResult(
    ...     "objects", "Egocentric objects", ("accuracy",),
    ...     rows=[ResultRow("C3D fc6, linear SVM", {"accuracy": 21.0})],
    ...     data=DataUse(n_listed=12, n_missing=2, n_failed=0, n_used=10),
    ... )
    >>> print(result)
    Egocentric objects
    <BLANKLINE>
    method               accuracy  source
    C3D fc6, linear SVM      21.0  this run
    <BLANKLINE>
    Used 10 of 12 listed videos (83.3 %): 2 missing.
    """

    benchmark: str
    title: str
    metrics: tuple[str, ...]
    rows: list[ResultRow]
    data: DataUse
    published: tuple[Published, ...] = ()
    fold_names: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    chance: float | None = None
    predictions: list[dict[str, Any]] = field(default_factory=list)
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    confusion: dict[str, list[Any]] | None = None
    per_class: dict[str, float] = field(default_factory=dict)
    class_counts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return to_text(self)

    def to_markdown(self) -> str:
        """Write the table and all that goes with it as Markdown.

        Returns
        -------
        str
        """
        return to_markdown(self)

    def to_json(self) -> str:
        """Write everything as strict JSON.

        Returns
        -------
        str
            Numbers that JSON lacks (NaN, infinity) become null.

        Raises
        ------
        TypeError
            If `settings` or `predictions` hold what JSON cannot; the message says where.
        """
        return to_json(self, "result")

    @classmethod
    def from_json(cls, text: str) -> BenchmarkResult:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        BenchmarkResult
            Equal to the one written, but that tuples in `settings` and `predictions` are lists.
            A figure that was null is NaN again; in those two null is None.

        Raises
        ------
        ValueError
            If the text is no result.
        """
        with reading("benchmark result", "the content of a result.json"):
            parts = json.loads(text)
            figures = {"times", "curves", "per_class", "confusion"}
            known = {name: with_nan(parts[name]) for name in figures}
            data = parts["data"]
            known |= {
                "metrics": tuple(parts["metrics"]),
                "rows": [
                    ResultRow(row["method"], with_nan(row["figures"]), with_nan(row["folds"]))
                    for row in parts["rows"]
                ],
                "published": tuple(
                    Published(**{**row, "figures": with_nan(row["figures"])})
                    for row in parts["published"]
                ),
                "data": DataUse(
                    **{
                        **data,
                        "failures": [(name, reason) for name, reason in data["failures"]],
                        # results of earlier versions have none
                        "losses": [(name, loss) for name, loss in data.get("losses", [])],
                    }
                ),
                "confusion": parts["confusion"] and known["confusion"],
            }
            return cls(**{**parts, **known})

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write result.json, result.md, predictions.csv and, with matplotlib, pictures.

        result.png shows what tells most; a confusion matrix beside that is confusion.png. Each file
        is there whole or not at all; earlier ones of the same name are replaced.

        Parameters
        ----------
        folder : path-like
            Made if it does not exist.

        Returns
        -------
        list of pathlib.Path
            What was written.
        """
        contents = {
            "result.json": self.to_json().encode(),
            "result.md": self.to_markdown().encode(),
            "predictions.csv": self._predictions_csv().encode(),
        }
        with suppress(ImportError):  # matplotlib is an extra; the files hold all that it shows
            first, *others = kinds(self)
            contents["result.png"] = picture(self, first)
            contents |= {f"{kind}.png": picture(self, kind) for kind in others}
        return replace_files(folder, contents)

    def plot(self, kind: Kind | None = None, *, ax: Any = None) -> Any:
        """Draw the result.

        Parameters
        ----------
        kind : {"roc", "compactness", "comparison", "confusion"}, default=None
            A receiver operating curve, accuracy against dimensions, bars of our figures and the
            published ones, or the confusion matrix. None is the first of these that there is.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        RocComparisonDisplay, CompactnessDisplay, ComparisonDisplay or ConfusionMatrixDisplay
            With `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If the result has nothing of that kind.
        ImportError
            If matplotlib is not installed.
        """
        return draw(self, kind or kinds(self)[0], ax)

    def _predictions_csv(self) -> str:
        others = dict.fromkeys(key for row in self.predictions for key in row)
        columns = [*_CSV_COLUMNS, *(key for key in others if key not in _CSV_COLUMNS)]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        for row in self.predictions:
            writer.writerow({**row, "video": str(row.get("video", ""))})
        return text.getvalue()
