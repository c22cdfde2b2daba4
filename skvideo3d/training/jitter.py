"""Random crops and flips of clips: the same for all frames of a clip, another for each clip."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Jitter", "Window"]

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class Window:
    """A part of the frames of a clip, maybe mirrored.

    Parameters
    ----------
    top, left : int
        Its first row and column.
    height, width : int
        In pixels.
    flipped : bool
        Whether left and right change places.
    """

    top: int
    left: int
    height: int
    width: int
    flipped: bool = False

    def apply(self, frames: NDArray[_Number]) -> NDArray[_Number]:
        """Cut it out.

        Parameters
        ----------
        frames : ndarray of shape (..., height, width, channels)

        Returns
        -------
        ndarray of shape (..., window height, window width, channels)
            A view.

        Examples
        --------
        >>> frames = np.arange(12).reshape(1, 3, 4, 1)
        >>> Window(1, 2, 2, 2, flipped=True).apply(frames)[0, :, :, 0]
        array([[ 7,  6],
               [11, 10]])
        """
        rows = slice(self.top, self.top + self.height)
        part = frames[..., rows, self.left : self.left + self.width, :]
        return part[..., ::-1, :] if self.flipped else part


@dataclass(frozen=True)
class Jitter:
    """Random crop and horizontal flip of whole clips.

    Frames of 128 x 171 and crops of 112 x 112, flipped half of the time, are the C3D paper's (Tran
    et al. 2015, section 3.3); 224 x 224 out of frames whose shorter side is 256 the I3D paper's
    (Carreira & Zisserman 2017, section 2.5).

    Parameters
    ----------
    crop : (int, int)
        Height and width in pixels.
    flip : float, default=0.5
        Probability.

    Raises
    ------
    ValueError
        If the crop is not of two positive numbers, or the probability not between 0 and 1.

    Examples
    --------
    >>> Jitter((112, 112)).draw(np.random.default_rng(0), (128, 171))
    Window(top=14, left=38, height=112, width=112, flipped=True)
    >>> Jitter((112, 112)).centre((128, 171))
    Window(top=8, left=29, height=112, width=112, flipped=False)
    """

    crop: tuple[int, int]
    flip: float = 0.5

    def __post_init__(self) -> None:
        try:
            sides = tuple(map(index, self.crop))
        except TypeError:
            sides = ()
        if len(sides) != 2 or min(sides) < 1:
            raise ValueError(f"crop={self.crop!r}: give (height, width) in pixels.")
        object.__setattr__(self, "crop", sides)
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip={self.flip!r}: give a probability, from 0 to 1.")

    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Window:
        """Choose a window, each position with the same probability.

        Parameters
        ----------
        rng : numpy.random.Generator
            Asked for three numbers: the top, the left, and for the flip.
        size : (int, int)
            Height and width of the frames.

        Returns
        -------
        Window

        Raises
        ------
        ValueError
            If the frames are smaller than the crop.
        """
        free_rows, free_columns = self._free(size)
        top = int(rng.integers(free_rows + 1))
        left = int(rng.integers(free_columns + 1))
        return Window(top, left, *self.crop, flipped=bool(rng.random() < self.flip))

    def centre(self, size: tuple[int, int]) -> Window:
        """Give the window that is used for testing, the centre crop of `Preprocessing`.

        Parameters
        ----------
        size : (int, int)
            Height and width of the frames.

        Returns
        -------
        Window
            Not flipped; offsets are rounded down.

        Raises
        ------
        ValueError
            If the frames are smaller than the crop.
        """
        free_rows, free_columns = self._free(size)
        return Window(free_rows // 2, free_columns // 2, *self.crop)

    def _free(self, size: tuple[int, int]) -> tuple[int, int]:
        free = size[0] - self.crop[0], size[1] - self.crop[1]
        if min(free) < 0:
            raise ValueError(
                f"crop={self.crop!r} does not fit into frames of {size[0]}x{size[1]} pixels; "
                "resize to more, or crop less."
            )
        return free
