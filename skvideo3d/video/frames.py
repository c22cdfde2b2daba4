"""One decoded frame and when it is shown."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frame"]


class Frame(NamedTuple):
    """A decoded frame.

    Parameters
    ----------
    number : int
        0-based place of the frame in its video.
    time, end : float
        When it is shown, in seconds since the video's first frame: from `time` until just before
        `end`. NaN where the source has no clock (arrays, folders of images).
    pixels : ndarray of shape (height, width, 3), uint8, RGB
    damage : str
        What is wrong with the file here, so that the pixels may not be those that were filmed;
        empty if nothing is known to be.
    n_lost : int
        Frames before it that are known to be missing, at least: by so much its number is off.
    """

    number: int
    time: float
    end: float
    pixels: NDArray[np.uint8]
    damage: str = ""
    n_lost: int = 0
