"""A video to clips of frames as the network takes them: the whole of what is done to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from time import perf_counter
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError

from .arrays import holds_flow
from .damage import Losses
from .frames import Frame
from .limits import MAX_PIXELS
from .preprocessing import Preprocessing
from .resampling import resample
from .resizing import resize_bilinear, resized_shape
from .sampling import ShortVideo, iter_clips
from .sources import VideoSource

__all__ = ["ClipRecipe", "PreparedFrame", "ReadingCost", "VideoClip", "read_clips"]

_MAX_WAITING_BYTES = 64 * 2**20  # of one clip's frames as they are decoded

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ClipRecipe:
    """How videos become clips.

    Parameters
    ----------
    clip_len, clip_stride : int
        In frames.
    fps : float or None
        Frame rate to resample to; None keeps every frame.
    short_video : {"loop", "repeat_last", "error"}
        See `skvideo3d.video.sampling.iter_clips`.
    preprocessing : Preprocessing
        Of which the frames are resized and cropped here.
    max_pixels : int
        Larger frames are refused.
    whole : bool
        Whether frames stay as they are resized, and what reads them crops.
    """

    clip_len: int
    clip_stride: int
    fps: float | None
    short_video: ShortVideo
    preprocessing: Preprocessing
    max_pixels: int = MAX_PIXELS
    whole: bool = False


@dataclass
class ReadingCost:
    """Work and seconds, counted up while a video is read.

    Parameters
    ----------
    n_frames : int
        Frames decoded.
    reading, preprocessing : float
        Seconds for decoding; for resizing and cropping.
    n_pairs : int
        Pairs of frames between which optical flow was computed.
    flow : float
        Seconds for that, added up over the threads that do it.
    """

    n_frames: int = 0
    reading: float = 0.0
    preprocessing: float = 0.0
    n_pairs: int = 0
    flow: float = 0.0

    def __iadd__(self, other: ReadingCost) -> Self:
        for name in (entry.name for entry in fields(other)):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def as_dict(self) -> dict[str, Any]:
        """Give the values by name."""
        return asdict(self)

    def read(self, frames: Iterator[_Item]) -> Iterator[_Item]:
        """Pass frames on, counted, with the time that each takes to come.

        Parameters
        ----------
        frames : iterator

        Yields
        ------
        object
            Each frame.
        """
        while True:
            began = perf_counter()
            try:
                frame = next(frames)
            except StopIteration:
                return
            finally:
                self.reading += perf_counter() - began
            self.n_frames += 1
            yield frame

    def prepare(self, function: Callable[[_Item], _Result], item: _Item) -> _Result:
        """Call a function whose time is that of preprocessing.

        Parameters
        ----------
        function : callable
        item : object
            Its argument.

        Returns
        -------
        object
            What it returns.
        """
        began = perf_counter()
        result = function(item)
        self.preprocessing += perf_counter() - began
        return result


@dataclass(frozen=True)
class PreparedFrame:
    """A frame of a clip.

    Parameters
    ----------
    place : int
        Frames with the same place in a video are the same frame.
    pixels : ndarray of shape (height, width, 3), uint8, RGB
        Resized, and cropped unless the recipe leaves frames whole.
    """

    place: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class VideoClip:
    """A clip of a video; frames that follow and overlap each other are shared.

    Parameters
    ----------
    start_frame : int
        Number of its first frame in the video.
    start_time : float
        When that is shown, in seconds; NaN without a clock.
    frames : list of PreparedFrame
    flow : list of ndarray of shape (crop height, crop width, 2), float32
        How the pixels of each frame move, as the network takes it; see `skvideo3d.flow`. Empty
        where nobody asked for it.
    """

    start_frame: int
    start_time: float
    frames: list[PreparedFrame] = field(repr=False)
    flow: list[NDArray[np.float32]] = field(default_factory=list, repr=False)


def read_clips(
    source: VideoSource, recipe: ClipRecipe, cost: ReadingCost, losses: Losses
) -> Iterator[VideoClip]:
    """Read a video.

    What can be decoded of a damaged video is used, if it makes a clip.

    Parameters
    ----------
    source : VideoSource
    recipe : ClipRecipe
    cost : ReadingCost
        Counted up.
    losses : Losses
        Told what of the video is missing or damaged.

    Yields
    ------
    VideoClip

    Raises
    ------
    VideoDecodeError
        If the video cannot be read, or is damaged and has fewer frames than a clip.
    """
    if holds_flow(source):
        raise VideoDecodeError(
            f"{source.name} is optical flow, which I3DTransformer(stream='flow') describes, and "
            "nothing else; give the video."
        )
    frames = losses.watch(cost.read(source.frames(max_pixels=recipe.max_pixels)))
    try:
        if recipe.fps is not None:
            if not source.has_clock:
                raise VideoDecodeError(
                    f"{source.name!r} has no time stamps, so fps={recipe.fps:g} cannot resample "
                    "it; use fps=None, or give the video file."
                )
            frames = resample(frames, recipe.fps)
        frames = losses.demand(frames, recipe.clip_len)
        waiting = (_Waiting(n, frame, recipe, cost) for n, frame in enumerate(frames))
        clips = iter_clips(waiting, recipe.clip_len, recipe.clip_stride, recipe.short_video)
        for clip in clips:
            prepared = [PreparedFrame(frame.place, frame.prepared()) for frame in clip]
            yield VideoClip(clip[0].number, clip[0].time, prepared)
    except SkVideo3DError:
        raise
    except MemoryError as error:
        raise VideoDecodeError(
            f"{source.name!r} needs more memory than reading a video may take; re-encode it, or "
            "raise max_pixels, which the limit grows with."
        ) from error
    except (ValueError, OSError) as error:
        raise VideoDecodeError(f"{source.name!r} cannot be described: {error}") from error
    except Exception as error:  # decoders raise anything over files that nobody foresaw
        raise VideoDecodeError(
            f"{source.name!r} cannot be read: {type(error).__name__}: {error}. It is damaged, or "
            "of a kind that the decoder does not know; re-encode or replace it."
        ) from error


class _Waiting:
    """A frame that is prepared when a clip takes it: those in gaps and after the last never are.

    Large frames do not wait, so that a clip of them never fills the memory.
    """

    def __init__(self, place: int, frame: Frame, recipe: ClipRecipe, cost: ReadingCost) -> None:
        self.place = place
        self.number = frame.number
        self.time = frame.time
        self._pixels = frame.pixels
        self._prepare = recipe.preprocessing.prepare_frame
        if recipe.whole:
            self._prepare = partial(_resized, recipe=recipe)
        self._cost = cost
        self._is_prepared = False
        if frame.pixels.nbytes * recipe.clip_len > _MAX_WAITING_BYTES:
            self.prepared()

    def prepared(self) -> NDArray[np.uint8]:
        if not self._is_prepared:
            self._pixels = self._cost.prepare(self._prepare, self._pixels)
            self._is_prepared = True
        return self._pixels


def _resized(pixels: NDArray[np.uint8], recipe: ClipRecipe) -> NDArray[np.uint8]:
    rows, columns, _ = pixels.shape
    height, width = resized_shape(rows, columns, recipe.preprocessing.resize)
    if height * width > recipe.max_pixels:
        raise ValueError(
            f"its frames of {columns}x{rows} pixels, so long and narrow, would "
            f"be resized to {width}x{height}, more than max_pixels={recipe.max_pixels}."
        )
    return resize_bilinear(pixels, (height, width))
