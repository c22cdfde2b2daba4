"""Optical flow as a stage of a stream of frames: computed when a clip needs it, pairs in parallel.

What no clip takes, in gaps between clips or behind the last, is never computed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import FlowError, VideoDecodeError
from skvideo3d.video.clips import ClipRecipe, ReadingCost, VideoClip
from skvideo3d.video.damage import Losses
from skvideo3d.video.frames import Frame
from skvideo3d.video.resizing import resized_shape

from .methods import FlowEstimator
from .recipe import OpticalFlow

__all__ = ["FlowItem", "FlowWork", "array_items", "begin_ahead", "taken_early", "video_items"]

_MAX_WAITING_BYTES = 256 * 2**20  # of one clip's frames, whole


class FlowWork:
    """What it takes to compute the flow of one video.

    Parameters
    ----------
    flow : OpticalFlow
    recipe : ClipRecipe
        Whose crop results have.
    pool : ThreadPoolExecutor
    n_threads : int
        Of the pool.
    cost : ReadingCost
        Counted up.
    """

    def __init__(
        self,
        flow: OpticalFlow,
        recipe: ClipRecipe,
        pool: ThreadPoolExecutor,
        n_threads: int,
        cost: ReadingCost,
    ) -> None:
        self.flow = flow
        self.recipe = recipe
        self.n_threads = n_threads
        self._estimate = FlowEstimator(flow)
        self._pool = pool
        self._cost = cost
        self._guard = threading.Lock()

    def begin(
        self, previous: NDArray[np.uint8], following: NDArray[np.uint8]
    ) -> Future[NDArray[Any]]:
        """Have the flow between two whole frames computed.

        Parameters
        ----------
        previous, following : ndarray of shape (height, width, 3), uint8, RGB

        Returns
        -------
        Future of ndarray of shape (height, width, 2)
            As `OpticalFlow.encode` gives it.
        """
        return self._pool.submit(self._compute, previous, following)

    def crop(self, whole: NDArray[Any]) -> NDArray[Any]:
        """Cut a whole frame, or its flow, as the network's input is cut."""
        return whole[self.recipe.preprocessing.crop_window(whole.shape[:2])]

    def _compute(self, previous: NDArray[np.uint8], following: NDArray[np.uint8]) -> NDArray[Any]:
        began = perf_counter()
        held = self.flow.encode(self._estimate(previous, following))
        with self._guard:
            self._cost.n_pairs += 1
            self._cost.flow += perf_counter() - began
        return held


class FlowItem:
    """A frame of a video, and the flow that leads from it.

    Parameters
    ----------
    work : FlowWork
    place : int
        Of the frame in the stream.
    number : int
        Of the frame in the video.
    time : float
        When it is shown, in seconds.
    whole : ndarray of shape (height, width, 3), uint8, RGB, optional
        The frame, not cropped, where it is to be had.
    held : ndarray of shape (height, width, 2), optional
        Its flow, as `OpticalFlow.encode` gives it, where that is known.
    """

    def __init__(
        self,
        work: FlowWork,
        place: int,
        number: int,
        time: float,
        *,
        whole: NDArray[np.uint8] | None = None,
        held: NDArray[Any] | None = None,
    ) -> None:
        self.place = place
        self.number = number
        self.time = time
        self.held = held
        self._work = work
        self._whole = whole
        self._following: NDArray[np.uint8] | None = None
        self._like: FlowItem | None = None
        self._future: Future[NDArray[Any]] | None = None
        self._pixels: NDArray[np.uint8] | None = None
        self._flow: NDArray[np.float32] | None = None

    @property
    def whole(self) -> NDArray[np.uint8]:
        """The frame, as long as no clip has taken it."""
        assert self._whole is not None
        return self._whole

    def leads_to(self, following: FlowItem) -> None:
        """Say which frame comes next.

        Parameters
        ----------
        following : FlowItem
        """
        self._following = following.whole

    def is_like(self, other: FlowItem) -> None:
        """Give this frame, which has no next, the flow of another.

        Parameters
        ----------
        other : FlowItem
        """
        self._like = other

    def begin(self) -> None:
        """Have the flow computed, unless it is there or under way."""
        if self.held is not None or self._flow is not None or self._future is not None:
            return
        if self._like is not None:
            self._like.begin()
            return
        assert self._following is not None
        self._future = self._work.begin(self.whole, self._following)
        self._following = None

    def hold(self) -> NDArray[Any]:
        """Wait for the flow of the whole frame, and keep it.

        Returns
        -------
        ndarray of shape (height, width, 2)
            As `OpticalFlow.encode` gives it.
        """
        if self.held is None:
            self.held = self._result()
        return self.held

    def take(self, *, with_pixels: bool) -> tuple[NDArray[np.uint8] | None, NDArray[np.float32]]:
        """Wait for the flow, and keep no more than a clip needs.

        Parameters
        ----------
        with_pixels : bool

        Returns
        -------
        pixels : ndarray of shape (crop height, crop width, 3), uint8, RGB, or None
            None unless asked for.
        flow : ndarray of shape (crop height, crop width, 2), float32
            As the network takes it.
        """
        if self._flow is None and self._like is not None:
            _, self._flow = self._like.take(with_pixels=False)
        elif self._flow is None:
            held = self._result() if self.held is None else self.held
            flow = self._work.flow.network_input(self._work.crop(held))
            self._flow = np.ascontiguousarray(flow)
            self._future = None
        if with_pixels and self._pixels is None:
            self._pixels = self._work.crop(self.whole).copy()
        self._whole = None
        return self._pixels, self._flow

    def _result(self) -> NDArray[Any]:
        self.begin()
        if self._like is not None:
            return self._like.hold()
        assert self._future is not None
        return self._future.result()


