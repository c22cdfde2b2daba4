"""What every protocol can be asked for, and how its describer and settings are called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skvideo3d import C3DTransformer
from skvideo3d.video.folders import mark_as_ours

from .describing import Described, OnError, describe_videos
from .evaluation import Fold, ParamGrid, check_evaluation, default_classifier, evaluate
from .fold_store import FoldOutcome
from .method_names import classifier_name, describer_name
from .surroundings import machine, versions

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The arguments that all protocols share.

    Parameters
    ----------
    describer : transformer of videos, optional
        Default: ``C3DTransformer()``.
    classifier : classifier, optional
        Default: a linear SVM with C = 1.
    param_grid : dict or list of dict, optional
        See `evaluate`.
    memory : path-like, optional
        Folder for descriptors and for the outcomes of folds.
    on_error : {"drop", "raise"}
        What becomes of unreadable videos.
    n_jobs : int, optional
        Processes that describe, and that evaluate folds.
    verbose : int
    """

    describer: Any = field(default_factory=C3DTransformer)
    classifier: Any = field(default_factory=default_classifier)
    param_grid: ParamGrid | None = None
    memory: str | os.PathLike[str] | None = None
    on_error: OnError = "drop"
    n_jobs: int | None = None
    verbose: int = 0

    @classmethod
    def of(cls, **arguments: Any) -> Options:
        """Take arguments, of which None for describer and classifier means their defaults."""
        return cls(
            **{
                name: value
                for name, value in arguments.items()
                if not (value is None and name in ("describer", "classifier"))
            }
        )

    def describe(self, videos: Sequence[Any]) -> Described:
        """Describe videos; see `describe_videos`."""
        if self.memory is not None:
            mark_as_ours(self.memory)
        return describe_videos(
            self.describer,
            videos,
            memory=None if self.memory is None else Path(self.memory) / "descriptors",
            on_error=self.on_error,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def check(
        self, y: NDArray[np.int64], cv: Sequence[Fold], groups: NDArray[Any] | None = None
    ) -> None:
        """Refuse what cannot be evaluated before videos are described; see `check_evaluation`."""
        check_evaluation(
            y, cv, classifier=self.classifier, param_grid=self.param_grid, groups=groups
        )

    def evaluate(
        self,
        described: Described,
        y: NDArray[np.int64],
        cv: Sequence[Fold],
        groups: NDArray[Any] | None = None,
    ) -> list[FoldOutcome]:
        """Fit and test on folds; see `evaluate`."""
        return evaluate(
            described,
            y,
            cv,
            classifier=self.classifier,
            param_grid=self.param_grid,
            groups=groups,
            memory=self.memory,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def method(self) -> str:
        """Name what is measured, for a row of a table."""
        name = describer_name(self.describer)
        return f"{name}, {classifier_name(self.classifier)}"

    def settings(self, described: Described, root: str | os.PathLike[str]) -> dict[str, Any]:
        """Write down what determines the figures.

        Parameters
        ----------
        described : Described
        root : path-like
            Where the data set lies.

        Returns
        -------
        dict
        """
        grid = {} if self.param_grid is None else {"param_grid": repr(self.param_grid)}
        return {
            "data": os.path.abspath(root),
            "describer": _in_full(self.describer),
            "classifier": _in_full(self.classifier),
            **grid,
            "weights_sha256": described.weights,
            "random_weights": described.has_random_weights,
            "n_features": described.rows.shape[1] if described.rows.ndim == 2 else None,
            "on_error": self.on_error,
            "versions": versions(),
            "machine": machine(),
        }


def _in_full(estimator: Any) -> str:
    """Write down an estimator; scikit-learn's own repr leaves out the middle of long ones."""
    if isinstance(estimator, BaseEstimator):
        return str(estimator.__repr__(N_CHAR_MAX=1_000_000))
    return repr(estimator)
