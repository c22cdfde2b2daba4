"""Video files to frames, streaming: PyAV, and decord where it is exact and can skip a beginning.

PyAV costs the fewest CPU seconds a frame, but decodes all that comes before the first frame that is
wanted; decord seeks. Its FFmpeg is of 2021. It reads a file here only where it was seen to give the
same frames as PyAV: H.264 and HEVC (not MPEG-4 part 2, whose last frame it repeats in packed DivX
streams and whose XviD pixels it rounds otherwise; not VP8 and VP9, where it hides damage),
progressive, with complete time stamps, and of a length that its memory stands. Where it fails in
the middle, PyAV goes on from the same frame.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import VideoDecodeError, VideoNotFoundError

from .frames import Frame

__all__ = ["read_file"]

_DECORD_CODECS = frozenset({"h264", "hevc"})
_DECORD_CONTAINERS = ("mp4", "matroska")  # FFmpeg's names hold these
_PROGRESSIVE = (0, 1)  # FFmpeg's AV_FIELD_UNKNOWN and AV_FIELD_PROGRESSIVE
# decord's memory grows with the length of the video (by 60 MB from 10000 frames to 40000), PyAV's
# does not.
_DECORD_MAX_FRAMES = 5000
# Headers count a frame or two that are never shown; a file with less than this share is cut off.
_WHOLE = 0.9
# FFmpeg's own limit (dts_delta_threshold): time stamps that jump further, in containers of joined
# recordings, or back, have started anew.
_MAX_JUMP = 10.0
_MAX_STEP_BACK = 0.5
_JOINED_CONTAINERS = ("mpegts", "mpeg")
_FALLBACK_RATE = 25.0  # FFmpeg's own assumption for streams that state no rate


_Clock = tuple[NDArray[np.float64], NDArray[np.float64]]


def read_file(path: str, first: int = 0, since: float = 0.0) -> Iterator[Frame]:
    """Decode a video file, one frame at a time.

    Parameters
    ----------
    path : str
    first : int, default=0
        Number of the first frame wanted.
    since : float, default=0.0
        Leave out frames that are no longer shown at this time, in seconds.

    Yields
    ------
    Frame
        Upright (a rotation flag is applied), RGB, in the stored pixel size (a pixel aspect ratio is
        not applied), from the best video stream of the file.

    Raises
    ------
    VideoNotFoundError
        If there is no such file.
    VideoDecodeError
        If the file is no video, breaks off in the middle, or (where its header counts them) has
        fewer frames than it announces; the message names it and the reason.
    """
    _check_file(path)
    n_read = 0
    decord = _decord() if first or since else None
    clock = _clock_for_decord(path) if decord is not None else None
    if decord is not None and clock is not None:
        try:
            first = max(first, int(np.searchsorted(clock[1], since, side="right")) if since else 0)
            for frame in _read_with_decord(decord, path, clock, first):
                yield frame
                n_read += 1
        except (decord.DECORDError, _UnexpectedFramesError):
            pass  # PyAV goes on from here, or says what is wrong.
        else:
            return
    yield from _read_with_pyav(path, first + n_read, since)


def _check_file(path: str) -> None:
    if not os.path.exists(path):
        raise VideoNotFoundError(
            f"{path!r} does not exist (looked in {os.getcwd()!r}); check the path."
        )
    if not os.path.isfile(path):
        raise VideoDecodeError(f"{path!r} is neither a file nor a folder of frames.")
    if os.path.getsize(path) == 0:
        raise VideoDecodeError(f"{path!r} is empty (0 bytes); fetch or copy it again.")
    if not os.access(path, os.R_OK):
        raise VideoDecodeError(f"{path!r} cannot be read: permission denied.")


class _UnexpectedFramesError(Exception):
    """decord gave something that is not a frame of the video."""


def _decord() -> Any | None:
    try:
        import decord
    except ImportError:
        return None
    decord.logging.set_level(decord.logging.FATAL)
    return decord


def _read_with_decord(decord: Any, path: str, clock: _Clock, first: int) -> Iterator[Frame]:
    times, ends = clock
    # One thread, and never outside the thread that opened it: decord's own threads can deadlock.
    reader = decord.VideoReader(path, num_threads=1)
    if len(reader) != len(times):
        raise _UnexpectedFramesError
    if first >= len(reader):
        return
    if first:
        reader.seek_accurate(first)
    for number in range(first, len(reader)):
        pixels = reader.next().asnumpy()
        if pixels.ndim != 3 or pixels.shape[2] != 3:
            raise _UnexpectedFramesError
        yield Frame(number, float(times[number]), float(ends[number]), pixels)


def _open(path: str) -> Any:
    import av

    try:
        # Titles in legacy encodings are no reason to refuse the pictures.
        return av.open(path, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoDecodeError(
            f"{path!r} cannot be opened as a video: {_reason(error)}. It is no video, or it is "
            "damaged at its start."
        ) from error


def _best_video_stream(container: Any, path: str) -> Any:
    stream = container.streams.best("video")
    if stream is None:
        kinds = sorted({stream.type for stream in container.streams})
        raise VideoDecodeError(
            f"{path!r} has no video stream (it has: {', '.join(kinds) or 'nothing'})."
        )
    if stream.codec_context is None:
        raise VideoDecodeError(f"{path!r} has a video stream that no decoder here reads.")
    return stream


def _clock_for_decord(path: str) -> _Clock | None:
    """Tell from the packets when each frame is shown; None where decord is not to be used."""
    with _open(path) as container:
        stream = _best_video_stream(container, path)
        context = stream.codec_context
        if (
            context.name not in _DECORD_CODECS
            or not any(name in container.format.name for name in _DECORD_CONTAINERS)
            # PyAV before 18.1 does not tell: then PyAV reads, too.
            or getattr(context, "field_order", None) not in _PROGRESSIVE
        ):
            return None
        stamps = _stamps(container, stream)
        unit = float(stream.time_base)
    if stamps is None:
        return None
    ticks = np.array([pts for pts, _ in stamps], dtype=np.float64)
    last = stamps[-1][1] or (ticks[-1] - ticks[-2] if len(ticks) > 1 else 0)
    ends = np.append(ticks[1:], ticks[-1] + last)
    return (ticks - ticks[0]) * unit, (ends - ticks[0]) * unit


def _stamps(container: Any, stream: Any) -> list[tuple[int, int]] | None:
    """Sort the time stamps and durations of all packets; None if anything is odd about them."""
    import av

    stamps: list[tuple[int, int]] = []
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue  # the flush at the end
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return None
            if len(stamps) == _DECORD_MAX_FRAMES:
                return None
            stamps.append((packet.pts, packet.duration or 0))
    except av.FFmpegError:
        return None
    stamps.sort()
    distinct = len({pts for pts, _ in stamps})
    # Fewer packets than the header announces: cut off, and PyAV says where.
    return stamps if 0 < len(stamps) == distinct and len(stamps) >= stream.frames else None


def _read_with_pyav(path: str, first: int, since: float) -> Iterator[Frame]:
    import av
    from av.video.reformatter import VideoReformatter

    n_decoded = 0
    # One for the whole video: a frame that is asked for its pixels sets up its own each time.
    converter = VideoReformatter()
    with _open(path) as container:
        stream = _best_video_stream(container, path)
        stream.codec_context.thread_count = 1  # the other cores are the network's
        try:
            for number, (picture, time, end) in enumerate(_timed(container, stream)):
                n_decoded = number + 1
                if number >= first and (end > since or not since):
                    yield Frame(number, time, end, _upright_pixels(picture, converter))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise VideoDecodeError(
                f"{path!r} breaks off after {n_decoded} frames: {_reason(error)}. Re-encode or "
                "replace it, or take the part before with VideoSegment."
            ) from error
        n_announced = stream.frames
    if n_decoded == 0:
        raise VideoDecodeError(f"{path!r} has a video stream without a single decodable frame.")
    if n_decoded < _WHOLE * n_announced:
        raise VideoDecodeError(
            f"{path!r} ends after {n_decoded} of the {n_announced} frames that it announces; fetch "
            f"or copy it again, or take what is there with VideoSegment(path, 0, {n_decoded})."
        )


def _timed(container: Any, stream: Any) -> Iterator[tuple[Any, float, float]]:
    """Give decoded pictures with their time span since the first; time never goes back."""
    rate = float(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE)
    # AVI has no time stamps but a constant rate; what the demuxer guesses for B-frames is wrong.
    has_stamps = container.format.name != "avi"
    max_jump = _MAX_JUMP if container.format.name in _JOINED_CONTAINERS else math.inf
    origin: float | None = None
    held: tuple[Any, float, float] | None = None
    for number, picture in enumerate(container.decode(stream)):
        if has_stamps and picture.pts is not None:
            stamp, length = picture.time, float((picture.duration or 0) * picture.time_base)
        else:
            stamp, length = number / rate, 1 / rate
        origin = stamp if origin is None else origin
        time = stamp - origin
        if held is not None:
            before, since, nominal_end = held
            if time - since > max_jump or since - time > _MAX_STEP_BACK:
                time = nominal_end if nominal_end > since else since + 1 / rate
                origin = stamp - time
            time = max(time, since)
            yield before, since, time if time > since else max(nominal_end, since)
            length = length or time - since
        held = picture, time, time + length
    if held is not None:
        yield held


def _upright_pixels(picture: Any, converter: Any) -> NDArray[np.uint8]:
    # By default, each conversion starts threads; at these sizes that costs more than converting.
    rgb = converter.reformat(picture, format="rgb24", threads=1)
    pixels: NDArray[np.uint8] = rgb.to_ndarray()
    # The rotation flag counts degrees counter-clockwise, as np.rot90 does.
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")
