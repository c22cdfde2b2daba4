"""Several ways to describe the same videos, classified on the same folds and set side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from sklearn.utils import Bunch

from .describing import Described
from .evaluation import Fold
from .intervals import difference_interval, share_interval
from .options import Options
from .recognition import predictions_of
from .results import ResultRow

__all__ = ["METRICS", "Candidate", "Comparison", "compare"]

METRICS = ("accuracy", "low", "high", "sd", "lead", "lead low", "lead high")


@dataclass(frozen=True)
class Candidate:
    """Describers that differ in their seeds alone.

    Parameters
    ----------
    name : str
    describers : tuple of transformers of videos
    layers : tuple of str
        Blocks of their rows, each of which is classified alone; empty for the whole row.
    """

    name: str
    describers: tuple[Any, ...]
    layers: tuple[str, ...] = ()


@dataclass
class Comparison:
    """What became of the candidates.

    Parameters
    ----------
    rows : list of ResultRow
        Figures in percent, by the names in `METRICS`.
    described : Described
        With what failed or was lost of any candidate, and the work of all networks.
    weights : dict of str to list of str
        Candidate to the hashes of its weights.
    times : dict of str to float
        Seconds for describing, by candidate, and for classification.
    predictions : list of dict
        Of every method and seed.
    confusion : ndarray of shape (n_classes, n_classes)
        Of the first candidate at its first layer.
    """

    rows: list[ResultRow] = field(default_factory=list)
    described: Described = field(default_factory=lambda: Described(np.empty((0, 0)), None))
    weights: dict[str, list[str]] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))


def compare(
    candidates: Sequence[Candidate], videos: Bunch, cv: Sequence[Fold], options: Options
) -> Comparison:
    """Describe, classify and compare.

    A video that one of them could not describe is left out for all.

    Parameters
    ----------
    candidates : sequence of Candidate
        The others are compared with the first, layer by layer; one without layers, with the first
        layer.
    videos : Bunch
        With `data`, `target`, `target_names`, `groups` and `group_names`.
    cv : sequence of (train, test)
        Every video is tested once.
    options : Options
        Whose describer is not used.

    Returns
    -------
    Comparison
    """
    return _Comparing(videos, cv, options).run(candidates)


class _Comparing:
    """One call of `compare`."""

    def __init__(self, videos: Bunch, cv: Sequence[Fold], options: Options) -> None:
        self.videos = videos
        self.cv = cv
        self.options = options
        self.found = Comparison()

    def run(self, candidates: Sequence[Candidate]) -> Comparison:
        everything = [self._describe(candidate) for candidate in candidates]
        self.found.described = _joined([one for members in everything for one in members])
        groups = self.videos.groups[self.found.described.usable]
        began = time.perf_counter()
        ahead: dict[str, NDArray[np.float64]] = {}
        for candidate, members in zip(candidates, everything, strict=True):
            for layer in candidate.layers or ("",):
                method = f"{candidate.name} {layer}".rstrip()
                hits = np.stack(
                    [
                        self._hits(_block(one, layer), method=method, seed=seed)
                        for seed, one in enumerate(members)
                    ]
                )
                if candidate is candidates[0]:
                    ahead[layer] = hits.mean(axis=0)
                    self.found.rows += _rows(method, hits, None, groups)
                else:
                    first = ahead[layer or candidates[0].layers[0]]
                    self.found.rows += _rows(method, hits, first, groups)
        self.found.times["classification"] = time.perf_counter() - began
        return self.found

    def _describe(self, candidate: Candidate) -> list[Described]:
        members = [
            replace(self.options, describer=describer).describe(self.videos.data)
            for describer in candidate.describers
        ]
        self.found.times[candidate.name] = sum(one.seconds for one in members)
        hashes = [sha256 for one in members for sha256 in one.weights.values()]
        if hashes:
            self.found.weights[candidate.name] = hashes
        return members

    def _hits(self, described: Described, *, method: str, seed: int) -> NDArray[np.float64]:
        """Tell of each usable video whether it was recognised; note what was predicted."""
        videos, found = self.videos, self.found
        described = replace(described, failures=found.described.failures)
        outcomes = replace(self.options, verbose=0).evaluate(
            described, videos.target, self.cv, videos.groups
        )
        predicted = np.full(len(videos.target), -1)
        for outcome in outcomes:
            predicted[outcome.test] = outcome.predictions
        names = [f"without {name}" for name in videos.group_names]
        found.predictions += [
            {**row, "method": method, "seed": seed}
            for row in predictions_of(videos, outcomes, names)
        ]
        true, predicted = videos.target[described.usable], predicted[described.usable]
        if not found.confusion.size:
            found.confusion = confusion_matrix(true, predicted, labels=np.unique(true))
        hits: NDArray[np.float64] = (predicted == true).astype(np.float64)
        return hits


def _joined(members: Sequence[Described]) -> Described:
    """Add up what was done, and what could not be."""
    total = Described(np.empty((len(members[0].rows), 0), np.float32), None)
    failures: dict[int, str] = {}
    losses: dict[int, str] = {}
    for one in members:
        failures = dict(one.failures) | failures
        losses = dict(one.losses) | losses
        if not one.weights:
            continue  # of other describers nobody knows what was in a store
        total.n_described += one.n_described
        total.n_reused += one.n_reused
        total.cost += one.cost
    total.failures, total.losses = sorted(failures.items()), sorted(losses.items())
    return total


def _block(one: Described, layer: str) -> Described:
    return replace(one, rows=one.rows[:, one.blocks[layer]]) if layer else one


def _rows(
    method: str,
    hits: NDArray[np.float64],
    ahead: NDArray[np.float64] | None,
    groups: NDArray[np.int64],
) -> list[ResultRow]:
    """Make the row of a method, and one of its best seed where there are several."""
    mean = hits.mean(axis=0)
    low, high = share_interval(mean, groups)
    figures = {"accuracy": float(mean.mean()), "low": low, "high": high}
    by_seed = hits.mean(axis=1)
    if len(by_seed) > 1:
        figures["sd"] = float(by_seed.std(ddof=1))
        method += f", {len(by_seed)} seeds"
    if ahead is not None:
        figures["lead"] = float((ahead - mean).mean())
        figures["lead low"], figures["lead high"] = difference_interval(ahead - mean, groups)
    rows = [ResultRow(method, {name: 100 * value for name, value in figures.items()})]
    if len(by_seed) > 1:
        rows.append(ResultRow("  best seed", {"accuracy": 100 * float(by_seed.max())}))
    return rows
