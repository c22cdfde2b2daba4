"""Things: textured shapes with soft edges, as pictures with an opacity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .textures import TEXTURES, texture

__all__ = ["SHAPES", "draw_shape"]

SHAPES = ("disc", "box", "triangle", "star", "ring", "cross", "blob", "bar")

Points = NDArray[np.float64]

_FINER = 2


def draw_shape(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Draw a thing of a random outline and surface.

    Parameters
    ----------
    rng : Generator
    size : int
        Pixels of a side of the picture.

    Returns
    -------
    ndarray of shape (size, size, 4), uint8
        RGB weighted by the opacity, and the opacity.

    Examples
    --------
    >>> thing = draw_shape(np.random.default_rng(0), 32)
    >>> bool((thing[..., :3].max(axis=-1) <= thing[..., 3]).all())
    True
    """
    outline = str(rng.choice(SHAPES))
    mask = Image.new("L", (size * _FINER, size * _FINER))
    pen = ImageDraw.Draw(mask)
    for points, fill in _polygons(outline, rng):
        pen.polygon([tuple((1 + p) * size * _FINER / 2) for p in points], fill=fill)
    opacity = np.asarray(mask.reduce(_FINER), np.uint16)
    surface = texture(str(rng.choice(list(TEXTURES))), rng, size)
    weighted = (surface * opacity[..., None] // 255).astype(np.uint8)
    return np.concatenate([weighted, opacity[..., None].astype(np.uint8)], axis=2)


def _polygons(outline: str, rng: np.random.Generator) -> list[tuple[Points, int]]:
    """Give polygons in [-1, 1] to draw one over the other, and what with."""
    thin = rng.uniform(0.1, 0.4)
    n_points = int(rng.integers(4, 8))
    whole: dict[str, Points] = {
        "disc": _star(24, 0.95, 0.95) * [1, rng.uniform(0.5, 1.0)],
        "box": _box(0.9, rng.uniform(0.45, 0.9)),
        "triangle": rng.uniform(0.6, 0.98, (3, 1)) * _star(3, 1.0, 1.0),
        "star": _star(2 * n_points, 0.95, rng.uniform(0.35, 0.7)),
        "ring": _star(24, 0.95, 0.95),
        "cross": _box(0.95, thin),
        "blob": _blob(rng),
        "bar": _box(0.95, thin),
    }
    over: dict[str, tuple[Points, int]] = {
        "ring": (_star(24, 1.0, 1.0) * rng.uniform(0.4, 0.7), 0),  # a hole
        "cross": (_box(thin, 0.95), 255),
    }
    return [(whole[outline], 255), *([over[outline]] if outline in over else [])]


def _blob(rng: np.random.Generator) -> Points:
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    waves = [rng.normal(0, 0.12) * np.sin(n * turns + rng.uniform(0, 7)) for n in (2, 3, 5)]
    radius = np.clip(0.75 + sum(waves), 0.3, 0.98)
    return np.asarray(radius[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1))


def _star(n: int, outer: float, inner: float) -> Points:
    turns = np.linspace(0, 2 * np.pi, n, endpoint=False)
    radius = np.where(np.arange(n) % 2, inner, outer)
    return np.asarray(radius[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1))


def _box(half_width: float, half_height: float) -> Points:
    w, h = half_width, half_height
    return np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
