"""Where things are on the screen, and layers over layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .motions import Path

__all__ = ["cover", "on_screen"]


def on_screen(
    points: NDArray[np.float64], view: Path, size: tuple[int, int]
) -> NDArray[np.float64]:
    """Find the pixels where a camera sees a moving point.

    Parameters
    ----------
    points : ndarray of shape (n_frames, 2)
        To the right and down, in heights of the frame.
    view : Path
        Of the camera: the point it looks at, its tilt, its zoom.
    size : (int, int)
        Height and width of the frame in pixels.

    Returns
    -------
    ndarray of shape (n_frames, 2)
        Column and row.

    Examples
    --------
    What the camera looks at is in the middle:

    >>> still = np.zeros(1)
    >>> view = Path(still + 0.5, still, still, still + 2.0)
    >>> on_screen(np.array([[0.5, 0.0]]), view, (48, 64))
    array([[32., 24.]])
    >>> on_screen(np.array([[0.6, 0.0]]), view, (48, 64)).round(1)  # 0.1 * 2 * 48 farther right
    array([[41.6, 24. ]])
    """
    height, width = size
    x, y = points[:, 0] - view.x, points[:, 1] - view.y
    cosine, sine = view.size * np.cos(view.angle), view.size * np.sin(view.angle)
    columns = width / 2 + height * (cosine * x + sine * y)
    rows = height / 2 + height * (cosine * y - sine * x)
    return np.stack([columns, rows], axis=1)


def cover(frames: NDArray[np.uint8], layers: NDArray[np.uint8]) -> None:
    """Put layers over frames, in place.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, height, width, 3), uint8
    layers : ndarray of shape (n_frames, height, width, 4), uint8
        Colours weighted by the opacity, and the opacity.

    Examples
    --------
    >>> frames = np.full((1, 1, 2, 3), 200, np.uint8)
    >>> cover(frames, np.array([[[[10, 20, 30, 255], [5, 5, 5, 51]]]], np.uint8))
    >>> frames
    array([[[[ 10,  20,  30],
             [165, 165, 165]]]], dtype=uint8)
    """
    opacity = layers[..., 3]
    rows = np.flatnonzero(opacity.any(axis=(0, 2)))
    columns = np.flatnonzero(opacity.any(axis=(0, 1)))
    if not rows.size:
        return
    box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    through = 255 - layers[box][..., 3:].astype(np.uint16)
    shown = (frames[box] * through + 127) // 255 + layers[box][..., :3]
    frames[box] = np.minimum(shown, 255)
