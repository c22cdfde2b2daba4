"""Describing the videos of a protocol, each once: what is left to do, how long it will take."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import warnings
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.feature_extraction.base import VideoTransformer
from skvideo3d.feature_extraction.cost import Cost
from skvideo3d.feature_extraction.extraction import Outcome
from skvideo3d.feature_extraction.random_weights import has_random_weights
from skvideo3d.flow import OpticalFlow

from .method_names import describer_name
from .parts import named_hashes, named_parts
from .plan import is_network, make_plan, visible_networks

__all__ = ["Described", "OnError", "describe_videos", "in_words", "say"]

OnError = Literal["drop", "raise"]

_COUNTED = ".*could not be described|.*could be read only in part"  # warnings
_N_FIRST = 4  # videos on which the time is measured: the first of them pays for loading
_N_HEADERS = 400  # headers that are read to foresee the number of clips


class Scratch:
    """A temporary folder that lives as long as this object."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="skvideo3d-")
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@dataclass
class Described:
    """The videos of a protocol as rows of numbers.

    Parameters
    ----------
    rows : ndarray of shape (n_videos, n_features), float32
        NaN for videos that failed. For a describer that cannot be taken apart, an object array of
        the videos themselves.
    tail : transformer or None
        What is to be fitted on the rows of training videos, in each fold.
    failures : list of (int, str)
        Positions of videos that could not be described, and why.
    losses : list of (int, str)
        Positions of videos that could be read only in part, and what was lost.
    blocks : dict of str to slice
        The columns of each part, and of each of its layers if it has several.
    parts : dict of str to slice
        What a table calls each network and each stream of several, and its columns; empty where
        there is one alone, or something is learnt from them.
    weights : dict of str to str
        The hash of each part's weights, of two streams of each.
    has_random_weights : bool
        Whether a network was not trained.
    n_described, n_reused : int
        Rows that were computed now, and those that were in the store; of several networks, of all.
    cost : Cost
        Of what was done now.
    seconds : float
        Wall-clock time of all this.
    scratch : Scratch or None
        A store for as long as this lives, where the folds have to describe and there is no other.
    """

    rows: NDArray[Any]
    tail: Any
    failures: list[tuple[int, str]] = field(default_factory=list)
    losses: list[tuple[int, str]] = field(default_factory=list)
    blocks: dict[str, slice] = field(default_factory=dict)
    parts: dict[str, slice] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    has_random_weights: bool = False
    n_described: int = 0
    n_reused: int = 0
    cost: Cost = field(default_factory=Cost)
    seconds: float = 0.0
    scratch: Scratch | None = None

    @property
    def usable(self) -> NDArray[np.int64]:
        """Positions of the videos that were described."""
        failed = [i for i, _ in self.failures]
        return np.setdiff1d(np.arange(len(self.rows)), failed)


