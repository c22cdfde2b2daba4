"""Tiny videos in many containers and codecs, each written in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_FRAMES = 40


@dataclass(frozen=True)
class Format:
    """A container with a codec, named by the suffix and the codec."""

    suffix: str
    codec: str
    pixels: str = "yuv420p"
    size: tuple[int, int] = (48, 64)
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        return "-".join(part for part in (self.suffix, self.codec, self.note) if part)


_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
_SPEED = {"preset": "ultrafast", "g": "12"}

# The containers and codecs that video collections are made of.
FORMATS = (
    Format("mp4", "libx264", options={**_SPEED, "bf": "2"}),
    Format("mp4", "libx264", options=_SPEED, container_options={"movflags": "faststart"}, note="f"),
    Format("mp4", "libx264", options=_SPEED, container_options=_FRAGMENTS, note="fragments"),
    Format("mp4", "mpeg4", options={"g": "12"}),
    Format("mp4", "libx265", options={**_SPEED, "x265-params": "log-level=none:pools=1"}),
    Format("mp4", "libsvtav1", options={"preset": "12", "g": "12", "svtav1-params": "lp=1"}),
    Format("mov", "prores_ks", "yuva444p10le"),
    Format("mov", "qtrle", "argb"),
    Format("avi", "mpeg4", options={"g": "12"}),
    Format("avi", "mjpeg", "yuvj420p"),
    Format("avi", "huffyuv", "yuv422p"),
    Format("avi", "rawvideo", "bgr24", size=(24, 32)),
    Format("mkv", "libx264", options=_SPEED),
    Format("mkv", "ffv1", "yuv420p10le", options={"level": "3", "slicecrc": "1"}),
    Format("webm", "libvpx", options={"g": "12", "cpu-used": "8", "deadline": "realtime"}),
    Format("webm", "libvpx-vp9", options={"g": "12", "cpu-used": "8", "deadline": "realtime"}),
    Format("gif", "gif", "rgb8"),
    Format("ts", "libx264", options=_SPEED),
    Format("mpg", "mpeg2video", options={"g": "12"}),
    Format("flv", "flv", options={"g": "12"}),
    Format("wmv", "wmv2", options={"g": "12"}),
    Format("3gp", "h263", size=(96, 128), options={"g": "12"}),
    Format("h264", "libx264", options=_SPEED),
)
BY_NAME = {format_.name: format_ for format_ in FORMATS}


def scene(
    n_frames: int = N_FRAMES, size: tuple[int, int] = (48, 64), seed: int = 0
) -> list[NDArray[np.uint8]]:
    """Draw coloured blocks that move, so that no frame equals another."""
    rng = np.random.default_rng(seed)
    height, width = size
    blocks = rng.integers(16, 240, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    picture = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    return [np.ascontiguousarray(np.roll(picture, (t, 2 * t), (0, 1))) for t in range(n_frames)]


def encode(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    codec: str = "libx264",
    *,
    pixels: str = "yuv420p",
    rate: Fraction | int = 25,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    container: str | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    rotation: float = 0,
    aspect: Fraction | None = None,
) -> Path:
    """Write frames, RGB or with alpha, to a file; `times` in units of `time_base`."""
    import av
    from av.video.reformatter import VideoReformatter

    os.environ.setdefault("SVT_LOG", "1")  # errors alone: the encoder of AV1 talks much
    if codec == "libx264":  # whose slower presets do not give the same bytes each time
        options = {"preset": "ultrafast", **(options or {})}
    # Matroska has random identifiers otherwise.
    settings = {"fflags": "bitexact", **(container_options or {})}
    with av.open(str(path), "w", format=container, options=settings) as output:
        stream: Any = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if rotation:
            stream.set_display_rotation(rotation)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        stream.codec_context.thread_count = 1
        if times is not None:
            stream.codec_context.time_base = time_base
        converter = VideoReformatter()
        for number, values in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(
                values, format="rgba" if values.shape[2] == 4 else "rgb24"
            )
            picture = converter.reformat(picture, format=pixels, threads=1)
            picture.pts, picture.time_base = number, 1 / Fraction(rate)
            if times is not None:
                picture.pts, picture.time_base = times[number], time_base
            output.mux(stream.encode(picture))
        output.mux(stream.encode())
    return path


def encode_as(format_: Format, path: Path, n_frames: int = N_FRAMES, seed: int = 0) -> Path:
    """Write a moving scene in a format."""
    return encode(
        path,
        scene(n_frames, format_.size, seed),
        format_.codec,
        pixels=format_.pixels,
        options=format_.options,
        container_options=format_.container_options,
    )
