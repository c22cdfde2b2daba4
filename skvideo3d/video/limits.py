"""What reading one video may take before it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_LIMITS", "MAX_PIXELS", "ReadingLimits"]

MAX_PIXELS: Final = 2**26
"""Twice 8k UHD (7680 x 4320). A few bytes can claim frames of any size."""


@dataclass(frozen=True)
class ReadingLimits:
    """Limits of reading one video; they do not change descriptors.

    Parameters
    ----------
    timeout : float or None
        Seconds, not counting those in which the reader waits for its caller; None for no limit.
    max_pixels : int
        Of a frame, width times height.
    """

    timeout: float | None = 1800.0
    max_pixels: int = MAX_PIXELS


DEFAULT_LIMITS: Final = ReadingLimits()
