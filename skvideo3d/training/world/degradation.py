"""What cameras and files do to pictures: light, blur, noise, compression."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["degrade"]

Frames = NDArray[np.uint8]


def degrade(frames: Frames, rng: np.random.Generator, share: float = 1.0) -> Frames:
    """Film frames with a random camera and keep them in a random file.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, height, width, 3), uint8
    rng : Generator
    share : float, default=1.0
        Of what can go wrong, how much may.

    Returns
    -------
    ndarray of the same shape, uint8

    Examples
    --------
    >>> frames = np.full((2, 8, 8, 3), 128, np.uint8)
    >>> degrade(frames, np.random.default_rng(0)).shape
    (2, 8, 8, 3)
    """
    if rng.random() < 0.15 * share:
        frames = _exposed_longer(frames)
    if rng.random() < 0.35 * share:
        frames = _blurred(frames, rng.uniform(1.2, 2.6))
    if rng.random() < 0.3 * share:
        frames = _lit_from_a_side(frames, rng)
    frames = _developed(frames, rng, share)
    if rng.random() < 0.4 * share:
        frames = _noisy(frames, rng)
    kind = rng.random()
    if kind < 0.2 * share:
        frames = _compressed(frames, int(rng.integers(10, 60)))
    elif kind < 0.4 * share:
        frames = _filmed(frames, int(rng.integers(4, 24)))
    if rng.random() < 0.06 * share:
        bar = int(frames.shape[1] * rng.uniform(0.05, 0.16))
        frames = frames.copy()
        frames[:, :bar] = frames[:, -bar:] = 0
    return frames


def _exposed_longer(frames: Frames) -> Frames:
    """Blur by motion: a frame and the next one, half and half."""
    following = np.concatenate([frames[1:], frames[-1:]])
    return np.asarray((frames.astype(np.uint16) + following) // 2, np.uint8)


def _blurred(frames: Frames, times: float) -> Frames:
    """Lose resolution."""
    _, height, width, _ = frames.shape
    small = (max(1, round(width / times)), max(1, round(height / times)))
    return np.stack(
        [
            np.asarray(
                Image.fromarray(frame)
                .resize(small, Image.Resampling.BOX)
                .resize((width, height), Image.Resampling.BILINEAR)
            )
            for frame in frames
        ]
    )


def _lit_from_a_side(frames: Frames, rng: np.random.Generator) -> Frames:
    _, height, width, _ = frames.shape
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
    rows = np.linspace(-0.5, 0.5, height)[:, None] * np.sin(angle)
    columns = np.linspace(-0.5, 0.5, width)[None] * np.cos(angle)
    light = np.clip((1 + fall * (rows + columns)) * 200, 0, 255).astype(np.uint16)
    return np.asarray((frames * light[None, ..., None]) >> 8, np.uint8)


def _developed(frames: Frames, rng: np.random.Generator, share: float) -> Frames:
    """Change exposure, contrast, gamma and tint; some films are grey, some lamps flicker."""
    if rng.random() < 0.2:  # films of any quality
        grey = (frames @ np.array([77, 150, 29], np.uint16).astype(np.float32)) / 256
        frames = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
    levels = np.linspace(0, 1, 256)
    gamma, contrast, gain = np.exp(rng.normal(0, 0.3 * share, 3))
    if rng.random() < 0.08 * share:
        gain *= rng.uniform(0.3, 0.6)  # in the dark
    tint = np.exp(rng.normal(0, 0.08, 3)) if rng.random() < 0.5 else np.ones(3)
    middle = rng.uniform(0.3, 0.6)
    curve = np.clip(gain * (middle + contrast * (levels**gamma - middle)), 0, 1)
    tables = np.clip(255 * curve[None] * tint[:, None], 0, 255).astype(np.uint8)
    developed = np.empty_like(frames)
    for channel in range(3):
        developed[..., channel] = tables[channel][frames[..., channel]]
    if rng.random() < 0.1 * share:
        flicker = np.clip(256 * (1 + rng.normal(0, 0.08, len(frames))), 0, 256).astype(np.uint16)
        developed = ((developed * flicker[:, None, None, None]) >> 8).astype(np.uint8)
    return developed


def _noisy(frames: Frames, rng: np.random.Generator) -> Frames:
    n_frames, height, width, _ = frames.shape
    deviation = rng.uniform(1, 14)
    # Noise for one frame and a half, of which every frame gets another part.
    rows = height + height // 2
    grain = rng.normal(0, deviation, (rows, width, 3)).astype(np.int16)
    starts = rng.integers(0, rows - height + 1, n_frames)
    noise = np.stack([np.roll(grain[start : start + height], start, 1) for start in starts])
    return np.asarray(np.clip(frames + noise, 0, 255), np.uint8)


def _compressed(frames: Frames, quality: int) -> Frames:
    found = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return np.stack(found)


def _filmed(frames: Frames, coarseness: int) -> Frames:
    """Keep frames as an MPEG-4 file of a quantiser from 1 to 31, which moves blocks along."""
    file = io.BytesIO()
    _, height, width, _ = frames.shape
    even = (width + width % 2, height + height % 2)
    with av.open(file, "w", format="avi") as film:
        stream = film.add_stream("mpeg4", rate=25)
        stream.width, stream.height = even
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # the same bits everywhere
        context.qmin = context.qmax = coarseness
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        film.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as kept:
        found = [
            frame.to_ndarray(format="rgb24", width=width, height=height)
            for frame in kept.decode(video=0)
        ]
    return np.stack(found)