def describe_videos(
    describer: Any,
    videos: Sequence[Any],
    *,
    memory: str | os.PathLike[str] | None = None,
    on_error: OnError = "drop",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Described:
    """Describe videos once, whatever is fitted on the rows later.

    Parameters
    ----------
    describer : transformer of videos
        See `make_plan` for what can be taken apart.
    videos : sequence of videos
    memory : path-like, optional
        Store for networks that have none of their own.
    on_error : {"drop", "raise"}, default="drop"
        What becomes of a video that cannot be read: its row is NaN, or everything stops.
    n_jobs : int, optional
        For networks that do not say.
    verbose : int, default=0
        If not 0, says on stderr what there is to do and how long it will take, and draws a bar.

    Returns
    -------
    Described

    Raises
    ------
    ValueError
        If `on_error` is neither word, or no video could be described.
    VideoDecodeError
        If a video cannot be read and `on_error` is "raise".
    """
    if on_error not in ("drop", "raise"):
        raise ValueError(f"on_error={on_error!r}: use 'drop' or 'raise'.")
    began = time.perf_counter()
    videos = list(videos)
    plan = make_plan(describer)
    described = Described(np.empty((len(videos), 0), np.float32), None)
    if plan is None and memory is None:
        # The folds will ask for the same videos again and again.
        described.scratch = Scratch()
        memory = described.scratch.folder
    columns: list[slice] = []
    rows = []
    for part in visible_networks(describer) if plan is None else plan.parts:
        inner = _with_store(part.describer, memory, n_jobs)
        work = _Describing(part.name, videos, inner, on_error, verbose)
        rows.append(work.run(described))
        begin = columns[-1].stop if columns else 0
        columns.append(slice(begin, begin + rows[-1].shape[1]))
        for name, block in work.blocks(rows[-1].shape[1]).items():
            described.blocks[name] = slice(begin + block.start, begin + block.stop)
    if plan is None:
        described.rows = np.empty(len(videos), dtype=object)
        for i, video in enumerate(videos):
            described.rows[i] = video
        described.tail = _with_store(describer, memory, n_jobs)
    else:
        described.rows = np.hstack(rows)
        described.tail = plan.tail(columns)
        if described.tail is None:
            described.parts = named_parts(plan.parts, columns, described.blocks)
    failures = dict(described.failures)  # one for each video, whatever part failed
    described.failures = sorted(failures.items())
    described.losses = sorted(dict(described.losses).items())
    if len(failures) == len(videos):
        raise ValueError(
            f"none of the {len(videos)} videos could be described; the first: "
            f"{described.failures[0][1]}"
        )
    described.seconds = time.perf_counter() - began
    return described


class _Describing:
    """One part of the describer at work."""

    def __init__(
        self,
        name: str,
        videos: Sequence[Any],
        describer: Any,
        on_error: OnError,
        verbose: int,
    ) -> None:
        self.name = name or type(describer).__name__
        self.prefix = f"{name}__" if name else ""
        self.videos = list(videos)
        self.on_error = on_error
        self.verbose = verbose
        self.describer = describer

    def run(self, described: Described) -> NDArray[np.float32]:
        n_failures = len(described.failures)
        if not is_network(self.describer):
            rows = self._run_other(described)
            described.n_described += len(rows) - (len(described.failures) - n_failures)
            return rows
        self._fit()
        described.weights |= named_hashes(self.name, self.describer)
        described.has_random_weights |= has_random_weights(self.describer)
        stored = np.array(self.describer._are_stored(self.videos))
        todo = np.flatnonzero(~stored)
        first, rest = todo[:_N_FIRST], todo[_N_FIRST:]
        n_clips = self._foresee(todo)
        self._announce(len(todo), n_clips)
        # First those whose time is measured, and then all the others, the known ones among them.
        costs: list[Cost] = []
        pieces = [(first, self._describe(first, described, costs))] if len(first) else []
        if len(rest):
            self._estimate(costs, n_clips * len(rest) / len(todo))
            self.describer.set_params(verbose=self.verbose)
        others = np.concatenate([np.flatnonzero(stored), rest])
        if len(others):
            pieces.append((others, self._describe(others, described, costs)))
        for cost in costs:
            described.cost += cost
        described.n_reused += int(stored.sum())
        described.n_described += len(todo) - (len(described.failures) - n_failures)
        rows = np.empty((len(self.videos), pieces[0][1].shape[1]), np.float32)
        for positions, values in pieces:
            rows[positions] = values
        return rows

    def blocks(self, n_features: int) -> dict[str, slice]:
        layers = getattr(self.describer, "feature_blocks_", None)
        if layers is None:
            return {self.name: slice(0, n_features)}
        return {f"{self.prefix}{layer}": block for layer, block in layers.items()}

    def _fit(self) -> None:
        self.describer.set_params(on_error="nan", verbose=0)
        self.describer.fit(self.videos)  # opens no video

    def _describe(
        self, positions: NDArray[np.int64], described: Described, costs: list[Cost]
    ) -> NDArray[np.float32]:
        def take(outcome: Outcome) -> None:
            costs.append(outcome.cost)
            if outcome.error is not None:
                self._refuse(outcome.error)

        with warnings.catch_warnings():
            # The result counts and names them.
            warnings.filterwarnings("ignore", message=_COUNTED)
            videos = [self.videos[i] for i in positions]
            rows: NDArray[np.float32] = self.describer._describe(videos, take)
        for i, _, reason in self.describer.failures_:
            self._refuse(VideoDecodeError(reason))
            described.failures.append((int(positions[i]), reason))
        described.losses += [(int(positions[i]), loss) for i, _, loss in self.describer.losses_]
        return rows

    def _refuse(self, error: SkVideo3DError) -> None:
        if self.on_error == "raise":
            raise type(error)(
                f"{error} Mend or remove it, or pass on_error='drop' (--on-error drop) to go on "
                "without it."
            )

    def _run_other(self, described: Described) -> NDArray[np.float32]:
        self._say(f"{len(self.videos)} videos.")
        if isinstance(self.describer, VideoTransformer):  # a variation of a network
            self.describer.set_params(on_error="nan", verbose=self.verbose)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_COUNTED)
            rows = np.asarray(self.describer.fit_transform(self.videos))
        if rows.ndim != 2 or len(rows) != len(self.videos):
            raise ValueError(
                f"{self.describer!r} gave an array of shape {rows.shape} for {len(self.videos)} "
                "videos; a describer gives one row of numbers for each."
            )
        known = {i: reason for i, _, reason in getattr(self.describer, "failures_", [])}
        for i in np.flatnonzero(~np.isfinite(rows).all(axis=1)):
            unknown = f"{self.videos[i]}: {type(self.describer).__name__} gave NaN or infinity."
            reason = known.get(int(i), unknown)
            self._refuse(VideoDecodeError(reason))
            described.failures.append((int(i), reason))
        losses = getattr(self.describer, "losses_", [])
        described.losses += [(i, loss) for i, _, loss in losses]
        return rows.astype(np.float32, copy=False)

    def _foresee(self, todo: NDArray[np.int64]) -> int:
        """About how many clips there are to describe, from the headers of some of the videos."""
        from skvideo3d.video.lengths import clip_count, frame_count

        if not len(todo):
            return 0
        some = todo[np.linspace(0, len(todo) - 1, min(len(todo), _N_HEADERS)).astype(int)]
        describer = self.describer
        counts = [frame_count(self.videos[i], describer.fps) for i in some]
        clips = [
            clip_count(n, describer.clip_len, describer.clip_stride)
            for n in counts
            if n is not None
        ]
        return round(float(np.mean(clips)) * len(todo)) if clips else len(todo)

    def _announce(self, n_todo: int, n_clips: int) -> None:
        store = getattr(self.describer.memory, "location", self.describer.memory)
        where = f" in {os.fspath(store)}" if store is not None else ""
        n_known = len(self.videos) - n_todo
        todo = f"about {n_clips} clips to describe" if n_todo else "nothing to describe"
        self._say(
            f"{len(self.videos)} videos, {n_known} of them described before{where}; {todo} now."
        )

    def _estimate(self, costs: Sequence[Cost], n_clips: float) -> None:
        timed = [cost for cost in (costs[1:] or costs) if cost.n_clips]
        if not timed:
            return
        n_jobs = effective_n_jobs(self.describer.n_jobs)
        n_threads = _n_flow_threads(self.describer, n_jobs)
        per_clip = sum(
            max(c.network, c.reading + c.preprocessing, c.flow / n_threads) for c in timed
        ) / sum(c.n_clips for c in timed)
        seconds = per_clip * n_clips / n_jobs
        kept = "What is done is kept if this is stopped."
        if self.describer.memory is None:
            kept = "Nothing is kept if this is stopped, unless you give memory=."
        self._say(
            f"about {in_words(seconds)} from here, at {per_clip:.2g} s a clip as the first "
            f"{len(costs)} videos took. {kept}"
        )

    def _say(self, text: str) -> None:
        if self.verbose:
            label = describer_name(self.describer)
            say(f"{self.prefix.removesuffix('__')} {label}: {text}".lstrip())


