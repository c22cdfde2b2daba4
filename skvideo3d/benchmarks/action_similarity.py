"""ASLAN: whether two videos show the same action, ten folds."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skvideo3d import C3DTransformer, PairSimilarityTransformer
from skvideo3d.datasets import load_aslan
from skvideo3d.datasets.layout import Missing
from skvideo3d.feature_extraction.similarities import SIMILARITIES, pair_similarities

from .describing import Described, OnError
from .evaluation import ParamGrid
from .fold_store import FoldOutcome
from .options import Options
from .published import published
from .recognition import note_weights, work_counts
from .results import BenchmarkResult, DataUse, ResultRow

__all__ = ["aslan", "with_layers"]

_PAPERS_LAYERS = ("prob", "fc7", "fc6", "pool5")
_METRICS = ("accuracy", "standard error", "auc")


def aslan(
    root: str | os.PathLike[str],
    *,
    describer: Any = None,
    classifier: Any = None,
    param_grid: ParamGrid | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
    on_error: OnError = "drop",
    memory: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    """Tell same actions from different ones on ASLAN, as in Tran et al. 2015, section 5.

    The (dis)similarities of the two videos of a pair, 12 for each layer, are standardised and
    classified. The table has all together first, then those of each layer, then each alone, as the
    data set's paper does (Kliper-Gross et al. 2012, table 3).

    Parameters
    ----------
    root, missing, follow_links
        See `skvideo3d.datasets.load_aslan`.
    describer : transformer of videos, default=None
        None is C3D's fc7, fc6 and pool5. The paper has prob, too, for which weights with fc8 are
        needed: ``C3DTransformer("sports1m-fc8", layer=("prob", "fc7", "fc6", "pool5"))``.
    classifier, param_grid, on_error, memory, n_jobs, verbose
        See `ucf101`.

    Returns
    -------
    BenchmarkResult
        For each row the mean accuracy over folds with its standard error, and the area under the
        ROC curve of the test scores of all folds, all in percent.

    Raises
    ------
    ValueError
        If the folder does not hold the set, or an argument has no meaning.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".

    Examples
    --------
    >>> from skvideo3d.benchmarks import aslan
    >>> print(aslan("data/ASLAN", memory="work"))  # doctest: +SKIP
    """
    pairs = load_aslan(root, missing=missing, follow_links=follow_links)
    if describer is None:
        describer = C3DTransformer(layer=_PAPERS_LAYERS[1:])
    options = Options.of(
        describer=describer,
        classifier=classifier,
        param_grid=param_grid,
        memory=memory,
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    options.check(pairs.target, pairs.cv, pairs.groups)
    videos = options.describe(pairs.videos)
    began = time.perf_counter()
    features, blocks = _pair_features(pairs, videos)
    outcomes, rows = [], []
    for number, (name, columns) in enumerate(_combinations(blocks).items()):
        chosen = features if columns is None else replace(features, rows=features.rows[:, columns])
        # One bar is enough: the rows of single similarities take seconds.
        told = options if number == 0 else replace(options, verbose=0)
        outcomes.append(told.evaluate(chosen, pairs.target, pairs.cv, pairs.groups))
        method = f"{options.method()}: {name}" if number == 0 else f"    {name}"
        rows.append(_row(method, pairs.target, outcomes[-1]))
    result = BenchmarkResult(
        benchmark="aslan",
        title=f"ASLAN, view 2: {len(pairs.data)} pairs, {len(pairs.cv)} folds",
        metrics=_METRICS,
        rows=rows,
        data=_data_use(pairs, videos, features),
        published=published("aslan"),
        fold_names=[f"split {outcome.index + 1}" for outcome in outcomes[0]],
        settings=options.settings(videos, root),
        times={"describing": videos.seconds, "classification": time.perf_counter() - began},
        counts=work_counts(videos),
        notes=note_weights(videos),
        chance=50.0,
        predictions=_predictions(pairs, outcomes[0]),
    )
    true, scores = _pooled(pairs.target, outcomes[0])
    if scores is not None:
        fpr, tpr, _ = roc_curve(true, scores)
        result.curves["roc"] = {"fpr": fpr.tolist(), "tpr": tpr.tolist()}
    return result


def with_layers(describer: Any) -> Any:
    """Give a network of C3D the layers of the paper that its weights have.

    Parameters
    ----------
    describer : C3DTransformer or I3DTransformer

    Returns
    -------
    transformer
        A copy, with prob, fc7, fc6 and pool5, or without prob where there is no fc8. Another
        network is left as it is.
    """
    if not isinstance(describer, C3DTransformer):
        return describer
    whole = clone(describer).set_params(layer=_PAPERS_LAYERS)
    try:
        whole.fit(["any"])  # looks at the weights, and opens no video
    except ValueError:
        return clone(describer).set_params(layer=_PAPERS_LAYERS[1:])
    return clone(whole)


class _LearntSimilarities(TransformerMixin, BaseEstimator):
    """Similarities of rows after a transformer that is fitted on the videos of training pairs."""

    def __init__(self, rows: NDArray[np.float32], tail: Any) -> None:
        self.rows = rows
        self.tail = tail

    def fit(self, X: NDArray[np.int64], y: Any = None) -> Self:
        self.tail_ = clone(self.tail).fit(self.rows[np.unique(X)])
        return self

    def transform(self, X: NDArray[np.int64]) -> NDArray[np.float64]:
        videos, places = np.unique(X, return_inverse=True)
        first, second = places.reshape(X.shape).T
        return pair_similarities(self.tail_.transform(self.rows[videos]), first, second)


def _pair_features(pairs: Bunch, videos: Described) -> tuple[Described, dict[str, slice]]:
    """Give (dis)similarities as rows, and where each block's 12 are."""
    position = {video: i for i, video in enumerate(pairs.videos)}
    both = np.array([[position[video] for video in pair] for pair in pairs.data])
    reasons = dict(videos.failures)
    failures = [
        (i, reasons.get(a) or reasons[b])
        for i, (a, b) in enumerate(both.tolist())
        if a in reasons or b in reasons
    ]
    if videos.rows.dtype == object:
        # Nobody knows what is learnt from videos: it has to be those of training pairs.
        rows = np.empty(len(pairs.data), dtype=object)
        for i, pair in enumerate(pairs.data):
            rows[i] = pair
        tail = make_pipeline(PairSimilarityTransformer(videos.tail), StandardScaler())
        return Described(rows, tail, failures=failures), {}
    if videos.tail is not None:
        tail = make_pipeline(_LearntSimilarities(videos.rows, videos.tail), StandardScaler())
        return Described(both, tail, failures=failures), {}
    first, second = both.T
    blocks, parts, begin = {}, [], 0
    for name, columns in videos.blocks.items():
        block = videos.rows[:, columns]
        parts.append(pair_similarities(block, first, second))
        blocks[name] = slice(begin, begin + parts[-1].shape[1])
        begin = blocks[name].stop
    return Described(np.hstack(parts), StandardScaler(), failures=failures), blocks


