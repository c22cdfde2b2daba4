"""The flow of a collection, computed before any network needs it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from joblib import cpu_count, effective_n_jobs
from sklearn.utils.parallel import delayed

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.video.arrays import holds_flow
from skvideo3d.video.claims import Claim, Claims
from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.sources import VideoSource, as_source
from skvideo3d.video.workers import end_with_parent, results_of

from .computing import SIZE, frame_recipe
from .reading import FlowReader, errors_of
from .recipe import OpticalFlow
from .storage import FLOW_FOLDER, FlowStore, KeptFlow

__all__ = ["PrecomputedFlow", "precompute_flow"]

_POLL = 1.0  # seconds between looks at what another process is at


@dataclass
class PrecomputedFlow:
    """What became of the videos of a call of `precompute_flow`.

    Parameters
    ----------
    n_frames : list of int
        Frames of flow that are kept of each video; 0 where it failed.
    n_computed : list of int
        Pairs of frames between which flow was computed in this call; the others were there.
    failures : list of (int, object, str)
        Position, video and reason of those that failed.
    losses : list of (int, object, str)
        Position, video and what was lost of those that could be read only in part.
    """

    n_frames: list[int] = field(default_factory=list)
    n_computed: list[int] = field(default_factory=list)
    failures: list[tuple[int, Any, str]] = field(default_factory=list)
    losses: list[tuple[int, Any, str]] = field(default_factory=list)


def precompute_flow(
    videos: Iterable[Any],
    memory: Any,
    flow: OpticalFlow | Literal["tvl1", "dis"] = "tvl1",
    *,
    resize: int | tuple[int, int] = SIZE,
    fps: float | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    limits: ReadingLimits = DEFAULT_LIMITS,
    n_jobs: int | None = None,
    on_video: Callable[[int], None] | None = None,
) -> PrecomputedFlow:
    """Compute the optical flow of videos and keep it, for transformers that ask for it later.

    An ``I3DTransformer(stream="flow", memory=memory, flow=flow)``, or one of two streams, finds it
    there if method, bound, precision, `fps` and the size to which its weights resize are the same;
    layers and clips may be any. A call that is stopped goes on where it was,
    in the middle of a video too. Processes that have the same videos to do share them out.

    Parameters
    ----------
    videos : sequence
        Paths, folders of frames, arrays or segments.
    memory : path-like or joblib.Memory
        The folder, as the transformer has it; flow is below it in ``flow``.
    flow : OpticalFlow or {"tvl1", "dis"}, default="tvl1"
        The precision decides how much room it takes; `keep` may be left out.
    resize : int or (int, int), default=256
        As in the preprocessing of the weights.
    fps : float, optional
        As in the transformer.
    on_error : {"raise", "skip"}, default="raise"
        Whether a video that has no flow stops the work, or is noted in `failures`.
    limits : ReadingLimits, optional
        What reading a video may take; flow takes what it takes.
    n_jobs : int, optional
        Processes or other workers of the active `joblib.parallel_config`, each at a video. One
        process uses all cores already; more pay across machines, or where the frames of one video
        come too slowly.
    on_video : callable, optional
        Called with the number of frames after each video.

    Returns
    -------
    PrecomputedFlow

    Raises
    ------
    FlowError, VideoDecodeError
        If a video has no flow or cannot be read and `on_error` is "raise".
    ValueError
        If a setting is not usable.
    OSError
        If flow cannot be kept in the folder.
    ImportError
        If OpenCV is needed and not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skvideo3d.flow import OpticalFlow, precompute_flow
    >>> videos = [np.zeros((40, 60, 80, 3), np.uint8), np.zeros((1, 60, 80, 3), np.uint8)]
    >>> with TemporaryDirectory() as folder:
    ...     found = precompute_flow(videos, folder, OpticalFlow("dis", precision="uint8"),
    ...                             resize=32, on_error="skip")
    ...     again = precompute_flow(videos[:1], folder, OpticalFlow("dis", precision="uint8"),
    ...                             resize=32)
    >>> found.n_frames, found.n_computed, again.n_computed
    ([40, 0], [39, 0], [0])
    >>> print(found.failures[0][2])
    'array of shape (1, 60, 80, 3)': it has one frame, and optical flow is between two...
    """
    recipe = replace(OpticalFlow.from_any(flow), keep=True)
    recipe.fingerprint()  # refuses what could not be found again
    recipe.check()
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error={on_error!r}: use 'raise' or 'skip'.")
    if isinstance(videos, (str, os.PathLike)):
        raise ValueError(f"videos={videos!r}: give a list of videos, [{videos!r}].")
    if hasattr(videos, "columns"):
        raise ValueError("videos is a table: give the column with the paths, videos['path'].")
    videos = list(videos)  # of a Series too, whose own numbers are names
    memory = getattr(memory, "location", memory)  # of a joblib.Memory
    if memory is None or (os.path.exists(memory) and not os.path.isdir(memory)):
        raise ValueError(f"memory={memory!r} is no folder; give one, or a new name.")
    n_workers = min(effective_n_jobs(n_jobs), max(len(videos), 1))
    work = _Work(
        recipe,
        frame_recipe(resize, fps, limits),
        limits,
        Path(memory) / FLOW_FOLDER,
        max(1, cpu_count() // n_workers),
    )
    found = PrecomputedFlow()
    done = {}
    todo = list(range(len(videos)))
    # Those that another process is at are left for the end.
    for wait in (False, True):
        jobs = (delayed(work)(videos[index], wait=wait) for index in todo)
        postponed = []
        with results_of(jobs, n_workers) as results:
            for index, one in zip(todo, results, strict=True):
                if one is None:
                    postponed.append(index)
                    continue
                if one.error is not None and on_error == "raise":
                    raise one.error
                done[index] = one
                if on_video is not None:
                    on_video(one.n_frames)
        todo = postponed
    for index, video in enumerate(videos):
        one = done[index]
        found.n_frames.append(one.n_frames)
        found.n_computed.append(one.n_computed)
        if one.error is not None:
            found.failures.append((index, video, str(one.error)))
        if one.loss:
            found.losses.append((index, video, one.loss))
    return found


@dataclass
class _Done:
    n_frames: int = 0
    n_computed: int = 0
    loss: str = ""
    error: SkVideo3DError | None = None


@dataclass(frozen=True)
class _Work:
    """What is done to each video; sent to workers."""

    flow: OpticalFlow
    frames: ClipRecipe
    limits: ReadingLimits
    folder: Path
    n_threads: int

    def __call__(self, video: Any, *, wait: bool) -> _Done | None:
        """Keep the flow of a video; None if another process is at it and not waited for."""
        try:
            source = as_source(video)
            if holds_flow(source):
                raise VideoDecodeError(f"{source.name} is flow already.")
            return self._of_source(source, wait=wait)
        except SkVideo3DError as error:
            return _Done(error=error)

    def _of_source(self, source: VideoSource, *, wait: bool) -> _Done | None:
        reader = FlowReader(
            [source],
            self.frames,
            self.flow,
            self.limits,
            with_frames=False,
            n_threads=self.n_threads,
            folder=self.folder,
        )
        try:
            key = reader.key(0)
            kept = FlowStore(self.folder).open(key)
            claims = Claims(self.folder / "locks")
            while not kept.is_whole:
                claim = claims.take(key)
                if claim is not None:
                    try:
                        return self._computed(source, reader, kept, claim)
                    finally:
                        claim.release()
                if not wait:
                    return None
                time.sleep(_POLL)
            return _Done(kept.n_frames or 0, 0, kept.loss)
        finally:
            reader.close()
            end_with_parent()

    def _computed(
        self, source: VideoSource, reader: FlowReader, kept: KeptFlow, claim: Claim
    ) -> _Done:
        cost = ReadingCost()
        if not kept.is_whole:  # nobody finished it just now
            with errors_of(source.name):
                for _ in reader.items(0, cost, Losses(source.name)):
                    claim.refresh()
                    end_with_parent()
        if kept.n_frames is None or not kept.is_whole:
            # No fault of the video: the next one would be computed for nothing as well.
            raise OSError(
                f"{source.name!r}: its flow was computed and cannot be kept in "
                f"{str(self.folder)!r}; free space there or mend the permissions."
            )
        return _Done(kept.n_frames, cost.n_pairs, kept.loss)
