"""How long descriptors take over a folder of videos, stage by stage."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone

from skvideo3d.datasets.layout import VideoIndex, check_root
from skvideo3d.feature_extraction.base import VideoTransformer
from skvideo3d.feature_extraction.cost import Cost
from skvideo3d.feature_extraction.extraction import Outcome
from skvideo3d.feature_extraction.random_weights import has_random_weights
from skvideo3d.video.lengths import clip_count, frame_count

from .describing import Described, in_words, say
from .memory_peak import forget_peak, peak_memory
from .method_names import describer_name
from .options import Options
from .parts import named_hashes
from .plan import make_plan
from .published import published
from .recognition import note_weights
from .results import BenchmarkResult, DataUse, ResultRow

__all__ = ["runtime"]


def runtime(
    root: str | os.PathLike[str],
    *,
    describer: Any = None,
    limit: int | None = None,
    follow_links: bool = False,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> BenchmarkResult:
    """Measure hours and frames per second over a folder, as in Tran et al. 2015, section 7.

    Every video is read, prepared and sent through the network anew: nothing comes from a store. The
    network is loaded before the clock starts.

    Parameters
    ----------
    root : path-like
        Folder with videos at any depth, such as UCF101.
    describer : transformer of videos, default=None
        A network, or a union of several, which are measured one after the other. None is
        ``C3DTransformer()``.
    limit : int, default=None
        Measure on that many videos, evenly spread, and scale the hours up by the frames that the
        headers announce.
    follow_links : bool, default=False
        Whether links below `root` may lead out of it.
    n_jobs : int, default=None
        Processes that describe.
    verbose : int, default=0
        If not 0, shows progress on stderr.

    Returns
    -------
    BenchmarkResult
        For each network hours, frames per second, the share of the time in which a process was
        reading, preprocessing and computing (they overlap; of optical flow, the shares of all
        threads together), and the peak of this process's memory.

    Raises
    ------
    ValueError
        If there are no videos, none can be read, or the describer is no network.

    Examples
    --------
    >>> from skvideo3d.benchmarks import runtime
    >>> print(runtime("data/UCF101", limit=20))  # doctest: +SKIP
    """
    folder = check_root(root)
    paths = VideoIndex(folder, follow_links=follow_links).paths
    if not paths:
        raise ValueError(f"there is no video below {str(folder)!r}; give a folder of videos.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit={limit!r}: measure at least one video.")
    options = Options.of(describer=describer, n_jobs=n_jobs, verbose=verbose)
    networks = _networks(options)
    positions = np.linspace(0, len(paths) - 1, min(limit or len(paths), len(paths))).astype(int)
    chosen = [paths[i] for i in positions]
    rows, per_video, failures, losses = [], [], [], []
    weights: dict[str, str] = {}
    cost = Cost()
    for network in networks:
        measured = _Measured(network, chosen, verbose)
        rows.append(measured.row(_scale(paths, chosen)))
        per_video += measured.per_video()
        failures += measured.failures
        losses += measured.losses
        weights |= named_hashes(measured.name, network)
        cost += measured.total
    failed, lost = dict(failures), dict(losses)
    total = Described(np.empty((len(chosen), 0)), None, weights=weights)
    total.has_random_weights = any(has_random_weights(network) for network in networks)
    notes = [
        *note_weights(total),
        "Reading, preprocessing and network: share of the time in which each was at work; they "
        "overlap. Peak memory is that of the main process, with all its libraries.",
    ]
    if cost.flow:
        notes.append(
            "Flow is computed by several threads, whose seconds are added up: its share of the "
            "time may be more than 100 %."
        )
    notes.append(
        "The published hours are for all of UCF101, 13320 videos; frames per second compare."
    )
    if len(chosen) < len(paths):
        notes.append(
            f"Measured on {len(chosen)} of {len(paths)} videos; hours are scaled up to all."
        )
    return BenchmarkResult(
        benchmark="runtime",
        title=f"Runtime over {folder.name}: {len(paths)} videos",
        metrics=("fps", "hours", *(f"{stage} %" for stage in _stages(cost)), "peak MiB"),
        rows=rows,
        data=DataUse(
            n_listed=len(paths),
            n_missing=0,
            n_failed=len(failed),
            n_used=len(chosen) - len(failed),
            failures=list(failed.items()),
            losses=list(lost.items()),
        ),
        published=published("runtime"),
        settings={
            name: value
            for name, value in options.settings(total, folder).items()
            if name not in ("classifier", "n_features", "on_error")
        }
        | {"limit": limit, "n_jobs": n_jobs},
        times=_stages(cost),
        notes=notes,
        predictions=per_video,
    )


class _Measured:
    """One network, timed over videos."""

    def __init__(self, network: VideoTransformer, videos: Sequence[str], verbose: int) -> None:
        self.network = network
        self.videos = videos
        self.name = describer_name(network)
        self.n_jobs = effective_n_jobs(network.n_jobs)
        self.costs: dict[int, Cost] = {}
        network.fit(videos)
        if verbose:
            counts = [frame_count(video, network.fps) for video in videos]
            clips = sum(
                clip_count(n, network.clip_len, network.clip_stride)
                for n in counts
                if n is not None
            )
            say(f"{self.name}: {len(videos)} videos, about {clips} clips to describe.")
        forget_peak()
        self._warm_up()
        network.set_params(verbose=verbose)
        began = time.perf_counter()
        self._describe(videos)
        self.seconds = time.perf_counter() - began
        self.peak = peak_memory()
        self.failures = [(str(video), reason) for _, video, reason in network.failures_]
        self.losses = [(str(video), loss) for _, video, loss in network.losses_]
        self.total = Cost()
        for cost in self.costs.values():
            self.total += cost
        if not self.total.n_frames:
            raise ValueError(
                f"none of the {len(videos)} videos could be described; the first: "
                f"{self.failures[0][1]}"
            )
        if verbose:
            say(f"{self.name}: {self.total.n_frames} frames in {in_words(self.seconds)}.")

    def row(self, scale: float) -> ResultRow:
        total, seconds = self.total, self.seconds
        busy = 100 / (seconds * self.n_jobs)
        return ResultRow(
            self.name,
            {
                "hours": seconds * scale / 3600,
                "fps": total.n_frames / seconds,
                **{f"{stage} %": taken * busy for stage, taken in _stages(total).items()},
                "peak MiB": self.peak,
            },
        )

    def per_video(self) -> list[dict[str, Any]]:
        return [
            {
                "video": self.videos[i],
                "network": self.name,
                "frames": cost.n_frames,
                "clips": cost.n_clips,
                **{
                    f"{stage} s": taken
                    for stage, taken in _stages(cost, with_flow=self.total.flow > 0).items()
                },
            }
            for i, cost in sorted(self.costs.items())
        ]

    def _warm_up(self) -> None:
        """Have every process load its network; an unreadable video would not."""
        for begin in range(0, len(self.videos), self.n_jobs):
            self._describe(self.videos[begin : begin + self.n_jobs])
            if self.costs:
                break
        self.costs.clear()

    def _describe(self, videos: Sequence[str]) -> None:
        def take(outcome: Outcome) -> None:
            if outcome.error is None:
                self.costs[outcome.index] = outcome.cost

        with warnings.catch_warnings():
            # The result counts and names them.
            warnings.filterwarnings("ignore", message=".*could not be described")
            self.network._describe(videos, take)


def _stages(cost: Cost, *, with_flow: bool = False) -> dict[str, float]:
    """Give the seconds of each stage; of flow where there is some, or it is asked for."""
    flow = {"flow": cost.flow} if cost.flow or with_flow else {}
    return {
        "reading": cost.reading,
        "preprocessing": cost.preprocessing,
        **flow,
        "network": cost.network,
    }


def _networks(options: Options) -> list[VideoTransformer]:
    plan = make_plan(options.describer)
    parts = [] if plan is None else [part.describer for part in plan.parts]
    if not parts or not all(isinstance(part, VideoTransformer) for part in parts):
        raise ValueError(
            f"{options.describer!r} cannot be timed stage by stage: give a C3DTransformer, an "
            "I3DTransformer, a FrameTransformer, or a union of such."
        )
    networks = [clone(part) for part in parts]
    for network in networks:
        network.set_params(memory=None, on_error="nan", verbose=0)
        if network.n_jobs is None:
            network.set_params(n_jobs=options.n_jobs)
    return networks


def _scale(paths: Sequence[str], chosen: Sequence[str]) -> float:
    """How many times longer all videos are than the chosen ones, as their headers say."""
    if len(chosen) == len(paths):
        return 1.0
    counts = {path: frame_count(path) for path in paths}
    known = [count for count in counts.values() if count]
    usual = float(np.mean(known)) if known else 1.0
    lengths = {path: count or usual for path, count in counts.items()}
    return sum(lengths.values()) / sum(lengths[path] for path in chosen)
