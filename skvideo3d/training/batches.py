"""The batches of an epoch: which clips, in which order, from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

__all__ = ["EpochBatches", "PixelClips", "loader"]

Batch = tuple[Tensor, Tensor]


class EpochBatches(Sampler[list[int]]):
    """All clips of a training set in an order of each epoch's own.

    Parameters
    ----------
    n_clips : int
    batch_size : int
    seed : int

    Attributes
    ----------
    epoch : int
        From 0; set before an epoch begins.
    first, stop : int, int or None
        Batches of the epoch to begin with and to stop before: an epoch that goes on where it was
        left, and the last one of a training that is counted in batches.

    Examples
    --------
    >>> batches = EpochBatches(5, batch_size=2, seed=0)
    >>> sorted(sum(batches, [])), len(batches)
    ([0, 1, 2, 3, 4], 2)
    >>> whole = list(batches)
    >>> batches.first = 1
    >>> list(batches) == whole[1:]
    True
    """

    def __init__(self, n_clips: int, batch_size: int, seed: int) -> None:
        self.n_clips, self.batch_size, self.seed = n_clips, batch_size, seed
        self.epoch, self.first = 0, 0
        self.stop: int | None = None

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(self.n_clips).tolist()
        for number in range(self.first, self.last):
            stop = None if number == self.in_epoch - 1 else (number + 1) * self.batch_size
            yield order[number * self.batch_size : stop]

    def __len__(self) -> int:
        return max(0, self.last - self.first)

    @property
    def in_epoch(self) -> int:
        """Batches of a whole epoch; the last one may be smaller, or larger by one clip."""
        whole, left = divmod(self.n_clips, self.batch_size)
        # No batch normalisation takes a batch of one: that clip joins the batch before it.
        return whole + (left > 1 or (left == 1 and not whole))

    @property
    def last(self) -> int:
        """One past the last batch of this epoch."""
        return self.in_epoch if self.stop is None else min(self.stop, self.in_epoch)


class PixelClips(Dataset[Any]):
    """Clips as bytes: arithmetic is for the device, and a byte is a quarter of a number.

    Parameters
    ----------
    clips : TrainingClips, VideoClips or WorldClips
    is_prepared : bool, default=False
        Whether they come as numbers after all: of a mean cube, each crop needs its own part.
    """

    def __init__(self, clips: Any, is_prepared: bool = False) -> None:
        self.clips = clips
        self.is_prepared = is_prepared

    def __len__(self) -> int:
        return len(self.clips)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        if self.is_prepared:
            batch: Batch = self.clips.batch(indices)
            return batch
        pixels, labels = self.clips.labelled_pixels(indices)
        return torch.from_numpy(pixels), torch.from_numpy(labels)

    def __getitem__(self, index: int) -> Batch:
        pixels, labels = self.__getitems__([index])
        return pixels[0], labels[0]


def as_it_is(batch: Any) -> Any:
    """Take a batch that was made as one."""
    return batch


def loader(clips: PixelClips, **options: Any) -> DataLoader[Any]:
    """Make the batches of a data set; what skorch calls its iterators.

    Parameters
    ----------
    clips : PixelClips
    **options
        Of `torch.utils.data.DataLoader`.

    Returns
    -------
    DataLoader
    """
    if "batch_sampler" in options:
        options.pop("batch_size", None)
    # Every pass draws a seed, which nothing here needs, and not from the user's random numbers.
    own = torch.Generator()
    return DataLoader(clips, collate_fn=as_it_is, generator=own, **options)
