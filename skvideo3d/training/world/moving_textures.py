"""Surfaces that move by themselves: water, fire, rain, leaves, and the like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .textures import coloured, noise, palette

__all__ = ["MOVING_TEXTURES", "moving_texture"]

Frames = NDArray[np.uint8]
Fields = NDArray[np.float32]
Seconds = NDArray[np.float64]


def moving_texture(kind: str, rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Draw a surface at some moments.

    Parameters
    ----------
    kind : str
        One of `MOVING_TEXTURES`.
    rng : Generator
    seconds : ndarray of shape (n_frames,)
        When.
    size : int
        Pixels of a side.

    Returns
    -------
    ndarray of shape (n_frames, size, size, 3), uint8
        RGB; periodic in space.

    Examples
    --------
    >>> moving_texture("fire", np.random.default_rng(0), np.arange(4) / 25, 32).shape
    (4, 32, 32, 3)
    """
    return MOVING_TEXTURES[kind](rng, seconds, size)


def _scrolled(field: NDArray[np.float32], down: Seconds, right: Seconds) -> Fields:
    """Move a periodic field by whole pixels, frame by frame."""
    shifts = zip(np.rint(down).astype(int), np.rint(right).astype(int), strict=True)
    return np.stack([np.roll(field, shift, (0, 1)) for shift in shifts])


def _coloured(fields: Fields, rng: np.random.Generator) -> Frames:
    return coloured(np.asarray(fields, np.float32), rng)


