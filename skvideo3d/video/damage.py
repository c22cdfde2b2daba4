"""What of a video is missing or damaged: noticed frame by frame, told in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from skvideo3d.exceptions import VideoDecodeError

from .frames import Frame

__all__ = ["EndsEarlyError", "Losses"]

_Item = TypeVar("_Item")


class EndsEarlyError(VideoDecodeError):
    """A video of which there should be more; the frames that came before are good."""


class Losses:
    """What is known to be lost of one video.

    Parameters
    ----------
    name : str
        How messages call the video.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._n_frames = 0
        self._n_damaged = 0
        self._first = ""
        self._ending = ""
        self._told = ""

    def watch(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Pass frames on, noting what is wrong with them, up to where they end.

        Parameters
        ----------
        frames : iterator of Frame

        Yields
        ------
        Frame
        """
        try:
            for frame in frames:
                self._n_frames += 1
                if frame.damage:
                    self._n_damaged += 1
                    self._first = self._first or f"frame {frame.number}: {frame.damage}"
                yield frame
        except EndsEarlyError as error:
            self._ending = str(error)

    def demand(self, frames: Iterator[_Item], n_needed: int) -> Iterator[_Item]:
        """Pass frames on, and refuse a damaged video that has too few.

        Parameters
        ----------
        frames : iterator
            What became of those that were watched.
        n_needed : int

        Yields
        ------
        object
            Each of them.

        Raises
        ------
        VideoDecodeError
            If something is lost and there are fewer frames than that.
        """
        n_frames = 0
        for frame in frames:
            n_frames += 1
            yield frame
        if n_frames < n_needed and (text := self.text()):
            raise VideoDecodeError(
                f"{text} The {n_frames} frames that are left are less than a clip of {n_needed}; "
                "fetch or copy it again."
            )

    def take(self, text: str) -> None:
        """Learn from who has watched.

        Parameters
        ----------
        text : str
            From `text`.
        """
        self._told = text

    def text(self) -> str:
        """Say what was lost; empty if nothing is known to be.

        Returns
        -------
        str
        """
        if self._told:
            return self._told
        if not self._n_damaged:
            return self._ending
        return (
            f"{self._ending or f'{self._name!r} is damaged.'} {self._n_damaged} of the "
            f"{self._n_frames} frames read may be wrong ({self._first})."
        )