def say(text: str) -> None:
    """Tell the user on stderr: stdout is for results.

    Parameters
    ----------
    text : str
    """
    print(text, file=sys.stderr, flush=True)


def in_words(seconds: float) -> str:
    """Round a time to what is worth knowing beforehand.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str

    Examples
    --------
    >>> [in_words(s) for s in (0.2, 75, 3000, 40000, 400000)]
    ['1 s', '75 s', '50 min', '11.1 h', '4.6 days']
    """
    if seconds < 120:
        return f"{max(round(seconds), 1)} s"
    for unit, size, limit in (("min", 60, 7200), ("h", 3600, 172800)):
        if seconds < limit:
            value = seconds / size
            return f"{value:.0f} {unit}" if unit == "min" else f"{value:.1f} {unit}"
    return f"{seconds / 86400:.1f} days"


def _n_flow_threads(describer: VideoTransformer, n_jobs: int) -> int:
    """Count the threads in which each of some processes computes flow."""
    import torch

    flow = OpticalFlow.from_any(getattr(describer, "flow", "tvl1"))
    return max(1, torch.get_num_threads() // n_jobs) if flow.is_parallel else 1


def _with_store(describer: Any, memory: str | os.PathLike[str] | None, n_jobs: int | None) -> Any:
    """Copy a describer, giving a store and workers to every network inside that has none."""
    describer = clone(describer)
    networks = [describer, *describer.get_params(deep=True).values()]
    for network in networks:
        if isinstance(network, VideoTransformer):
            if network.memory is None:
                network.set_params(memory=memory)
            if network.n_jobs is None:
                network.set_params(n_jobs=n_jobs)
    return describer
