"""Surfaces: still pictures from noise spectra, stripes, tiles and collages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["TEXTURES", "noise", "palette", "texture"]

Image = NDArray[np.uint8]
Field = NDArray[np.float32]


def texture(kind: str, rng: np.random.Generator, size: int) -> Image:
    """Draw a square surface that joins itself at its edges.

    Parameters
    ----------
    kind : str
        One of `TEXTURES`.
    rng : Generator
    size : int
        Pixels of a side.

    Returns
    -------
    ndarray of shape (size, size, 3), uint8
        RGB.

    Examples
    --------
    >>> texture("rough", np.random.default_rng(0), 32).shape
    (32, 32, 3)
    """
    return coloured(TEXTURES[kind](rng, size), rng)


def noise(rng: np.random.Generator, size: int, slope: float) -> Field:
    """Draw noise whose amplitude falls with frequency as ``1 / f ** slope``; periodic.

    Parameters
    ----------
    rng : Generator
    size : int
        Pixels of a side.
    slope : float
        About 1 in photographs; 0 is white.

    Returns
    -------
    ndarray of shape (size, size), float32
        Of mean 0 and standard deviation 1.
    """
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32))
    rows = np.fft.fftfreq(size)[:, None]
    columns = np.fft.rfftfreq(size)[None]
    frequency = np.sqrt(rows**2 + columns**2)
    frequency[0, 0] = 1.0
    spectrum *= frequency**-slope
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, (size, size)).astype(np.float32)
    field /= field.std() + 1e-6
    return field


def palette(rng: np.random.Generator, n: int) -> Field:
    """Draw colours: of one hue or several, pale or strong, as (n, 3) in 0..255."""
    base = rng.uniform(20, 235, 3)
    spread = rng.uniform(10, 90)
    colours = base + spread * (rng.standard_normal((n, 1)) + 0.7 * rng.standard_normal((n, 3)))
    grey = colours.mean(axis=1, keepdims=True)
    # Most things are not colourful.
    mixed: Field = (grey + rng.beta(1.0, 1.5) * (colours - grey)).clip(0, 255)
    return mixed


def coloured(field: Field, rng: np.random.Generator) -> Image:
    """Give a field of values around 0 with deviation 1 the colours of a random ramp."""
    middle, low, high = palette(rng, 3)
    ramp = np.linspace(-2.0, 2.0, 64)[:, None]
    mixed = (
        middle
        + np.maximum(ramp, 0) / 2 * (high - middle)
        - np.minimum(ramp, 0) / 2 * (low - middle)
    )
    levels = np.clip((field + 2.0) * 16, 0, 63).astype(np.uint8)
    shown: Image = mixed.clip(0, 255).astype(np.uint8)[levels]
    return shown


def _rough(rng: np.random.Generator, size: int) -> Field:
    return noise(rng, size, rng.uniform(0.4, 0.9))


def _natural(rng: np.random.Generator, size: int) -> Field:
    return noise(rng, size, rng.uniform(0.9, 1.5))


def _cloudy(rng: np.random.Generator, size: int) -> Field:
    return noise(rng, size, rng.uniform(1.6, 2.5))


def _grained(rng: np.random.Generator, size: int) -> Field:
    """Noise drawn out in one direction, as wood and grass."""
    field = noise(rng, size, rng.uniform(0.6, 1.2))
    steps = int(rng.integers(3, 9))
    axis = int(rng.integers(2))
    drawn = sum(np.roll(field, shift, axis) for shift in range(steps))
    return np.asarray(drawn / (np.std(drawn) + 1e-6), np.float32)


def _striped(rng: np.random.Generator, size: int) -> Field:
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    # Whole numbers of periods, so that the edges meet.
    across, along = rng.integers(-9, 10, 2)
    across = across or 4
    wave = np.sin(2 * np.pi * (across * columns + along * rows + rng.random()))
    if rng.random() < 0.5:
        wave = np.sign(wave)
    return np.asarray(1.4 * wave + 0.3 * noise(rng, size, 1.0), np.float32)


def _tiled(rng: np.random.Generator, size: int) -> Field:
    """Bricks or a chequerboard, with joints."""
    across, down = (int(2 ** rng.integers(1, 4)) for _ in range(2))
    rows, columns = np.mgrid[:size, :size] / size
    row = rows * down
    column = columns * across + (np.floor(row) % 2) * rng.choice([0.0, 0.5])
    tone = rng.standard_normal((down, across))[
        np.floor(row).astype(int) % down, np.floor(column).astype(int) % across
    ]
    joint = np.minimum(row % 1, column % 1) < rng.uniform(0.05, 0.15)
    return np.asarray(np.where(joint, -1.8, tone) + 0.3 * noise(rng, size, 1.0), np.float32)


def _mosaic(rng: np.random.Generator, size: int) -> Field:
    """Cells around random points."""
    n = int(rng.integers(5, 30))
    points = rng.random((n, 2))
    rows, columns = np.mgrid[:size, :size] / size
    nearest = np.full((size, size), np.inf)
    cell = np.zeros((size, size), int)
    for number, (y, x) in enumerate(points):
        dy = np.abs(rows - y)
        dx = np.abs(columns - x)
        distance = np.minimum(dy, 1 - dy) ** 2 + np.minimum(dx, 1 - dx) ** 2
        closer = distance < nearest
        nearest[closer] = distance[closer]
        cell[closer] = number
    return np.asarray(rng.standard_normal(n)[cell] + 0.2 * noise(rng, size, 1.2), np.float32)


def _built(rng: np.random.Generator, size: int) -> Field:
    """Rectangles over each other, as houses, furniture and windows are."""
    field = np.full((size, size), rng.standard_normal(), np.float32)
    for _ in range(int(rng.integers(6, 30))):
        top, left = rng.integers(0, size, 2)
        height, width = rng.integers(max(2, size // 24), max(3, size // 2), 2)
        field[top : top + height, left : left + width] = 1.3 * rng.standard_normal()
    return field + 0.15 * noise(rng, size, 1.0)


def _landscape(rng: np.random.Generator, size: int) -> Field:
    """Above and below a horizon."""
    heights = size * rng.uniform(0.3, 0.7) + size * rng.uniform(0, 0.06) * noise(rng, size, 1.5)[0]
    rows = np.arange(size)[:, None]
    sky = noise(rng, size, 2.2) * 0.4 + rng.uniform(0.3, 1.5)
    ground = noise(rng, size, rng.uniform(0.6, 1.4)) * 0.6 - rng.uniform(0.3, 1.2)
    return np.asarray(np.where(rows < heights[None], sky, ground), np.float32)


def _plain(rng: np.random.Generator, size: int) -> Field:
    """Draw a wall: hardly any structure, and light from one side."""
    columns = np.linspace(-1, 1, size, dtype=np.float32)[None]
    return np.asarray(
        0.1 * noise(rng, size, 1.0) + rng.uniform(-0.6, 0.6) * np.abs(columns), np.float32
    )


TEXTURES: Mapping[str, Callable[[np.random.Generator, int], Field]] = MappingProxyType(
    {
        "rough": _rough,
        "natural": _natural,
        "cloudy": _cloudy,
        "grained": _grained,
        "striped": _striped,
        "tiled": _tiled,
        "mosaic": _mosaic,
        "built": _built,
        "landscape": _landscape,
        "plain": _plain,
    }
)
