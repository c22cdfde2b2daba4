"""Videos to clips of optical flow, and of the frames that it is computed from.

One reading of a video serves both streams: another process decodes and resizes, this one computes
the flow between frames that follow each other, several pairs at a time, and cuts clips.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from skvideo3d.exceptions import FlowError, SkVideo3DError, VideoDecodeError
from skvideo3d.video.arrays import holds_flow
from skvideo3d.video.clips import ClipRecipe, PreparedFrame, ReadingCost, VideoClip
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.reading import make_reader
from skvideo3d.video.sampling import iter_clips
from skvideo3d.video.sources import VideoSource

from .keeping import flow_key, kept_items
from .recipe import OpticalFlow
from .storage import FlowStore
from .stream import FlowItem, FlowWork, array_items, begin_ahead, taken_early, video_items

__all__ = ["FlowReader", "errors_of"]


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Have errors of the ``with`` block name the video that they are of.

    Parameters
    ----------
    name : str
    """
    try:
        yield
    except FlowError as error:
        raise FlowError(f"{name!r}: {error}") from error
    except SkVideo3DError:
        raise
    except ValueError as error:
        raise VideoDecodeError(f"{name!r} cannot be described: {error}") from error


class FlowReader:
    """Reads some videos, one after the other; see `skvideo3d.video.reading.VideoReader`.

    The clips are those that a reader of frames gives. The flow of a frame leads to the next frame
    of the video (after resampling, where `fps` is given); the last frame, which has no next, has
    the flow of the frame before it. So there is as much flow as there are frames, and a short video
    that is looped repeats both alike.

    Parameters
    ----------
    sources : sequence of VideoSource
        In the order in which they will be read; some may be left out then. Arrays of flow stand
        for what would be computed.
    recipe : ClipRecipe
        Flow is computed between whole resized frames, and cropped like them.
    flow : OpticalFlow
    limits : ReadingLimits
    with_frames : bool
        Whether clips have frames beside flow.
    n_threads : int, default=1
        That compute flow; one for a callable that is not thread-safe.
    folder : Path, optional
        Where flow is kept, if `flow` asks for it, and looked for in any case.
    """

    def __init__(
        self,
        sources: Sequence[VideoSource],
        recipe: ClipRecipe,
        flow: OpticalFlow,
        limits: ReadingLimits,
        *,
        with_frames: bool,
        n_threads: int = 1,
        folder: Path | None = None,
    ) -> None:
        self._sources = sources
        self._recipe = recipe
        self._flow = flow
        self._with_frames = with_frames
        self._store = None if folder is None else FlowStore(folder)
        one_by_one = replace(recipe, clip_len=1, clip_stride=1, whole=True)
        self._frames = make_reader(sources, one_by_one, limits)
        # Threads that may not run at once would wait, and seem to work.
        self._n_threads = n_threads if flow.is_parallel else 1
        self._pool = ThreadPoolExecutor(self._n_threads, "skvideo3d-flow")

    def read(self, index: int, cost: ReadingCost, losses: Losses) -> Iterator[VideoClip]:
        """Read a video.

        Parameters
        ----------
        index : int
            Its place in `sources`.
        cost : ReadingCost
        losses : Losses

        Yields
        ------
        VideoClip

        Raises
        ------
        FlowError
            If there is no flow, as of one frame, or it cannot be computed.
        VideoDecodeError
            If the video cannot be read, or is damaged and has fewer frames than a clip.
        """
        recipe = self._recipe
        with (
            errors_of(self._sources[index].name),
            closing(self.items(index, cost, losses)) as items,
        ):
            enough = losses.demand(items, recipe.clip_len)
            clips = iter_clips(enough, recipe.clip_len, recipe.clip_stride, recipe.short_video)
            for clip in begin_ahead(clips):
                yield self._clip(clip)

    def items(
        self, index: int, cost: ReadingCost, losses: Losses
    ) -> Generator[FlowItem, None, None]:
        """Give the frames of a video, each with its flow; errors may lack its name.

        Parameters
        ----------
        index : int
            Its place in `sources`.
        cost : ReadingCost
        losses : Losses

        Yields
        ------
        FlowItem
        """
        source = self._sources[index]
        work = FlowWork(self._flow, self._recipe, self._pool, self._n_threads, cost)
        if holds_flow(source):
            if self._with_frames:
                raise FlowError("it is optical flow alone, and the frames are needed too.")
            yield from array_items(losses.watch(source.frames()), work)
            return
        frames = self._frames.read(index, cost, losses)
        # A video whose flow fails is left in the middle, and the next one may not begin there.
        with closing(cast("Generator[VideoClip, None, None]", frames)):
            kept = None if self._store is None else self._store.open(self.key(index))
            # What was kept is used, whoever asked for it; what was not is kept when asked.
            if kept is not None and (self._flow.keep or kept.is_complete):
                yield from kept_items(frames, kept, work, losses, with_pixels=self._with_frames)
            else:
                items = video_items(frames, work, losses)
                yield from taken_early(items, work, with_pixels=self._with_frames)

    def opens(self, index: int) -> bool:
        """Tell whether a video is opened to be read, and not found in the store.

        Parameters
        ----------
        index : int
            Its place in `sources`.

        Returns
        -------
        bool
        """
        if self._store is None or self._with_frames or holds_flow(self._sources[index]):
            return True
        return not self._store.open(self.key(index)).is_complete

    def key(self, index: int) -> str:
        """Name the flow of a video in the folder where flow is kept.

        Parameters
        ----------
        index : int
            Its place in `sources`.

        Returns
        -------
        str
        """
        return flow_key(self._sources[index].identity(), self._flow, self._recipe)

    def _clip(self, items: Sequence[FlowItem]) -> VideoClip:
        frames, flows = [], []
        for item in items:
            pixels, flow = item.take(with_pixels=self._with_frames)
            flows.append(flow)
            if pixels is not None:
                frames.append(PreparedFrame(item.place, pixels))
        return VideoClip(items[0].number, items[0].time, frames, flows)

    def abort(self) -> None:
        """End what another thread reads here; it raises an error there."""
        self._frames.abort()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Be done; pairs that are being computed are waited for."""
        self._pool.shutdown(cancel_futures=True)
        self._frames.close()
