"""What of a describer looks at one video at a time, and what has to be learnt in each fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.utils import get_tags

from skvideo3d.feature_extraction.base import VideoTransformer

__all__ = ["Part", "Plan", "make_plan"]

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
    if isinstance(describer, VideoTransformer):
        return _plan_of_network(describer)
    if isinstance(describer, Pipeline):
        return _plan_of_pipeline(describer)
    if isinstance(describer, FeatureUnion):
        return _plan_of_union(describer)
    if not get_tags(describer).requires_fit:
        return Plan((Part("", clone(describer)),), _nothing)
    return None


def _plan_of_network(describer: VideoTransformer) -> Plan:
    part = Part("", clone(describer).set_params(n_components=None))
    if describer.n_components is None:
        return Plan((part,), _nothing)
    pca = PCA(describer.n_components, whiten=describer.whiten, random_state=describer.random_state)
    return Plan((part,), lambda _: clone(pca))


def _plan_of_pipeline(pipeline: Pipeline) -> Plan | None:
    (_, first), *others = pipeline.steps
    plan = make_plan(first) if first not in (None, "passthrough") else None
    if plan is None:
        return None
    rest = [step for _, step in others if step not in (None, "passthrough")]

    def tail(columns: Sequence[slice]) -> Any:
        begin = plan.tail(columns)
        steps = [step for step in (begin, *map(clone, rest)) if step is not None]
        return make_pipeline(*steps) if steps else None

    return Plan(plan.parts, tail)


def _plan_of_union(union: FeatureUnion) -> Plan | None:
    members = [(name, step) for name, step in union.transformer_list if step not in (None, "drop")]
    plans = [make_plan(step) if step != "passthrough" else None for _, step in members]
    known = [plan for plan in plans if plan is not None]
    if union.transformer_weights or not known or len(known) < len(plans):
        return None
    names = [name for name, _ in members]

    def tail(columns: Sequence[slice]) -> Any:
        begin, steps = 0, []
        for name, plan in zip(names, known, strict=True):
            own = columns[begin : begin + len(plan.parts)]
            begin += len(plan.parts)
            offset = own[0].start
            learnt = plan.tail([slice(c.start - offset, c.stop - offset) for c in own])
            whole = slice(offset, own[-1].stop)
            steps.append((name, "passthrough" if learnt is None else learnt, whole))
        if all(step == "passthrough" for _, step, _ in steps):
            return None
        return ColumnTransformer(steps)

    parts = tuple(
        Part(f"{name}__{part.name}" if part.name else name, part.describer)
        for name, plan in zip(names, known, strict=True)
        for part in plan.parts
    )
    return Plan(parts, tail)


def _nothing(_: Sequence[slice]) -> None:
    return None
