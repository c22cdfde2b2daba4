"""What the kernel-depth study found, ready to be read, saved and drawn."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import replace_file, replace_files
from .plain import reading, to_json, with_nan
from .results import DataUse

if TYPE_CHECKING:
    from skvideo3d.inspection import TrainingCurveDisplay

__all__ = ["ArchitectureReport", "NetworkTrainings"]

History = list[dict[str, float]]


@dataclass(frozen=True)
class NetworkTrainings:
    """One network, trained from several seeds.

    Parameters
    ----------
    network : str
        Its name in `VideoClassifier`.
    kernel_depths : tuple of int
        Of its five convolutions.
    clip : tuple of int
        Frames, height and width that it sees.
    parameters : int
        As it was trained.
    histories : dict of int to list of dict
        Seed to what `VideoClassifier` has in ``history_``, the accuracies of the test videos
        included.
    """

    network: str
    kernel_depths: tuple[int, ...]
    clip: tuple[int, ...]
    parameters: int
    histories: dict[int, History]

    def last(self, name: str) -> list[float]:
        """List what the last epoch came to.

        Parameters
        ----------
        name : str
            Such as "valid_accuracy".

        Returns
        -------
        list of float
            For each seed.
        """
        return [history[-1][name] for history in self.histories.values()]

    @property
    def seconds(self) -> float:
        """What the training from one seed took on average, without testing."""
        return float(np.mean([sum(row["seconds"] for row in h) for h in self.histories.values()]))

    @property
    def clips_per_second(self) -> float:
        """Clips trained on in a second, over all seeds."""
        rows = [row for history in self.histories.values() for row in history]
        return sum(row["n_clips"] for row in rows) / max(sum(row["seconds"] for row in rows), 1e-9)

    @property
    def mean_history(self) -> History:
        """For each epoch the means over the seeds."""
        epochs = zip(*self.histories.values(), strict=True)
        return [
            {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
            for rows in epochs
        ]


@dataclass(frozen=True)
class ArchitectureReport:
    """The kernel-depth study on some videos; ``print(report)`` shows it as tables.

    Parameters
    ----------
    title : str
        What was done, for a heading.
    networks : tuple of NetworkTrainings
    data : DataUse
    chance : float
        Percent that guessing reaches.
    settings : dict of str to any
        All that is needed to repeat it: videos, recipe, versions, machine, the command.
    notes : list of str
        Sentences a reader of the figures must know.
    times : dict of str to float
        Stage to seconds.

    Examples
    --------
    >>> epoch = {"epoch": 1, "seconds": 2.0, "n_clips": 50, "clips_per_second": 25.0}
    >>> accuracies = {"valid_accuracy": 0.5, "valid_video_accuracy": 0.75}
    >>> network = NetworkTrainings(
    ...     "study-depth-3", (3, 3, 3, 3, 3), (16, 32, 32), 34_567, {0: [epoch | accuracies]}
    ... )
    >>> network.last("valid_accuracy"), network.clips_per_second
    ([0.5], 25.0)
    """

    title: str
    networks: tuple[NetworkTrainings, ...]
    data: DataUse
    chance: float
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    benchmark: str = "architecture"

    def __str__(self) -> str:
        from .architecture_tables import to_text

        return to_text(self)

    def to_markdown(self) -> str:
        """Write the tables as Markdown.

        Returns
        -------
        str
        """
        from .architecture_tables import to_markdown

        return to_markdown(self)

    def to_json(self) -> str:
        """Write everything as strict JSON.

        Returns
        -------
        str
            Numbers that JSON lacks (NaN, infinity) become null.
        """
        return to_json(self, "report")

    @classmethod
    def from_json(cls, text: str) -> ArchitectureReport:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        ArchitectureReport
            Equal to the one written, but that tuples in `settings` are lists.

        Raises
        ------
        ValueError
            If the text is no report.
        """
        with reading("report of the study", "the content of a result.json"):
            parts = json.loads(text)
            data = parts["data"]
            pairs = {name: [tuple(pair) for pair in data[name]] for name in ("failures", "losses")}
            parts |= {
                "networks": tuple(_trainings(row) for row in parts["networks"]),
                "data": DataUse(**{**data, **pairs}),
                "times": with_nan(parts["times"]),
                "chance": with_nan(parts["chance"]),
            }
            return cls(**parts)

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write result.json, result.md and, with matplotlib, result.png.

        Each file is there whole or not at all; earlier ones of the same name are replaced.

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
        }
        with suppress(ImportError):  # matplotlib is an extra; the files hold all that it shows
            contents["result.png"] = self._picture("png")
        return replace_files(folder, contents)

    def save_figure(self, path: str | os.PathLike[str]) -> None:
        """Draw accuracy by epoch into a file.

        Parameters
        ----------
        path : path-like
            Its ending says in which format: .png, .pdf, .svg.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such format.
        """
        place = Path(os.path.abspath(path))
        content = self._picture(place.suffix.removeprefix(".") or "png")
        replace_file(place, content)

    def plot(self, *, ax: Any = None, **line_kw: Any) -> TrainingCurveDisplay:
        """Draw accuracy on the test clips by epoch, as figure 2 of the paper does.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kw : dict
            For every line, as ``linewidth=2``.

        Returns
        -------
        TrainingCurveDisplay
            Of the means over seeds.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from skvideo3d.inspection import TrainingCurveDisplay

        # Of one kind, so that colours alone tell lines apart: of training the tables and files say.
        histories: Mapping[str, History] = {
            row.network: [
                {name: epoch[name] for name in ("epoch", "valid_accuracy")}
                for epoch in row.mean_history
            ]
            for row in self.networks
        }
        display = TrainingCurveDisplay.from_history(histories, ax=ax, **line_kw)
        if math.isfinite(self.chance):
            display.ax_.axhline(self.chance, color="0.7", linestyle=":", zorder=0)
        display.ax_.set(ylabel="accuracy on test clips, percent", title=self.title)
        return display

    def _picture(self, kind: str) -> bytes:
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "Drawing needs the package matplotlib, which is not installed: "
                "pip install 'skvideo3d[plot]'."
            ) from error
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        self.plot(ax=figure.subplots())
        file = io.BytesIO()
        figure.savefig(file, format=kind, dpi=100)
        return file.getvalue()


def _trainings(row: dict[str, Any]) -> NetworkTrainings:
    histories = {int(seed): with_nan(history) for seed, history in row["histories"].items()}
    tuples = {name: tuple(row[name]) for name in ("kernel_depths", "clip")}
    return NetworkTrainings(**{**row, **tuples, "histories": histories})
