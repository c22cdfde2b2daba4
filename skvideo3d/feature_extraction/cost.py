"""What the description of a video took, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Self, TypeVar

__all__ = ["Cost"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass
class Cost:
    """Work and seconds, counted up while a video is described.

    Reading and preprocessing run in a thread ahead of the network: their seconds overlap.

    Parameters
    ----------
    n_frames, n_clips : int
        Frames decoded and clips described; 0 for what came from the store.
    reading, preprocessing, network : float
        Seconds for decoding; for resizing and cropping; for everything that the network does.
    """

    n_frames: int = 0
    n_clips: int = 0
    reading: float = 0.0
    preprocessing: float = 0.0
    network: float = 0.0

    def __iadd__(self, other: Cost) -> Self:
        for field in fields(self):
            name = field.name
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def read(self, frames: Iterator[_Item]) -> Iterator[_Item]:
        """Pass frames on, counted, with the time that each takes to come.

        Parameters
        ----------
        frames : iterator

        Yields
        ------
        object
            Each frame.
        """
        while True:
            began = perf_counter()
            try:
                frame = next(frames)
            except StopIteration:
                return
            finally:
                self.reading += perf_counter() - began
            self.n_frames += 1
            yield frame

    def prepare(self, function: Callable[[_Item], _Result], item: _Item) -> _Result:
        """Call a function whose time is that of preprocessing.

        Parameters
        ----------
        function : callable
        item : object
            Its argument.

        Returns
        -------
        object
            What it returns.
        """
        began = perf_counter()
        result = function(item)
        self.preprocessing += perf_counter() - began
        return result