def video_items(frames: Iterable[VideoClip], work: FlowWork, losses: Losses) -> Iterator[FlowItem]:
    """Pair every frame with the next one, and the last with the flow before it.

    Parameters
    ----------
    frames : iterable of VideoClip
        Of one whole frame each.
    work : FlowWork
    losses : Losses
        Of the frames.

    Yields
    ------
    FlowItem

    Raises
    ------
    FlowError
        If there is one frame alone.
    VideoDecodeError
        If one frame alone is left of a damaged video.
    """
    previous: FlowItem | None = None
    last: FlowItem | None = None
    for place, clip in enumerate(frames):
        item = FlowItem(work, place, clip.start_frame, clip.start_time, whole=clip.frames[0].pixels)
        if last is not None:
            last.leads_to(item)
            yield last
        previous, last = last, item
    if last is None:
        return
    if previous is None:
        if text := losses.text():
            raise VideoDecodeError(
                f"{text} One frame is left, and flow is between two; fetch or copy it again."
            )
        raise FlowError(
            "it has one frame, and optical flow is between two; leave it out, or use stream='rgb'."
        )
    last.is_like(previous)
    yield last


def taken_early(
    items: Iterable[FlowItem], work: FlowWork, *, with_pixels: bool
) -> Iterator[FlowItem]:
    """Take large frames before their clip is whole: a clip of them would fill the memory.

    Parameters
    ----------
    items : iterable of FlowItem
    work : FlowWork
    with_pixels : bool
        Whether the clip will take pixels beside flow.

    Yields
    ------
    FlowItem
    """
    begun: deque[FlowItem] = deque()
    for item in items:
        if item.whole.nbytes * work.recipe.clip_len > _MAX_WAITING_BYTES:
            item.begin()
            begun.append(item)
            if len(begun) > work.n_threads:
                begun.popleft().take(with_pixels=with_pixels)
        yield item


def array_items(frames: Iterable[Frame], work: FlowWork) -> Iterator[FlowItem]:
    """Take flow that is there already.

    Parameters
    ----------
    frames : iterable of Frame
        Whose pixels are flow, in pixels, of shape (height, width, 2).
    work : FlowWork

    Yields
    ------
    FlowItem

    Raises
    ------
    FlowError
        If it is of frames of another size than the network's.
    """
    recipe = work.recipe.preprocessing
    for place, frame in enumerate(frames):
        height, width, _ = frame.pixels.shape
        if (height, width) not in (recipe.crop, resized_shape(height, width, recipe.resize)):
            sides = recipe.resize if isinstance(recipe.resize, tuple) else (recipe.resize,)
            raise FlowError(
                f"its flow is of frames of {height}x{width} pixels. Flow cannot be resized "
                "without changing it: compute it between frames that are resized to "
                f"{'x'.join(map(str, sides))}{'' if len(sides) == 2 else ' at the shorter side'}, "
                f"or give their centre of {recipe.crop[0]}x{recipe.crop[1]}."
            )
        with np.errstate(over="ignore"):  # becomes infinite, and is clipped
            held = work.flow.encode(np.asarray(frame.pixels, np.float32))
        yield FlowItem(work, place, frame.number, frame.time, held=held)


def begin_ahead(clips: Iterable[list[FlowItem]]) -> Iterator[list[FlowItem]]:
    """Have the flow of the next clip under way while one is waited for.

    Parameters
    ----------
    clips : iterable of list of FlowItem

    Yields
    ------
    list of FlowItem
    """
    waiting: list[FlowItem] | None = None
    for clip in clips:
        for item in clip:
            item.begin()
        if waiting is not None:
            yield waiting
        waiting = clip
    if waiting is not None:
        yield waiting
