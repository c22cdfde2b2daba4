"""Videos to clips, in another process where files are concerned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol

from .clips import ClipRecipe, ReadingCost, VideoClip, read_clips
from .damage import Losses
from .isolation import IsolatedReader, is_isolation_possible
from .limits import ReadingLimits
from .messages import is_foreign
from .sharing import share_readings
from .sources import VideoSource

__all__ = ["VideoReader", "make_reader"]


class VideoReader(Protocol):
    """What reads some videos, one after the other."""

    def read(self, index: int, cost: ReadingCost, losses: Losses) -> Iterator[VideoClip]:
        """Read the video at a place; see `skvideo3d.video.clips.read_clips`."""

    def opens(self, index: int) -> bool:
        """Tell whether the video at a place will be opened, and not had from elsewhere."""

    def abort(self) -> None:
        """End what another thread reads here; it raises an error there."""

    def close(self) -> None:
        """Be done."""


def make_reader(
    sources: Sequence[VideoSource], recipe: ClipRecipe, limits: ReadingLimits
) -> VideoReader:
    """Choose who reads some videos.

    Parameters
    ----------
    sources : sequence of VideoSource
        In the order in which they will be read; some may be left out then.
    recipe : ClipRecipe
    limits : ReadingLimits

    Returns
    -------
    VideoReader
        With a process of its own for files, unless `is_isolation_possible` says otherwise.
    """
    foreign = [n for n, source in enumerate(sources) if is_foreign(source)]
    if not is_isolation_possible():
        foreign = []
    if len(foreign) == len(sources):
        return IsolatedReader(sources, recipe, limits)
    if not foreign:
        return _LocalReader(sources, recipe)
    own = sorted(set(range(len(sources))) - set(foreign))
    return _MixedReader(
        [
            (own, _LocalReader([sources[n] for n in own], recipe)),
            (foreign, IsolatedReader([sources[n] for n in foreign], recipe, limits)),
        ]
    )


class _LocalReader:
    """Reads in this process: arrays, of which nothing is to be feared."""

    def __init__(self, sources: Sequence[VideoSource], recipe: ClipRecipe) -> None:
        self._recipe = recipe
        self._ending = ExitStack()
        self._shared = self._ending.enter_context(share_readings(sources))

    def read(self, index: int, cost: ReadingCost, losses: Losses) -> Iterator[VideoClip]:
        return read_clips(self._shared[index], self._recipe, cost, losses)

    def opens(self, index: int) -> bool:
        return True

    def abort(self) -> None:
        pass  # it looks after each clip

    def close(self) -> None:
        self._ending.close()


class _MixedReader:
    """Several readers, each of some of the videos."""

    def __init__(self, parts: Sequence[tuple[Sequence[int], VideoReader]]) -> None:
        self._readers = [reader for _, reader in parts]
        self._places = {
            index: (reader, place)
            for indices, reader in parts
            for place, index in enumerate(indices)
        }

    def read(self, index: int, cost: ReadingCost, losses: Losses) -> Iterator[VideoClip]:
        reader, place = self._places[index]
        return reader.read(place, cost, losses)

    def opens(self, index: int) -> bool:
        return True

    def abort(self) -> None:
        for reader in self._readers:
            reader.abort()

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