def _water(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Waves of several lengths, the long ones faster."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32) * np.float32(2 * np.pi / size)
    fields = np.zeros((len(seconds), size, size), np.float32)
    heading = rng.uniform(0, 2 * np.pi)
    for _ in range(5):
        length = rng.uniform(2, 12)
        angle = heading + 0.5 * rng.standard_normal()
        kx, ky = round(length * np.cos(angle)), round(length * np.sin(angle))
        turns = 2 * np.pi * rng.random() - seconds * 3.0 * np.sqrt(1 + np.hypot(kx, ky))
        still = kx * columns + ky * rows
        fields += np.sin(still[None] + turns[:, None, None].astype(np.float32)) * np.float32(
            1 / np.sqrt(1 + np.hypot(kx, ky))
        )
    fields /= fields.std() + 1e-6
    return _coloured(fields, rng)


def _fire(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    speed = rng.uniform(0.6, 1.5) * size
    slow = _scrolled(noise(rng, size, 1.4), -speed * seconds, 0 * seconds)
    fast = _scrolled(noise(rng, size, 1.1), -1.7 * speed * seconds, 0.1 * speed * seconds)
    rows = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi / size)
    heat = (slow + fast) / 1.4 - 1.5 * np.cos(rows)[None, :, None]
    heat = np.clip(heat * 0.4 + 0.4, 0, 1)
    bands = [np.clip(heat * gain - floor, 0, 1) for gain, floor in ((2.5, 0.1), (2.2, 0.6), (3, 2))]
    return np.asarray(np.stack(bands, -1) * 255, np.uint8)


def _clouds(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Smoke or clouds: soft layers that drift past each other."""
    angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6) * size
    down, right = speed * np.sin(angle) * seconds, speed * np.cos(angle) * seconds
    fields = _scrolled(noise(rng, size, 2.0), down, right)
    fields = fields + _scrolled(noise(rng, size, 1.7), 1.6 * down, 1.3 * right)
    return _coloured(fields / 1.4, rng)


def _fall(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Falling water: streaks, fast and downwards."""
    columns = noise(rng, size, 0.7)
    streaks = sum(np.roll(columns, shift, 0) for shift in range(max(4, size // 8)))
    streaks = np.asarray(streaks / (np.std(streaks) + 1e-6), np.float32)
    speed = rng.uniform(1.2, 3.0) * size
    fields = _scrolled(streaks, speed * seconds, 0 * seconds)
    fields = fields + _scrolled(noise(rng, size, 0.8), 0.7 * speed * seconds, 0 * seconds) * 0.6
    return _coloured(fields / 1.2, rng)


def _drops(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Rain or snow before a still ground: two layers, the nearer one faster."""
    ground = coloured(noise(rng, size, 1.6), rng).astype(np.float32)
    is_rain = rng.random() < 0.5
    speed = (rng.uniform(1.5, 3.0) if is_rain else rng.uniform(0.2, 0.6)) * size
    slant = rng.uniform(-0.4, 0.4)
    light = rng.uniform(170, 255)
    covered = np.zeros((len(seconds), size, size), np.float32)
    for near in (0.7, 1.0):
        drops = (rng.random((size, size)) < rng.uniform(0.003, 0.012)).astype(np.float32)
        length = max(2, int(size * (0.08 if is_rain else 0.02) * near))
        drops = np.asarray(sum(np.roll(drops, shift, 0) for shift in range(length)), np.float32)
        if not is_rain:
            drops = drops + np.roll(drops, 1, 1)
        fall = near * speed * seconds
        covered += _scrolled(drops.clip(0, 1), fall, slant * fall)
    opacity = covered.clip(0, 1)[..., None] * rng.uniform(0.4, 0.9)
    return np.asarray(ground * (1 - opacity) + light * opacity, np.uint8)


def _leaves(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Foliage in the wind: every place swings about its own, neighbours alike."""
    still = coloured(noise(rng, size, rng.uniform(0.5, 1.0)), rng)
    phase = noise(rng, size, 2.0) * 1.5
    swing = size * rng.uniform(0.01, 0.04)
    rows, columns = np.mgrid[:size, :size]
    pace = 2 * np.pi * rng.uniform(0.5, 1.8)
    frames = []
    for moment in seconds:
        shift = np.rint(swing * np.sin(phase + pace * moment)).astype(int)
        frames.append(still[(rows + shift // 2) % size, (columns + shift) % size])
    return np.stack(frames)


def _lights(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Lamps and screens that go on and off."""
    n = int(rng.integers(3, 20))
    cell = np.clip((noise(rng, size, 1.8) + 2) / 4 * n, 0, n - 1).astype(int)
    colours = palette(rng, n)
    pace = 2 * np.pi * rng.uniform(0.5, 4.0, n)
    level = np.sin(pace * seconds[:, None] + rng.uniform(0, 2 * np.pi, n))
    if rng.random() < 0.5:
        level = np.sign(level)
    lit = np.clip(colours[None] * (0.6 + 0.4 * level[..., None]), 0, 255)
    return np.stack([frame[cell] for frame in lit.astype(np.uint8)])


def _crowd(rng: np.random.Generator, seconds: Seconds, size: int) -> Frames:
    """Many small things that go their own ways, most of them along."""
    n = int(rng.integers(20, 70))
    angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0.1, 1.5) * rng.standard_normal(n)
    speed = size * rng.uniform(0.1, 0.7) * rng.uniform(0.5, 1.5, n)
    start = rng.random((n, 2)) * size
    heights, widths = rng.integers(2, max(3, size // 10), (2, n))
    colours = palette(rng, n).astype(np.uint8)
    frames = np.repeat(coloured(noise(rng, size, 1.4), rng)[None], len(seconds), axis=0)
    for frame, moment in zip(frames, seconds, strict=True):
        rows = (start[:, 0] + moment * speed * np.sin(angle)) % size
        columns = (start[:, 1] + moment * speed * np.cos(angle)) % size
        for row, column, height, width, colour in zip(
            rows.astype(int), columns.astype(int), heights, widths, colours, strict=True
        ):
            frame[row : row + height, column : column + width] = colour
    return frames


MOVING_TEXTURES: Mapping[str, Callable[[np.random.Generator, Seconds, int], Frames]] = (
    MappingProxyType(
        {
            "water": _water,
            "fire": _fire,
            "clouds": _clouds,
            "waterfall": _fall,
            "drops": _drops,
            "leaves": _leaves,
            "lights": _lights,
            "crowd": _crowd,
        }
    )
)
