"""One decoding of a file for many segments of it: windows that follow and overlap each other.

A decoder reaches a frame by way of those before it, PyAV from the very first, so that opening a
file anew for each of its windows takes time that grows with the square of its length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from skvideo3d.exceptions import SkVideo3DError

from .frames import Frame
from .limits import MAX_PIXELS
from .sources import FileSource, SegmentSource, VideoSource

__all__ = ["share_readings"]

# Frames that wait for the next segment: 64 of 1920 x 1080, 1000 of 320 x 240.
_MAX_KEPT_BYTES = 400 * 2**20
# A file opened anew at frame n costs as much as going on for this many frames where its decoder can
# seek (measured: H.264, a key frame every 250), and for n frames where it cannot. A gap of up to
# this and a tenth of n is decoded: little is lost in the one case, and the time stays linear in the
# other.
_NEAR = 50


@contextmanager
def share_readings(sources: Sequence[VideoSource]) -> Iterator[list[VideoSource]]:
    """Let segments of the same file go on with one decoder.

    Shared are segments in frames of a file. Others cost no more alone, or are left as they are:
    folders and arrays, whose frames can be had in any order, whole files, segments in seconds.

    Parameters
    ----------
    sources : sequence of VideoSource
        In the order in which they will be read; some may be left out then.

    Yields
    ------
    list of VideoSource
        As many, with the same names, identities and frames. They are to be read in one thread, one
        after the other; any other order gives the same frames, more slowly. One file is open at a
        time, and none is after the ``with`` block.

    Examples
    --------
    >>> from skvideo3d import VideoSegment
    >>> from skvideo3d.video.sources import as_source
    >>> windows = [VideoSegment("match.mp4", s, s + 16) for s in range(0, 800, 8)]
    >>> with share_readings([as_source(window) for window in windows]) as shared:
    ...     len(shared), shared[1].name == as_source(windows[1]).name
    (100, True)
    """
    desk = _Desk()
    shared = list(sources)
    following: dict[FileSource, int] = {}  # where the next segment of the file begins
    for place in reversed(range(len(shared))):
        source = shared[place]
        if not isinstance(source, SegmentSource) or source.segment.unit != "frames":
            continue
        file = source.source
        if not isinstance(file, FileSource):
            continue
        start, stop, next_start = (
            int(source.segment.start),
            source.segment.stop,
            following.get(file),
        )
        part = _Part(
            file,
            desk,
            stop=None if stop is None else int(stop),
            keep_from=next_start if next_start is not None and next_start >= start else None,
            is_last=next_start is None,
        )
        shared[place] = replace(source, source=part)
        following[file] = start
    try:
        yield shared
    finally:
        desk.close()


@dataclass(frozen=True, eq=False)
class _Part:
    """A file as one segment of it sees it: opened only if it is not open at the right place."""

    file: FileSource
    desk: _Desk
    stop: int | None
    keep_from: int | None  # the next segment of the file begins there; None: nothing to keep
    is_last: bool  # of the segments of the file

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def has_clock(self) -> bool:
        return self.file.has_clock

    def identity(self) -> tuple[Any, ...]:
        return self.file.identity()

    def frames(
        self, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Frame]:
        if since:
            yield from self.file.frames(first, since, max_pixels)
            return
        self.desk.max_pixels = max_pixels
        self.desk.begin(self, first)
        number = first
        while (frame := self.desk.frame(self, number)) is not None:
            number = frame.number + 1
            if self.stop is not None and number >= self.stop and self.is_last:
                self.desk.close()
            yield frame


@dataclass
class _Reading:
    """An open file. Kept are the last frames, without those that damage took."""

    file: FileSource
    identity: tuple[Any, ...] | None
    frames: Iterator[Frame]
    n_ahead: int  # number of the frame that the decoder gives next
    kept: deque[Frame] = field(default_factory=deque)
    has_ended: bool = False
    is_inherited: bool = False  # opened for an earlier segment

    def has(self, number: int) -> bool:
        """Tell whether to go on from here rather than to open the file anew."""
        earliest = self.kept[0].number if self.kept else self.n_ahead
        is_near = number - self.n_ahead <= _NEAR + number // 10
        return earliest <= number and (is_near or self.has_ended)

    def frame(self, number: int, keep_from: int | None) -> Frame | None:
        """Give a frame, or the next where it is lost, and keep those from `keep_from` on.

        None after the end.
        """
        if number < self.n_ahead:
            return self.kept[bisect_left(self.kept, number, key=attrgetter("number"))]
        for frame in self.frames:
            self.n_ahead = frame.number + 1
            self._keep(frame, keep_from)
            if frame.number >= number:
                return frame
        self.has_ended = True
        return None

    def _keep(self, frame: Frame, keep_from: int | None) -> None:
        if keep_from is None or frame.number < keep_from:
            self.kept.clear()
            return
        while self.kept and self.kept[0].number < keep_from:
            self.kept.popleft()
        if (len(self.kept) + 1) * frame.pixels.nbytes > _MAX_KEPT_BYTES:
            self.kept.clear()
        self.kept.append(frame)


class _Desk:
    """Holds the one file that is open, and knows whose turn it is."""

    def __init__(self) -> None:
        self.max_pixels = MAX_PIXELS
        self.reading: _Reading | None = None
        self.part: _Part | None = None

    def begin(self, part: _Part, first: int) -> None:
        reading = self.reading
        if (
            reading is not None
            and reading.file == part.file
            and reading.identity == _identity(part.file)
            and reading.has(first)
        ):
            reading.is_inherited = True
        else:
            self.open(part, first)
        self.part = part

    def frame(self, part: _Part, number: int) -> Frame | None:
        reading = self.reading
        if reading is None or part is not self.part or not reading.has(number):
            # Another segment was begun before this one was done.
            reading = self.open(part, number)
            self.part = part
        try:
            return reading.frame(number, part.keep_from)
        except SkVideo3DError:
            self.close()
            if not reading.is_inherited:
                raise
        # A decoder that begins here may do better than one that came from far.
        return self.frame(part, number)

    def open(self, part: _Part, first: int) -> _Reading:
        self.close()
        frames = part.file.frames(first, max_pixels=self.max_pixels)
        self.reading = _Reading(part.file, _identity(part.file), frames, first)
        return self.reading

    def close(self) -> None:
        if self.reading is not None and isinstance(self.reading.frames, Generator):
            self.reading.frames.close()
        self.reading = None


def _identity(file: FileSource) -> tuple[Any, ...] | None:
    """Tell files that were replaced meanwhile; a missing one is the reader's to report."""
    try:
        return file.identity()
    except SkVideo3DError:
        return None
