"""How an act is performed this time: its beat, and the ways in which a joint follows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TURN", "Take"]

Values = NDArray[np.float64]
TURN = 2 * np.pi


@dataclass(frozen=True)
class Take:
    """How an act is performed this time."""

    phase: Values  # in turns
    seconds: Values
    rng: np.random.Generator

    def swing(self, least: float, most: float, lag: float = 0.0, times: float = 1.0) -> Values:
        """Swing between -a and a, for an a between the bounds; `lag` in turns."""
        return self.rng.uniform(least, most) * np.sin(TURN * (times * self.phase + lag))

    def beat(self, least: float, most: float, lag: float = 0.0, times: float = 1.0) -> Values:
        """Go from 0 to a and back once a turn, softly."""
        return self.rng.uniform(least, most) * (
            0.5 - 0.5 * np.cos(TURN * (times * self.phase + lag))
        )

    def strike(self, least: float, most: float, lag: float = 0.0) -> Values:
        """Go from 0 to a fast, and back slowly, once a turn."""
        place = (self.phase + lag) % 1.0
        shape = np.where(place < 0.25, place / 0.25, (1 - place) / 0.75)
        return self.rng.uniform(least, most) * shape**1.5

    def once(self) -> Values:
        """Go from 0 to 1 within the clip, softly: what is done once, all of it or most."""
        whole = float(self.seconds[-1] - self.seconds[0]) or 1.0
        length = self.rng.uniform(0.5, 1.2) * whole
        begun = self.seconds - self.seconds[0] - self.rng.uniform(-0.2, 0.3) * whole
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(begun / length, 0, 1)))

    def between(self, least: float, most: float) -> float:
        return float(self.rng.uniform(least, most))
