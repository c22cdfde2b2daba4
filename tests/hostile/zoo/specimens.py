"""What a specimen is: how to make a file, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skvideo3d.exceptions import VideoDecodeError

Outcome = Literal["describes", "error", "either"]
Maker = Callable[[Path], Path]


@dataclass(frozen=True)
class Specimen:
    """A file or folder that is hard to read."""

    name: str
    make: Maker  # in an empty folder; gives the path
    outcome: Outcome
    reason: str = ""  # a regular expression that an error's text matches
    error: type[VideoDecodeError] = VideoDecodeError
    # Whether it has to be said that frames were lost; None where that is a matter of taste.
    loss: bool | None = False


class Collection(list[Specimen]):
    """Specimens, added by decorated makers."""

    def add(
        self,
        outcome: Outcome,
        reason: str = "",
        *,
        error: type[VideoDecodeError] = VideoDecodeError,
        loss: bool | None = False,
    ) -> Callable[[Maker], Maker]:
        """Add the decorated maker, under its own name."""

        def decorate(make: Maker) -> Maker:
            self.append(Specimen(make.__name__, make, outcome, reason, error, loss))
            return make

        return decorate
