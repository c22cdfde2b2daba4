"""Where to begin in a file whose beginning is not wanted, so that the frames are the same."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .files import file_state
from .pyav_reading import best_video_stream, complaint_of, open_container

__all__ = ["Clock", "missing_packets", "read_clock", "seek"]

# Decoders and formats with which frames after a seek were seen to be those of reading from the
# beginning. AVI and transport streams have no time stamps that name a frame.
_CODECS: Final = frozenset({"av1", "h264", "hevc", "libdav1d", "mjpeg", "vp8", "vp9"})
_CONTAINERS: Final = ("mp4", "matroska")  # FFmpeg's names hold these


@dataclass(frozen=True)
class Clock:
    """When each frame of a video is shown.

    Parameters
    ----------
    ticks : ndarray of shape (n_frames,), int64
        Time stamps, increasing.
    keys : list of int
        Time stamps of the frames at which a decoder can begin, increasing.
    times, ends : ndarray of shape (n_frames,), float64
        Seconds since the first frame.
    ending : str
        Why there are no more frames, if there should be.
    """

    ticks: NDArray[np.int64]
    keys: list[int]
    times: NDArray[np.float64]
    ends: NDArray[np.float64]
    ending: str = ""

    def number(self, tick: int) -> int:
        """Give the number of the frame with a time stamp, or of the one before."""
        return int(np.searchsorted(self.ticks, tick, side="right")) - 1


def read_clock(path: str, max_pixels: int) -> Clock | None:
    """Tell from the packets, without decoding, when each frame is shown.

    Parameters
    ----------
    path : str
    max_pixels : int

    Returns
    -------
    Clock or None
        None where something is odd, and the file is to be read from its beginning.
    """
    import av

    stamps, lengths, keys = array("q"), array("q"), []
    with open_container(path, max_pixels) as container:
        stream = best_video_stream(container, path, max_pixels)
        if stream.codec_context.name not in _CODECS or not any(
            name in container.format.name for name in _CONTAINERS
        ):
            return None
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue  # the flush at the end
                if packet.pts is None or packet.is_discard or packet.is_corrupt:
                    return None
                if stamps and packet.has_sidedata("new_extradata"):
                    return None  # another size, or another codec, from here on
                stamps.append(packet.pts)
                lengths.append(packet.duration or 0)
                if packet.is_keyframe:
                    keys.append(packet.pts)
        except (av.FFmpegError, OSError, ValueError):
            return None
        unit, n_announced = float(stream.time_base), stream.frames
        ending = complaint_of(container.format.name)
    order = np.argsort(stamps, kind="stable")
    ticks = np.asarray(stamps)[order]
    if len(ticks) == 0 or (np.diff(ticks) <= 0).any() or len(ticks) < n_announced:
        return None
    last = lengths[int(order[-1])] or (ticks[-1] - ticks[-2] if len(ticks) > 1 else 0)
    ends = np.append(ticks[1:], ticks[-1] + last)
    seconds = (ticks - ticks[0]) * unit, (ends - ticks[0]) * unit
    return Clock(ticks, sorted(keys), *seconds, ending)


def missing_packets(path: str, max_pixels: int) -> int:
    """Count the frames that an AVI file announces and does not have.

    Its frames have no time stamps: behind a hole they have other numbers and times.

    Parameters
    ----------
    path : str
    max_pixels : int

    Returns
    -------
    int
    """
    missing = _missing_packets(path, max_pixels, *file_state(path))
    complaint_of()  # what was said here is not said of the reading, the first time or any other
    return missing


@lru_cache(maxsize=64)  # asked for every segment of a file
def _missing_packets(path: str, max_pixels: int, size: int, mtime_ns: int) -> int:
    import av

    n_packets = 0
    with open_container(path, max_pixels) as container:
        stream = best_video_stream(container, path, max_pixels)
        with suppress(av.FFmpegError, OSError, ValueError):  # what comes after it is missing, too
            for packet in container.demux(stream):
                n_packets += packet.size > 0
        return max(int(stream.frames) - n_packets, 0)


def seek(container: Any, stream: Any, clock: Clock, first: int) -> bool:
    """Have a container begin so that the decoder gives all frames from one on.

    Parameters
    ----------
    container : av.container.InputContainer
        Freshly opened.
    stream : av.video.VideoStream
    clock : Clock
        Of that stream.
    first : int
        Number of a frame.

    Returns
    -------
    bool
        False if it does not, and is to be opened anew.
    """
    import av

    place = bisect_right(clock.keys, clock.ticks[first]) - 1
    if place < 1:
        return False  # the only one is the beginning
    key = clock.keys[place]
    try:
        container.seek(key, stream=stream, backward=True)
        packets = container.demux(stream)
        packet = next(packets)
        # Some formats look for decoding times, and some take frames for keys that are not whole.
        is_there = packet.pts is not None and packet.is_keyframe and packet.pts <= key
        container.seek(key, stream=stream, backward=True)
    except (av.FFmpegError, OSError, ValueError, StopIteration):
        return False
    return is_there
