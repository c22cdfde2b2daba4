"""Who a video is and how its frames are had: files, folders, arrays, and parts of them."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import VideoDecodeError

from .arrays import source_of_array
from .damage import EndsEarlyError
from .files import file_state
from .frames import Frame
from .limits import MAX_PIXELS, check_size
from .naming import IMAGE_SUFFIXES, natural_key
from .readers import read_file

__all__ = [
    "FileSource",
    "FolderSource",
    "SegmentSource",
    "VideoSegment",
    "VideoSource",
    "as_source",
]

# Pillow's modes of 8 bits a channel; others (16-bit, float) would be clipped silently.
_IMAGE_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})


class VideoSource(Protocol):
    """What the engine knows of a video."""

    @property
    def name(self) -> str:
        """How messages call it."""

    @property
    def has_clock(self) -> bool:
        """Whether its frames have time stamps."""

    def identity(self) -> tuple[Any, ...]:
        """Values that are equal as long as the video is the same."""

    def frames(
        self, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Frame]:
        """Decode, in order, the frames from number `first` on that are shown after `since`."""


@dataclass(frozen=True, eq=False)  # the video may be an array, which has no one equality
class VideoSegment:
    """A part of a video, as one video of its own.

    Parameters
    ----------
    video : path-like or array
        A file, a folder of frames, or a uint8 array or tensor of shape (T, H, W, 3).
    start : int or float
        First frame, or the second from which on frames are shown; at least 0.
    stop : int, float or None
        One past the last frame, or the second at which the segment ends; None for the end of
        the video.
    unit : {"frames", "seconds"}, default="frames"
        What `start` and `stop` count. Seconds count from the first frame; a frame belongs to the
        segment if any of the time that it is shown lies inside.

    Raises
    ------
    ValueError
        If the unit is unknown, or the part is empty or begins before the video.

    Examples
    --------
    >>> from skvideo3d import VideoSegment
    >>> VideoSegment("match.mp4", 12.5, 14.0, unit="seconds")
    VideoSegment(video='match.mp4', start=12.5, stop=14.0, unit='seconds')
    """

    video: Any
    start: float = 0
    stop: float | None = None
    unit: Literal["frames", "seconds"] = "frames"

    def __post_init__(self) -> None:
        if isinstance(self.video, VideoSegment):
            raise ValueError("VideoSegment: the video is a segment itself; cut the original.")
        if self.unit not in ("frames", "seconds"):
            raise ValueError(f"VideoSegment: unit={self.unit!r}; use 'frames' or 'seconds'.")
        bounds = [self.start] if self.stop is None else [self.start, self.stop]
        if not all(isinstance(bound, Real) and math.isfinite(bound) for bound in bounds):
            raise ValueError(
                f"VideoSegment: start={self.start!r}, stop={self.stop!r} must be finite numbers "
                "(stop=None for the end)."
            )
        if self.unit == "frames" and any(bound != int(bound) for bound in bounds):
            raise ValueError(
                f"VideoSegment: start={self.start!r}, stop={self.stop!r} are no frame numbers; "
                "use whole numbers, or unit='seconds'."
            )
        if self.start < 0:
            raise ValueError(f"VideoSegment: start={self.start!r} must be at least 0.")
        if self.stop is not None and self.stop <= self.start:
            raise ValueError(
                f"VideoSegment: stop={self.stop!r} must be greater than start={self.start!r}."
            )


def as_source(video: Any) -> VideoSource:
    """Recognise a video.

    Parameters
    ----------
    video : str, path-like, ndarray, tensor or VideoSegment

    Returns
    -------
    VideoSource

    Raises
    ------
    VideoNotFoundError
        If a path leads to nothing.
    VideoDecodeError
        If a folder has no images, or an array is neither uint8 of shape (T, H, W, 3) nor optical
        flow, floating point of shape (T, H, W, 2). The same for a missing value (None, NaN) or an
        empty path.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> source = as_source(np.zeros((20, 60, 80, 3), dtype=np.uint8))
    >>> sum(1 for frame in source.frames())
    20
    """
    if video is None or type(video).__name__ == "NAType" or _is_nan(video):
        raise VideoDecodeError("it is missing (None or NaN); a path may have been left out.")
    if isinstance(video, VideoSegment):
        return SegmentSource(as_source(video.video), video)
    if isinstance(video, (str, os.PathLike)):
        if not os.fspath(video):
            raise VideoDecodeError("it is an empty path; a path may have been left out.")
        path = os.path.abspath(os.fsdecode(video))  # what some path-likes give is bytes
        if os.path.isdir(path):
            return FolderSource(path)
        return FileSource(path)
    if hasattr(video, "shape") and hasattr(video, "dtype"):
        return source_of_array(video)
    raise TypeError(
        f"a video of type {type(video).__name__} ({_short(video)}): give a path, a uint8 array or "
        "tensor of shape (T, H, W, 3), or a VideoSegment."
    )


@dataclass(frozen=True)
class FileSource:
    """A video file.

    Parameters
    ----------
    name : str
        Its absolute path.
    """

    name: str
    has_clock: bool = field(default=True, init=False)

    def identity(self) -> tuple[Any, ...]:
        return ("file", self.name, *file_state(self.name))

    def frames(
        self, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Frame]:
        return read_file(self.name, first, since, max_pixels)


@dataclass(frozen=True)
class FolderSource:
    """A folder of images, each of them a frame.

    Parameters
    ----------
    name : str
        Its absolute path.
    """

    name: str
    has_clock: bool = field(default=False, init=False)

    def identity(self) -> tuple[Any, ...]:
        digest = hashlib.sha256()
        for path in self._images():
            size, mtime_ns = 0, 0
            with suppress(VideoDecodeError):  # a frame that is lost, to be told by the reader
                size, mtime_ns = file_state(path)
            state = f"{os.path.basename(path)}/{size}/{mtime_ns}\n"
            digest.update(state.encode(errors="surrogateescape"))
        return ("folder", self.name, digest.hexdigest())

    def frames(
        self, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Frame]:
        damage = ""
        n_read = 0
        for number, path in enumerate(self._images()[first:], start=first):
            try:
                pixels = _read_image(path, max_pixels)
            except _DamagedImageError as error:
                damage = damage or str(error)
                continue
            yield Frame(number, math.nan, math.nan, pixels, damage)
            damage = ""
            n_read += 1
        if damage:
            raise (EndsEarlyError if n_read else VideoDecodeError)(damage)

    def _images(self) -> list[str]:
        try:
            names = os.listdir(self.name)
        except OSError as error:
            raise VideoDecodeError(
                f"the folder {self.name!r} cannot be listed: {error.strerror}."
            ) from error
        images = [
            name
            for name in names
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
        ]
        if not images:
            raise VideoDecodeError(
                f"the folder {self.name!r} has no .jpg or .png images ({len(names)} other "
                "entries); a folder is a video only if it holds its frames as images."
            )
        return [os.path.join(self.name, name) for name in sorted(images, key=natural_key)]


@dataclass(frozen=True)
class SegmentSource:
    """A part of a source.

    Parameters
    ----------
    source : VideoSource
        The whole.
    segment : VideoSegment
        Which part of it.
    """

    source: VideoSource
    segment: VideoSegment

    @property
    def name(self) -> str:
        stop = "end" if self.segment.stop is None else self.segment.stop
        return f"{self.source.name} [{self.segment.start}, {stop}) {self.segment.unit}"

    @property
    def has_clock(self) -> bool:
        return self.source.has_clock

    def identity(self) -> tuple[Any, ...]:
        segment = self.segment
        stop = None if segment.stop is None else float(segment.stop)
        return ("segment", *self.source.identity(), float(segment.start), stop, segment.unit)

    def frames(
        self, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Frame]:
        by_number = self.segment.unit == "frames"
        inside = self._by_number(max_pixels) if by_number else self._by_time(max_pixels)
        for number, frame in enumerate(inside):
            if number >= first:
                yield frame

    def _by_number(self, max_pixels: int) -> Iterator[Frame]:
        start = int(self.segment.start)
        stop = None if self.segment.stop is None else int(self.segment.stop)
        after = start
        for frame in self.source.frames(start, max_pixels=max_pixels):
            if stop is not None and frame.number >= stop:
                raise EndsEarlyError(
                    f"{self.source.name!r} lacks the frames from {after} to {stop - 1}"
                    f"{f' ({frame.damage})' if frame.damage else ''}."
                )
            yield _with_shift(frame) if after == start else frame
            after = frame.number + 1
            if after == stop:
                return
        if after == start or stop is not None:
            raise VideoDecodeError(
                f"the segment [{start}, {stop}) lies outside its video: {self.source.name!r} ends "
                f"before frame {after}; correct the segment, or use stop=None for the end."
            )

    def _by_time(self, max_pixels: int) -> Iterator[Frame]:
        if not self.source.has_clock:
            raise VideoDecodeError(
                f"{self.source.name!r} has no time stamps, so a segment in seconds has no meaning; "
                "use unit='frames'."
            )
        start, stop = float(self.segment.start), self.segment.stop
        last: Frame | None = None
        for frame in self.source.frames(since=start, max_pixels=max_pixels):
            if stop is not None and frame.time >= stop:
                break
            yield _with_shift(frame) if last is None else frame
            last = frame
        else:
            # Durations are rounded in file headers and annotations: a stop within two frames' time
            # after the end is taken for the end.
            if last is not None and (stop is None or stop <= last.end + 2 * (last.end - last.time)):
                return
            ending = f"before {start} s" if last is None else f"at {last.end:.3f} s"
            raise VideoDecodeError(
                f"the segment [{start}, {stop}) seconds lies outside its video: "
                f"{self.source.name!r} ends {ending}; correct the segment, or use stop=None for "
                "the end."
            )


def _with_shift(frame: Frame) -> Frame:
    """Tell with the first frame of a segment whether it may be another than was meant."""
    if not frame.n_lost or frame.damage:
        return frame
    shift = f"{frame.n_lost} frames of the file are missing, so that its number may be off"
    return frame._replace(damage=shift)


class _DamagedImageError(VideoDecodeError):
    """One frame of a folder is not to be had; the others may be."""


def _read_image(path: str, max_pixels: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    if not os.path.isfile(path):  # opening a named pipe waits for somebody to write
        raise _DamagedImageError(f"{path!r} is no file; a folder of frames has images only.")
    try:
        with Image.open(path) as image:
            check_size(path, image.width, image.height, max_pixels)
            if image.mode not in _IMAGE_MODES:
                raise _DamagedImageError(
                    f"{path!r} has pixels of mode {image.mode!r}; save the frames with 8 bits a "
                    "channel."
                )
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise _DamagedImageError(f"{path!r} cannot be read as an image: {error}.") from error


def _is_nan(video: Any) -> bool:
    return isinstance(video, float) and math.isnan(video)  # numpy's float64 is one, too


def _short(video: Any) -> str:
    text = repr(video)
    return text if len(text) <= 60 else text[:57] + "..."
