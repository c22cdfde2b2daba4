"""What of a describer looks at one video at a time, and what has to be learnt in each fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.utils import get_tags

from skvideo3d.feature_extraction.base import VideoTransformer

__all__ = ["Part", "Plan", "is_network", "make_plan", "visible_networks"]

Tail = Callable[[Sequence[slice]], Any]


@dataclass(frozen=True)
class Part:
    """A describer whose row for a video depends on that video alone.

    Parameters
    ----------
    name : str
        Empty for a describer that is not part of a union.
    describer : transformer
    """

    name: str
    describer: Any


@dataclass(frozen=True)
class Plan:
    """A describer taken apart.

    Parameters
    ----------
    parts : tuple of Part
        Their rows, side by side, are what a video is described by, once.
    tail : callable
        Takes the columns of the parts, and gives an unfitted transformer of the rows for what
        learns from training videos (PCA, scaling), or None if nothing does.
    """

    parts: tuple[Part, ...]
    tail: Tail


def make_plan(describer: Any) -> Plan | None:
    """Take a describer apart, so that videos are described once and nothing leaks between folds.

    Parameters
    ----------
    describer : transformer of videos
        A `C3DTransformer` or `I3DTransformer`, anything that scikit-learn's tags declare as needing
        no fit, and pipelines and unions that begin with such.

    Returns
    -------
    Plan or None
        None for a describer that learns from videos in a way that nobody else can see: it has to be
        fitted on the videos of every fold.

    Examples
    --------
    >>> from skvideo3d import C3DTransformer
    >>> plan = make_plan(C3DTransformer(n_components=50))
    >>> plan.parts[0].describer.n_components is None, plan.tail([slice(0, 4096)])
    (True, PCA(n_components=50))
    """
    if is_network(describer):
        return _plan_of_network(describer)
    if isinstance(describer, Pipeline):
        return _plan_of_pipeline(describer)
    if isinstance(describer, FeatureUnion):
        return _plan_of_union(describer)
    if not (hasattr(describer, "fit") and hasattr(describer, "transform")):
        raise TypeError(
            f"describer={describer!r} is no transformer: give a C3DTransformer, an I3DTransformer, "
            "or anything with fit and transform that turns a list of videos into rows of numbers."
        )
    if not get_tags(describer).requires_fit:
        return Plan((Part("", clone(describer)),), _nothing)
    return None


def is_network(describer: Any) -> bool:
    """Tell whether a describer is a network as this package has it, and not a variation of one.

    Parameters
    ----------
    describer : transformer

    Returns
    -------
    bool
    """
    return isinstance(describer, VideoTransformer) and all(
        getattr(type(describer), name) is getattr(VideoTransformer, name)
        for name in ("fit", "fit_transform", "transform")
    )


def visible_networks(describer: Any) -> tuple[Part, ...]:
    """Find the networks that get the videos themselves, in pipelines and unions.

    Parameters
    ----------
    describer : transformer of videos

    Returns
    -------
    tuple of Part
    """
    if is_network(describer):
        return _plan_of_network(describer).parts
    if isinstance(describer, Pipeline):
        return visible_networks(describer.steps[0][1])
    if isinstance(describer, FeatureUnion):
        return tuple(
            Part(_joined(name, part.name), part.describer)
            for name, step in describer.transformer_list
            for part in visible_networks(step)
        )
    return ()


def _plan_of_network(describer: VideoTransformer) -> Plan:
    part = Part("", clone(describer).set_params(n_components=None))
    if describer.n_components is None:
        return Plan((part,), _nothing)
    pca = PCA(describer.n_components, whiten=describer.whiten, random_state=describer.random_state)
    return Plan((part,), lambda _: clone(pca))


def _plan_of_pipeline(pipeline: Pipeline) -> Plan | None:
    (first_name, first), *others = pipeline.steps
    plan = make_plan(first) if first not in (None, "passthrough") else None
    if plan is None:
        return None
    rest = [(name, step) for name, step in others if step not in (None, "passthrough")]

    def tail(columns: Sequence[slice]) -> Any:
        begin = plan.tail(columns)
        steps = [(first_name, begin)] if begin is not None else []
        steps += [(name, clone(step)) for name, step in rest]
        return Pipeline(steps) if steps else None

    return Plan(plan.parts, tail)


def _plan_of_union(union: FeatureUnion) -> Plan | None:
    members = [(name, step) for name, step in union.transformer_list if step not in (None, "drop")]
    plans = [make_plan(step) if step != "passthrough" else None for _, step in members]
    known = [plan for plan in plans if plan is not None]
    if not known or len(known) < len(plans):
        return None
    names = [name for name, _ in members]
    weights = union.transformer_weights or {}

    def tail(columns: Sequence[slice]) -> Any:
        begin, steps = 0, []
        for name, plan in zip(names, known, strict=True):
            own = columns[begin : begin + len(plan.parts)]
            begin += len(plan.parts)
            offset = own[0].start
            learnt = plan.tail([slice(c.start - offset, c.stop - offset) for c in own])
            whole = slice(offset, own[-1].stop)
            if name in weights:
                scaled = _Weighted(weights[name])
                learnt = scaled if learnt is None else make_pipeline(learnt, scaled)
            steps.append((name, "passthrough" if learnt is None else learnt, whole))
        if all(step == "passthrough" for _, step, _ in steps):
            return None
        return ColumnTransformer(steps)

    parts = tuple(
        Part(_joined(name, part.name), part.describer)
        for name, plan in zip(names, known, strict=True)
        for part in plan.parts
    )
    return Plan(parts, tail)


class _Weighted(TransformerMixin, BaseEstimator):
    """Multiply rows, as a union does with the weight of a member."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def fit(self, X: NDArray[Any], y: Any = None) -> Self:
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        return X * self.weight

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _joined(name: str, inner: str) -> str:
    return f"{name}__{inner}" if inner else name


def _nothing(_: Sequence[slice]) -> None:
    return None
