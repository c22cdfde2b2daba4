"""The flow of whole videos, for whoever wants to look at it or to have it computed beforehand."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.preprocessing import I3D_PREPROCESSING, Preprocessing
from skvideo3d.video.sources import VideoSource, as_source

from .reading import FlowReader, errors_of
from .recipe import FlowFunction, OpticalFlow
from .stream import FlowItem

__all__ = ["FlowFrame", "compute_flow", "frame_recipe", "iter_flow"]

SIZE = I3D_PREPROCESSING.resize  # what the published networks were trained on


class FlowFrame(NamedTuple):
    """The flow of one frame of a video.

    Parameters
    ----------
    number : int
        Of the frame in the video, from 0.
    time : float
        When it is shown, in seconds since the first frame; NaN for arrays and folders.
    flow : ndarray of shape (height, width, 2), float32
        Where its pixels move until the next frame: to the right and down, in pixels.
    """

    number: int
    time: float
    flow: NDArray[np.float32]


def iter_flow(
    video: Any,
    flow: OpticalFlow | str | FlowFunction = "tvl1",
    *,
    resize: int | tuple[int, int] = SIZE,
    fps: float | None = None,
    limits: ReadingLimits = DEFAULT_LIMITS,
) -> Iterator[FlowFrame]:
    """Compute the optical flow of a video of any length, frame by frame.

    It is the flow that ``I3DTransformer(stream="flow")`` uses, before it is cropped and divided by
    its bound. Pairs of frames are computed in parallel, on all cores.

    Parameters
    ----------
    video : path-like, ndarray, tensor or VideoSegment
        Whatever the transformers take.
    flow : OpticalFlow, {"tvl1", "dis"} or callable, default="tvl1"
        Where it has a bound, flow is clipped to it; where it has a precision, rounded.
    resize : int or (int, int), default=256
        Length in pixels of the shorter side of the frames between which flow is computed, or their
        height and width.
    fps : float, optional
        Rate to which a file is resampled first; 25 in the paper.
    limits : ReadingLimits, optional
        What reading the video may take.

    Yields
    ------
    FlowFrame
        As many as there are frames; the last, which has no next, has the flow of the one before.

    Raises
    ------
    FlowError
        If there is one frame alone, or flow cannot be computed; names the video.
    VideoDecodeError
        If the video cannot be read.
    ValueError
        If a setting is not usable.
    ImportError
        If OpenCV is needed and not installed.

    Examples
    --------
    A pattern that moves by 2 pixels to the right:

    >>> from skvideo3d.flow import iter_flow
    >>> rows, columns = np.mgrid[:64, :64]
    >>> light = [128 + 60 * np.sin((columns - 2 * t) / 3) + 60 * np.sin(rows / 3) for t in range(4)]
    >>> video = np.repeat(np.stack(light)[..., None], 3, axis=-1).astype(np.uint8)
    >>> for frame in iter_flow(video, "dis", resize=64):
    ...     print(frame.number, frame.flow[16:-16, 16:-16].mean(axis=(0, 1)).round(1) + 0.0)
    0 [2. 0.]
    1 [2. 0.]
    2 [2. 0.]
    3 [2. 0.]
    """
    recipe = OpticalFlow.from_any(flow)
    recipe.check()
    return _iter_flow(as_source(video), recipe, frame_recipe(resize, fps, limits), limits)


def compute_flow(
    video: Any,
    flow: OpticalFlow | str | FlowFunction = "tvl1",
    *,
    resize: int | tuple[int, int] = SIZE,
    fps: float | None = None,
    limits: ReadingLimits = DEFAULT_LIMITS,
) -> NDArray[np.float32]:
    """Compute the optical flow of a video as one array.

    It may be given to ``I3DTransformer(stream="flow")`` in place of the video.

    Parameters
    ----------
    video, flow, resize, fps, limits
        As in `iter_flow`, which needs no more memory for a longer video.

    Returns
    -------
    ndarray of shape (n_frames, height, width, 2), float32
        In pixels; 0.7 MB a frame of 340x256.

    Raises
    ------
    FlowError, VideoDecodeError, ImportError
        As in `iter_flow`.

    Examples
    --------
    >>> from skvideo3d.flow import compute_flow
    >>> still = np.full((10, 60, 80, 3), 128, dtype=np.uint8)
    >>> flow = compute_flow(still, resize=30)
    >>> flow.shape, float(np.abs(flow).max())
    ((10, 30, 40, 2), 0.0)
    """
    frames = iter_flow(video, flow, resize=resize, fps=fps, limits=limits)
    return np.stack([frame.flow for frame in frames])


def frame_recipe(
    resize: int | tuple[int, int], fps: float | None, limits: ReadingLimits
) -> ClipRecipe:
    """Say how frames are read where flow is wanted and no clips of it.

    Parameters
    ----------
    resize : int or (int, int)
    fps : float or None
    limits : ReadingLimits

    Returns
    -------
    ClipRecipe
    """
    if fps is not None and not (fps > 0 and math.isfinite(fps)):
        raise ValueError(f"fps={fps!r}: give a positive number of frames a second, or None.")
    crop = (resize, resize) if np.ndim(resize) == 0 else resize
    recipe = Preprocessing(resize=resize, crop=crop)  # type: ignore[arg-type]
    return ClipRecipe(1, 1, fps, "loop", recipe, limits.max_pixels)


def _frame(item: FlowItem, flow: OpticalFlow) -> FlowFrame:
    return FlowFrame(item.number, item.time, flow.decode(item.hold()))


def _iter_flow(
    source: VideoSource, recipe: OpticalFlow, frames: ClipRecipe, limits: ReadingLimits
) -> Iterator[FlowFrame]:
    n_threads = cpu_count()
    reader = FlowReader([source], frames, recipe, limits, with_frames=False, n_threads=n_threads)
    try:
        with errors_of(source.name):
            waiting: deque[FlowItem] = deque()
            for item in reader.items(0, ReadingCost(), Losses(source.name)):
                item.begin()
                waiting.append(item)
                if len(waiting) > 2 * n_threads:
                    yield _frame(waiting.popleft(), recipe)
            while waiting:
                yield _frame(waiting.popleft(), recipe)
    finally:
        reader.close()
