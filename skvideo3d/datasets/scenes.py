"""What the generated videos show: textures, colours, shapes and the build of the figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIGURES", "Figure", "Scene", "Shape", "draw_scene", "joints"]

FIGURES = 2
"""Figures in a scene: with sizes half a range apart, one of them is always fully visible."""

TEXTURE = 64
"""Texels along a side of the texture of a shape; it covers two radii and repeats."""

_Image = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """A textured blob: its radius over the angle is a short Fourier series.

    Attributes
    ----------
    radius : float
        Mean radius, in units of the frame's shorter side, before zooming.
    amplitudes, phases : ndarray of shape (n_harmonics,)
        Of the harmonics 1, 2, ... of the outline, relative to the radius.
    texture : ndarray of shape (64, 64, 3), float32
        Colours in 0..255, periodic.
    """

    radius: float
    amplitudes: NDArray[np.float64]
    phases: NDArray[np.float64]
    texture: _Image


@dataclass(frozen=True)
class Figure:
    """A person drawn with thick strokes.

    Attributes
    ----------
    radius : float
        Farthest a hand or foot can be from the middle, in units of the frame's shorter side, before
        zooming.
    thickness : float
        Half the width of a limb, in units of `radius`.
    colours : ndarray of shape (4, 3), float32
        Of head, torso, arms and legs, in 0..255.
    """

    radius: float
    thickness: float
    colours: _Image


@dataclass(frozen=True)
class Scene:
    """Everything that the videos of one group have in common.

    Attributes
    ----------
    background : ndarray of shape (height, width, 3), float32
        Colours around 0..255, periodic.
    objects : tuple of Figure or Shape
        The figures first.
    """

    background: _Image
    objects: tuple[Figure | Shape, ...]


def draw_scene(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Invent a scene.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything about it.
    size : (int, int)
        Height and width of the frames, in pixels.

    Returns
    -------
    Scene
        With two figures and one or two shapes.

    Examples
    --------
    >>> scene = draw_scene(np.random.default_rng(0), (48, 64))
    >>> scene.background.shape, 3 <= len(scene.objects) <= 4
    ((48, 64, 3), True)
    """
    paint = rng.uniform(60, 190, 3)
    walls = _noise(rng, size, low=0.0, high=0.25, slope=rng.uniform(0.6, 1.6))
    walls = paint + rng.uniform(12, 40) * walls
    build = rng.uniform(0.9, 1.1)
    objects: list[Figure | Shape] = [
        Figure(
            radius=0.30 * build,
            thickness=rng.uniform(0.055, 0.085),
            colours=np.stack([_contrasting(rng, paint) for _ in range(4)]).astype(np.float32),
        )
        for _ in range(FIGURES)
    ]
    for _ in range(rng.integers(1, 3)):
        amplitudes = rng.dirichlet(np.ones(4)) * rng.uniform(0.15, 0.4)
        texture = _noise(
            rng, (TEXTURE, TEXTURE), low=1 / TEXTURE, high=0.15, slope=rng.uniform(0, 1.5)
        )
        texture = _contrasting(rng, paint) + rng.uniform(25, 60) * texture
        objects.append(
            Shape(
                radius=0.17 * build * rng.uniform(0.85, 1.15),
                amplitudes=amplitudes,
                phases=rng.uniform(0, 2 * np.pi, 4),
                texture=np.clip(texture, 0, 255).astype(np.float32),
            )
        )
    return Scene(background=walls.astype(np.float32), objects=tuple(objects))


def joints(limbs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the strokes of a figure begin and end.

    Parameters
    ----------
    limbs : ndarray of shape (4,)
        Where right arm, left arm, right leg and left leg are on their loops, in turns.

    Returns
    -------
    ndarray of shape (9, 2, 2), float64
        Begin and end (x to the right, y down) of the torso and of the upper and lower half of each
        limb, in units of the figure's radius, around its middle.

    Examples
    --------
    >>> float(np.linalg.norm(joints(np.full(4, 0.25)), axis=-1).max()) < 1
    True
    """
    turn = 2 * np.pi * limbs
    arm = np.arange(len(limbs)) < 2
    # Angles from straight down, outwards; a bend that runs a quarter cycle ahead of the swing makes
    # the limb trace a loop rather than go back the way it came.
    upper = np.radians(np.where(arm, 95 + 75 * np.sin(turn), 38 + 34 * np.sin(turn)))
    lower = upper + np.radians(np.where(arm, 40 + 40 * np.cos(turn), -35 + 35 * np.cos(turn)))
    outwards = np.array([1.0, -1.0, 1.0, -1.0])
    begin = np.stack([0.1 * outwards * ~arm, np.where(arm, -0.3, 0.16)], axis=-1)
    length = np.where(arm, 0.3, 0.35)[:, None]
    middle = begin + length * np.stack([outwards * np.sin(upper), np.cos(upper)], axis=-1)
    end = middle + 0.95 * length * np.stack([outwards * np.sin(lower), np.cos(lower)], axis=-1)
    torso = np.array([[[0.0, -0.34], [0.0, 0.16]]])
    return np.concatenate(
        [torso, np.stack([begin, middle], axis=1), np.stack([middle, end], axis=1)]
    )


def _contrasting(rng: np.random.Generator, paint: NDArray[np.float64]) -> NDArray[np.float64]:
    # Of a few random colours the one whose lightness differs most from the background's.
    colours = rng.uniform(15, 240, (4, 3))
    lightness = np.abs((colours - paint) @ (0.299, 0.587, 0.114))
    return np.asarray(colours[np.argmax(lightness)])


def _noise(
    rng: np.random.Generator, size: tuple[int, int], *, low: float, high: float, slope: float
) -> NDArray[np.float64]:
    """Periodic colour noise of unit deviation, amplitude 1/f**slope for f in (low, high] per texel.

    The band ends well below half a cycle per pixel: whatever is shown smaller than it was made, or
    between two pixels, does not alias.
    """
    white = rng.standard_normal((3, *size))
    rows, columns = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None]
    frequency = np.hypot(rows, columns)
    band = (frequency > low) & (frequency <= high)
    gain = np.where(band, np.maximum(frequency, 1 / max(size)) ** -slope, 0.0)
    coloured = np.fft.irfft2(np.fft.rfft2(white) * gain, s=size)
    # Mostly light and dark, a little colour, as surfaces are.
    coloured = 0.8 * coloured.mean(axis=0) * np.sqrt(3) + 0.6 * coloured
    coloured /= coloured.std()
    return np.moveaxis(coloured, 0, -1)
