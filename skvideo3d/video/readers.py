"""Video files to frames, streaming."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from skvideo3d.exceptions import VideoDecodeError

from .damage import EndsEarlyError
from .files import check_file
from .frames import Frame
from .limits import MAX_PIXELS
from .pyav_reading import Converter, Decoding, best_video_stream, open_container
from .seeking import Clock, missing_packets, read_clock, seek

__all__ = ["read_file"]

# Decoding as many frames costs no more than looking for the place to begin.
_NEAR = 50
# Headers count a frame or two that are never shown, and more in long files.
_UNSHOWN, _UNSHOWN_SHARE = 2, 0.01
# Headers' durations are rounded, and some count from before the first frame.
_UNSHOWN_SECONDS, _UNSHOWN_TIME = 1.0, 0.05
# FFmpeg's own limit (dts_delta_threshold): time stamps that jump further, in containers of joined
# recordings, or back, have started anew.
_MAX_JUMP = 10.0
_MAX_STEP_BACK = 0.5
_JOINED_CONTAINERS = ("mpegts", "mpeg")
_FALLBACK_RATE = 25.0  # FFmpeg's own assumption for streams that state no rate


def read_file(
    path: str, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
) -> Iterator[Frame]:
    """Decode a video file, one frame at a time.

    Parameters
    ----------
    path : str
    first : int, default=0
        Number of the first frame wanted.
    since : float, default=0.0
        Leave out frames that are no longer shown at this time, in seconds.
    max_pixels : int, optional
        Larger frames are refused.

    Yields
    ------
    Frame
        Upright (a rotation flag is applied), RGB, in the stored pixel size (a pixel aspect ratio is
        not applied), from the best video stream of the file. Packets that cannot be decoded are
        passed over, and the frames after them carry their damage.

    Raises
    ------
    VideoNotFoundError
        If there is no such file.
    EndsEarlyError
        After the frames, if there should be more of them.
    VideoDecodeError
        If the file is no video; the message names it and the reason.
    """
    check_file(path)
    if first > _NEAR or since:
        clock = read_clock(path, max_pixels)
        if clock is not None:
            if since:
                first = max(first, int(np.searchsorted(clock.ends, since, side="right")))
            if first >= len(clock.ticks):
                if clock.ending:
                    raise EndsEarlyError(
                        f"{path!r} breaks off after {len(clock.ticks)} frames ({clock.ending})."
                    )
                return
            with open_container(path, max_pixels) as container:
                stream = best_video_stream(container, path, max_pixels)
                if seek(container, stream, clock, first):
                    decoding = Decoding(container, stream, path, max_pixels)
                    found = yield from _from_key(decoding, clock, first)
                    if found:
                        _check_ending(decoding, path, found, len(clock.ticks))
                        return
    with open_container(path, max_pixels) as container:
        stream = best_video_stream(container, path, max_pixels)
        decoding = Decoding(container, stream, path, max_pixels)
        converter = Converter()
        pictures = enumerate(_timed(decoding, container, stream))
        n_missing = 0
        if container.format.name == "avi" and stream.frames:
            missing = missing_packets(path, max_pixels)
            n_missing = missing if missing > _slack(stream.frames) else 0
        end = 0.0
        for number, (picture, time, end, damage) in pictures:
            if number >= first and (end > since or not since):
                pixels = converter.pixels(picture)
                yield Frame(number, time, end, pixels, damage, decoding.n_lost + n_missing)
        _check_ending(
            decoding,
            path,
            decoding.n_pictures,
            stream.frames,
            # Where each packet is a frame, each frame that is counted is there to be shown.
            is_exact=stream.codec_context.codec.intra_only and container.format.name == "avi",
        )
        _check_duration(path, end, container)


def _check_ending(
    decoding: Decoding, path: str, n_frames: int, n_announced: int, *, is_exact: bool = False
) -> None:
    reason = f" ({decoding.ending})" if decoding.ending else ""
    if decoding.n_pictures == 0:
        raise VideoDecodeError(
            f"{path!r} has a video stream without a single decodable frame{reason}."
        )
    missing = n_announced - n_frames
    if missing > (0 if is_exact else _slack(n_announced)):
        raise EndsEarlyError(
            f"{path!r} ends after {n_frames} of the {n_announced} frames that it announces{reason}."
        )
    if reason:
        raise EndsEarlyError(f"{path!r} breaks off after {n_frames} frames{reason}.")


def _slack(n_announced: int) -> float:
    """Give the number of announced frames whose absence is usual."""
    return max(_UNSHOWN, _UNSHOWN_SHARE * n_announced)


def _check_duration(path: str, end: float, container: Any) -> None:
    """Compare where the last frame ends with what the header says of a film without sound."""
    # AVI's clock is made from the number of frames; sound or subtitles may well go on.
    if container.format.name == "avi" or len(container.streams) > 1 or not container.duration:
        return
    # FFmpeg's microseconds; some formats count from 0 and some from the first frame.
    announced = (container.duration - max(container.start_time or 0, 0)) / 1e6
    if end < (1 - _UNSHOWN_TIME) * announced - _UNSHOWN_SECONDS:
        raise EndsEarlyError(
            f"{path!r} ends after {end:.2f} of the {announced:.2f} seconds that it announces."
        )


def _timed(
    decoding: Decoding, container: Any, stream: Any
) -> Iterator[tuple[Any, float, float, str]]:
    """Give decoded pictures with their time span since the first; time never goes back."""
    rate = float(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE)
    # AVI has no time stamps but a constant rate; what the demuxer guesses for B-frames is wrong.
    has_stamps = container.format.name != "avi"
    max_jump = _MAX_JUMP if container.format.name in _JOINED_CONTAINERS else math.inf
    origin: float | None = None
    held: tuple[Any, float, float, str] | None = None
    for number, (picture, damage) in enumerate(decoding.pictures()):
        if has_stamps and picture.pts is not None:
            stamp, length = picture.time, float((picture.duration or 0) * picture.time_base)
        else:
            stamp, length = number / rate, 1 / rate
        origin = stamp if origin is None else origin
        time = stamp - origin
        if held is not None:
            before, since, nominal_end, before_damage = held
            if time - since > max_jump or since - time > _MAX_STEP_BACK:
                time = nominal_end if nominal_end > since else since + 1 / rate
                origin = stamp - time
            time = max(time, since)
            end = time if time > since else max(nominal_end, since)
            yield before, since, end, before_damage
            length = length or time - since
        held = picture, time, time + length, damage
    if held is not None:
        yield held


def _from_key(decoding: Decoding, clock: Clock, first: int) -> Generator[Frame, None, int]:
    """Give the frames after a seek; return one past the last number, 0 if it was no good."""
    import av

    converter = Converter()
    expected = first
    for n_pictures, (picture, damage) in enumerate(decoding.pictures()):
        # A stream that is renewed bit by bit has keys that are no whole pictures.
        if n_pictures == 0 and picture.pict_type != av.video.frame.PictureType.I:
            return 0
        if picture.pts is None or picture.pts < clock.ticks[first]:
            continue
        number = clock.number(picture.pts)
        if expected == first and number > first and n_pictures == 0:
            return 0  # it began too late
        missing = f"{number - expected} frames before it are missing" if number > expected else ""
        yield Frame(
            number,
            float(clock.times[number]),
            float(clock.ends[number]),
            converter.pixels(picture),
            damage or missing,
        )
        expected = number + 1
    return expected if expected > first else 0
