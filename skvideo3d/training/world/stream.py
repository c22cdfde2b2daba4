"""Epochs of generated clips: each clip is shown once, ever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .clips import TASKS, generate_clip

__all__ = ["WorldClips"]


class WorldClips:
    """Clips of the generated world, as a training takes them.

    Parameters
    ----------
    n_clips : int
        Of an epoch.
    sizes : sequence of int
        Side of the clips in pixels, for each epoch; the last one holds on.
    clutter : sequence of float
        Of each epoch, as in `generate_clip`; the last one holds on.
    seed : int
        What an index shows depends on it, the epoch and the index alone.
    n_frames : int, default=16

    Examples
    --------
    >>> clips = WorldClips(100, sizes=[32, 48], clutter=[0.5, 1.0], seed=0)
    >>> clips.set_epoch(1)
    >>> pixels, labels = clips.labelled_pixels([4, 7])
    >>> pixels.shape, labels.shape
    ((2, 16, 48, 48, 3), (2, 15))
    """

    def __init__(
        self,
        n_clips: int,
        *,
        sizes: Sequence[int],
        clutter: Sequence[float] = (1.0,),
        seed: int,
        n_frames: int = 16,
    ) -> None:
        self.n_clips, self.seed, self.n_frames = n_clips, seed, n_frames
        self.sizes, self.clutter = tuple(sizes), tuple(clutter)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Show the clips of another epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_clips

    def labelled_pixels(
        self, indices: Sequence[int]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Draw some clips.

        Parameters
        ----------
        indices : sequence of int

        Returns
        -------
        pixels : ndarray of shape (n, n_frames, side, side, 3), uint8, RGB
        labels : ndarray of shape (n, n_tasks), int64
            In the order of `TASKS`.
        """
        side, clutter = (
            values[min(self.epoch, len(values) - 1)] for values in (self.sizes, self.clutter)
        )
        clips = [
            generate_clip(
                (self.seed, self.epoch, int(index)),
                n_frames=self.n_frames,
                size=(int(side), int(side)),
                clutter=clutter,
            )
            for index in indices
        ]
        labels = [[clip.labels[task] for task in TASKS] for clip in clips]
        return np.stack([clip.frames for clip in clips]), np.array(labels, np.int64)