def _combinations(blocks: dict[str, slice]) -> dict[str, list[int] | None]:
    """Name the columns of each row of the table; None are all."""
    if not blocks:
        return {"all": None}
    width = len(SIMILARITIES)
    chosen: dict[str, list[int] | None] = {f"all {width * len(blocks)}": None}
    if len(blocks) > 1:
        chosen |= {
            f"{name}, all {width}": list(range(block.start, block.stop))
            for name, block in blocks.items()
        }
    for name, block in blocks.items():
        for i, similarity in enumerate(SIMILARITIES):
            chosen[f"{name}, {similarity.replace('_', ' ')}"] = [block.start + i]
    return chosen


def _row(method: str, y: NDArray[np.int64], outcomes: Sequence[FoldOutcome]) -> ResultRow:
    accuracy = [100 * float(np.mean(o.predictions == y[o.test])) for o in outcomes]
    true, scores = _pooled(y, outcomes)
    n_folds = len(accuracy)
    figures = {
        "accuracy": float(np.mean(accuracy)),
        "standard error": float(np.std(accuracy, ddof=1) / np.sqrt(n_folds))
        if n_folds > 1
        else float("nan"),
    }
    if scores is not None:
        figures["auc"] = 100 * float(roc_auc_score(true, scores))
    return ResultRow(method, figures, {"accuracy": accuracy})


def _pooled(
    y: NDArray[np.int64], outcomes: Sequence[FoldOutcome]
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    true = y[np.concatenate([outcome.test for outcome in outcomes])]
    scores = [outcome.scores for outcome in outcomes if outcome.scores is not None]
    return true, np.concatenate(scores) if len(scores) == len(outcomes) else None


def _data_use(pairs: Bunch, videos: Described, features: Described) -> DataUse:
    return DataUse(
        n_listed=pairs.n_listed_pairs,
        n_missing=pairs.n_listed_pairs - len(pairs.data),
        n_failed=len(features.failures),
        n_used=len(features.usable),
        missing=list(pairs.missing),
        failures=[(pairs.videos[i], reason) for i, reason in videos.failures],
        losses=[(pairs.videos[i], loss) for i, loss in videos.losses],
        unit="pairs",
    )


def _predictions(pairs: Bunch, outcomes: Sequence[FoldOutcome]) -> list[dict[str, Any]]:
    rows = []
    for outcome in outcomes:
        for k, position in enumerate(outcome.test):
            first, second = pairs.data[position]
            rows.append(
                {
                    "video": first,
                    "video 2": second,
                    "fold": f"split {outcome.index + 1}",
                    "target": pairs.target_names[pairs.target[position]],
                    "prediction": pairs.target_names[outcome.predictions[k]],
                }
            )
            if outcome.scores is not None:
                rows[-1]["score"] = float(outcome.scores[k])
    return rows
