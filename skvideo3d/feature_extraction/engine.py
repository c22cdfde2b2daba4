"""Many videos to descriptors: the store first, then this process or joblib's workers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from joblib import effective_n_jobs
from sklearn.utils.parallel import delayed

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError, VideoNotFoundError
from skvideo3d.flow.keeping import is_flow_known
from skvideo3d.flow.storage import FLOW_FOLDER
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.sources import SegmentSource, VideoSource
from skvideo3d.video.workers import end_with_parent, results_of

from .devices import Device
from .extraction import Outcome, extract, look_up
from .gathering import stored_video
from .spec import DescriptorSpec
from .store import entry_key, open_store, video_digest

__all__ = ["Resources", "are_stored", "describe"]

# A worker gets the videos in portions: large enough to batch clips across videos, small enough to
# keep all workers busy to the end.
_PORTIONS_PER_JOB = 4
_MAX_PORTION = 32


@dataclass(frozen=True)
class Resources:
    """What descriptors are computed with; it does not change them.

    Parameters
    ----------
    store_folder : str or None
        Absolute path of the descriptor store.
    device : str, sequence of str or None
        Torch devices; None for CUDA where there is one, else the CPU.
    batch_size : int
        Clips that go through the network at once.
    n_jobs : int or None
        As everywhere in scikit-learn.
    limits : ReadingLimits
        What reading a video may take.
    """

    store_folder: str | None = None
    device: Device = None
    batch_size: int = 1
    n_jobs: int | None = None
    limits: ReadingLimits = field(default_factory=ReadingLimits)


def describe(
    sources: Sequence[VideoSource],
    spec: DescriptorSpec,
    resources: Resources,
    on_outcome: Callable[[Outcome], None],
) -> None:
    """Describe videos, each once.

    Parameters
    ----------
    sources : sequence of VideoSource
    spec : DescriptorSpec
    resources : Resources
    on_outcome : callable
        Called with each video's outcome, in no particular order. An exception that it raises stops
        the work.
    """
    missing = []
    known = _Known(spec, resources)
    for index, source in enumerate(sources):
        outcome = known.look_up(index, source)
        if outcome is None:
            missing.append(index)
        else:
            on_outcome(outcome)
    _check_flow([sources[index] for index in missing], spec, resources)
    with closing(_extract(sources, missing, spec, resources)) as outcomes:
        for outcome in outcomes:
            known.note(outcome, sources[outcome.index])
            on_outcome(outcome)


def _check_flow(sources: Sequence[VideoSource], spec: DescriptorSpec, resources: Resources) -> None:
    """Refuse to open videos whose flow cannot be computed here and is not known."""
    folder = Path(resources.store_folder) / FLOW_FOLDER if resources.store_folder else None
    for stream in spec.streams:
        if stream.flow is None:
            continue
        try:
            stream.flow.check()
        except ImportError:
            for source in sources:
                with suppress(SkVideo3DError):  # told when it is its turn
                    if not is_flow_known(source, stream.flow, spec.clip_recipe(), folder):
                        raise


def are_stored(
    sources: Sequence[VideoSource], spec: DescriptorSpec, resources: Resources
) -> list[bool]:
    """Tell for each video whether its descriptor is in the store already.

    Parameters
    ----------
    sources : sequence of VideoSource
    spec : DescriptorSpec
    resources : Resources

    Returns
    -------
    list of bool
    """
    if resources.store_folder is None:
        return [False] * len(sources)
    store = open_store(resources.store_folder)
    found = []
    for source in sources:
        try:
            found.append(look_up(source, spec, store) is not None)
        except SkVideo3DError:  # nothing there to take the identity of
            found.append(False)
    return found


class _Known:
    """What earlier calls found: descriptors in the store, failures in the memory of this process.

    The folds of a cross-validation ask for the same videos again and again: one that hangs must
    not hang in each of them.
    """

    def __init__(self, spec: DescriptorSpec, resources: Resources) -> None:
        self._store = open_store(resources.store_folder) if resources.store_folder else None
        self._fingerprints = {} if self._store is None else spec.fingerprints()
        # What a failure to read depends on beside the video.
        self._settings = f"{'|'.join(self._fingerprints.values())}|{resources.limits}"
        self._digests: dict[int, str] = {}

    def look_up(self, index: int, source: VideoSource) -> Outcome | None:
        if self._store is None:
            return None
        try:
            digest = video_digest(source.identity())
        except SkVideo3DError as error:  # nothing there to take the identity of
            return Outcome(index, {}, error)
        found = stored_video(digest, self._fingerprints, self._store)
        if found is not None:
            return Outcome(index, found.layers, loss=found.loss)
        failure = self._store.failure(entry_key(digest, self._settings))
        if failure is not None:
            return Outcome(index, {}, failure)
        self._digests[index] = digest
        return None

    def note(self, outcome: Outcome, source: VideoSource) -> None:
        error = outcome.error
        if self._store is None or not isinstance(error, VideoDecodeError):
            return
        # What is not there, or not for us, may be mended without a change of its identity.
        if not isinstance(error, VideoNotFoundError) and _may_be_read(source):
            key = entry_key(self._digests[outcome.index], self._settings)
            self._store.note_failure(key, error)


def _may_be_read(source: VideoSource) -> bool:
    inner = source.source if isinstance(source, SegmentSource) else source
    return os.access(inner.name, os.R_OK)


def _extract(
    sources: Sequence[VideoSource],
    indices: Sequence[int],
    spec: DescriptorSpec,
    resources: Resources,
) -> Generator[Outcome, None, None]:
    if not indices:
        return
    chosen = [sources[i] for i in indices]
    n_jobs = min(effective_n_jobs(resources.n_jobs), len(chosen))
    if n_jobs == 1:
        for outcome in _extract_portion(chosen, spec, resources):
            yield replace(outcome, index=indices[outcome.index])
        return
    size = min(_MAX_PORTION, math.ceil(len(chosen) / (n_jobs * _PORTIONS_PER_JOB)))
    starts = range(0, len(chosen), size)
    calls = (
        delayed(_list_portion)(chosen[start : start + size], spec, resources) for start in starts
    )
    # joblib's processes share out the cores: none of them may be idle.
    with results_of(calls, n_jobs if n_jobs == len(chosen) else resources.n_jobs) as results:
        for start, outcomes in zip(starts, results, strict=True):
            for outcome in outcomes:
                yield replace(outcome, index=indices[start + outcome.index])


def _list_portion(
    sources: Sequence[VideoSource], spec: DescriptorSpec, resources: Resources
) -> list[Outcome]:
    outcomes = []
    for outcome in _extract_portion(sources, spec, resources):
        outcomes.append(outcome)
        end_with_parent()
    return outcomes


def _extract_portion(
    sources: Sequence[VideoSource], spec: DescriptorSpec, resources: Resources
) -> Iterator[Outcome]:
    store = open_store(resources.store_folder) if resources.store_folder else None
    return extract(
        sources,
        spec,
        store=store,
        device=resources.device,
        batch_size=resources.batch_size,
        limits=resources.limits,
    )
