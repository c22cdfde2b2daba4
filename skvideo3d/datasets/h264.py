"""Frames to H.264 files that come out the same, byte for byte, whenever they are written."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError

__all__ = ["PART", "probe_video", "write_video"]

PART = ".part"
"""How the name of a file ends that is still being written."""

_QUANTISER = 20


def write_video(
    path: str | os.PathLike[str], frames: Iterable[NDArray[np.uint8]], *, fps: float, gop: int = 1
) -> None:
    """Write an mp4 file that is whole as soon as it has its name.

    Coded by libx264 in one thread with a constant quantiser, without date or version, as 4:2:0.

    Parameters
    ----------
    path : str or path-like
        Where to; replaced if it exists.
    frames : iterable of ndarray of shape (height, width, 3), uint8
        RGB, of an even height and width (4:2:0 halves both), at least one.
    fps : float
        Frames per second.
    gop : int, default=1
        Frames from one key frame to the next. With 1 every frame is coded by itself, so that a
        decoded frame depends on no other.

    Raises
    ------
    ValueError
        If there is no frame, or the height or width is odd.
    SkVideo3DError
        If this build of PyAV cannot write H.264.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_video(folder + "/black.mp4", [np.zeros((48, 64, 3), np.uint8)] * 5, fps=25)
    ...     probe_video(folder + "/black.mp4")
    (5, 48, 64)
    """
    target = Path(path)
    # Two processes or threads that write the same file do not meet before the rename.
    part = f"{target}.{os.getpid()}-{threading.get_ident()}{PART}"
    try:
        _encode(part, frames, fps, gop)
        os.replace(part, target)
    finally:
        Path(part).unlink(missing_ok=True)


def probe_video(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """Frames, height and width that a file's header promises; nothing is decoded.

    Parameters
    ----------
    path : str or path-like
        A video file.

    Returns
    -------
    (int, int, int)
        Number of frames, height and width in pixels.

    Raises
    ------
    VideoDecodeError
        If it does not open as a video, as when it was cut short.

    Examples
    --------
    See `write_video`.
    """
    import av

    try:
        with av.open(os.fspath(path)) as container:
            stream = container.streams.video[0]
            return stream.frames, stream.height, stream.width
    except (av.FFmpegError, IndexError) as error:
        raise VideoDecodeError(
            f"'{os.fspath(path)}' does not open as a video ({error}). Delete it and write it again."
        ) from error


def _encode(path: str, frames: Iterable[NDArray[np.uint8]], fps: float, gop: int) -> None:
    import av

    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("There is no frame to write; a video has at least one.")
    if first.shape[0] % 2 or first.shape[1] % 2:
        raise ValueError(
            f"Frames of {first.shape[0]}x{first.shape[1]} cannot be coded as 4:2:0, which halves "
            "both sides; use an even height and width."
        )
    # No B-frames and no scene cuts: key frames are exactly where `gop` says.
    x264 = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:threads=1:sliced-threads=0"
    options = {"preset": "veryfast", "qp": str(_QUANTISER), "x264-params": x264}
    # bitexact keeps the muxer's version out of the file.
    with av.open(path, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        try:
            rate = Fraction(fps).limit_denominator(1001)
            stream = container.add_stream("libx264", rate=rate, options=options)
        except av.codec.codec.UnknownCodecError as error:
            raise SkVideo3DError(
                "This build of PyAV has no libx264, so no H.264 file can be written. "
                "Install PyAV's own wheel: pip install av."
            ) from error
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.height, stream.width = first.shape[:2]
        for frame in itertools.chain([first], frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
