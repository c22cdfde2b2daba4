"""What is behind everything: a surface before a moving camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .motions import Path
from .moving_textures import MOVING_TEXTURES, moving_texture
from .textures import TEXTURES, texture

__all__ = ["film_surface"]

_MOVING = 0.25  # share of surfaces that move by themselves
_EXTENT = 2.0  # heights of the frame after which a still surface repeats; a moving one: half


def film_surface(
    rng: np.random.Generator, seconds: NDArray[np.float64], size: tuple[int, int], view: Path
) -> tuple[NDArray[np.uint8], str]:
    """Draw a surface and film it.

    Parameters
    ----------
    rng : Generator
    seconds : ndarray of shape (n_frames,)
    size : (int, int)
        Height and width of the frames.
    view : Path
        Of the camera.

    Returns
    -------
    frames : ndarray of shape (n_frames, height, width, 3), uint8
    kind : str
        One of `TEXTURES` or `MOVING_TEXTURES`.
    """
    height, width = size
    if rng.random() < _MOVING:
        kind = str(rng.choice(list(MOVING_TEXTURES)))
        extent = _EXTENT / 2
        surfaces = moving_texture(kind, rng, seconds, round(extent * height))
    else:
        kind = str(rng.choice(list(TEXTURES)))
        extent = _EXTENT
        surfaces = texture(kind, rng, round(extent * height))[None]
    side = surfaces.shape[1]
    extent *= rng.uniform(0.8, 1.3)
    tilt = rng.normal(0, 0.05)  # of the surface, which does not turn the camera's way
    x = rng.random() + (np.cos(tilt) * view.x - np.sin(tilt) * view.y) / extent
    y = rng.random() + (np.sin(tilt) * view.x + np.cos(tilt) * view.y) / extent
    # The camera turns and looks away from the middle by less than one side.
    pictures = [Image.fromarray(np.tile(surface, (3, 3, 1))) for surface in surfaces]
    frames = np.empty((len(seconds), height, width, 3), np.uint8)
    for n in range(len(seconds)):
        step = side / (extent * height * view.size[n])  # pixels of the surface in one of the frame
        angle = view.angle[n] + tilt
        a, b = step * np.cos(angle), -step * np.sin(angle)
        column = side * (1 + x[n] % 1.0) - a * width / 2 - b * height / 2
        row = side * (1 + y[n] % 1.0) + b * width / 2 - a * height / 2
        filmed = pictures[n % len(pictures)].transform(
            (width, height),
            Image.Transform.AFFINE,
            (a, b, column, -b, a, row),
            Image.Resampling.BILINEAR,
        )
        frames[n] = np.asarray(filmed)
    return frames, kind
