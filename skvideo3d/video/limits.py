"""What reading one video may take before it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from skvideo3d.exceptions import VideoDecodeError

__all__ = ["DEFAULT_LIMITS", "MAX_PIXELS", "ReadingLimits", "check_size"]

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


def check_size(path: str, width: int, height: int, max_pixels: int) -> None:
    """Refuse frames that are too large.

    Parameters
    ----------
    path : str
        Of the file they are in.
    width, height, max_pixels : int

    Raises
    ------
    VideoDecodeError
        If there are more pixels than that.
    """
    if width * height > max_pixels:
        raise VideoDecodeError(
            f"{path!r} has frames of {width}x{height} pixels, more than max_pixels={max_pixels}; "
            "if you trust the file, raise max_pixels."
        )
