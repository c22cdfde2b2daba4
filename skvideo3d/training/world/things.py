"""Textured things on their ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .motions import MOTIONS, Path, motion
from .shapes import draw_shape
from .views import cover, on_screen

__all__ = ["Thing"]


@dataclass(frozen=True)
class Thing:
    """A shape and its path.

    Parameters
    ----------
    motion : str
        One of `MOTIONS`.
    path : Path
    extent : float
        Of its picture, in heights of the frame, before its path changes its size.
    """

    motion: str
    path: Path
    extent: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, seconds: NDArray[np.float64], *, small: bool) -> Thing:
        """Draw a motion, and how large what moves is: smaller beside figures."""
        kind = str(rng.choice(list(MOTIONS)))
        path = motion(kind, rng, seconds)
        return cls(kind, path, rng.uniform(0.25, 0.5) * (0.7 if small else 1.0))

    @property
    def size(self) -> float:
        """Its extent on the whole."""
        return self.extent * float(self.path.size.mean())

    def add_to(self, frames: NDArray[np.uint8], view: Path, rng: np.random.Generator) -> None:
        """Draw it over frames.

        Parameters
        ----------
        frames : ndarray of shape (n_frames, height, width, 3), uint8
            Changed.
        view : Path
            Of the camera.
        rng : Generator
            Of its outline and surface.
        """
        height, width = frames.shape[1:3]
        side = max(16, height // 2)
        picture = Image.fromarray(draw_shape(rng, side), "RGBa")
        centre = on_screen(np.stack([self.path.x, self.path.y], axis=1), view, (height, width))
        layers = np.empty((*frames.shape[:3], 4), np.uint8)
        for n, (x, y) in enumerate(centre):
            step = side / (self.extent * height * self.path.size[n] * view.size[n])
            angle = self.path.angle[n] - view.angle[n]
            a, b = step * np.cos(angle), step * np.sin(angle)
            moved = picture.transform(
                (width, height),
                Image.Transform.AFFINE,
                (a, b, side / 2 - a * x - b * y, -b, a, side / 2 + b * x - a * y),
                Image.Resampling.BILINEAR,
            )
            layers[n] = np.asarray(moved)
        cover(frames, layers)
