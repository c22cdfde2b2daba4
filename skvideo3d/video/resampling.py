"""Frames at a constant rate from frames at any rate, by their time stamps."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator

from .frames import Frame

__all__ = ["resample"]

# A picture may stand still for an hour, and on average for 40 seconds of film.
_FREE_SLOTS = 100_000
_SLOTS_A_FRAME = 1000


def resample(frames: Iterable[Frame], fps: float) -> Iterator[Frame]:
    """Show a video at a constant frame rate, as FFmpeg's ``fps`` filter does.

    Slot k of the result is shown ``k / fps`` seconds after the first frame. Each frame is moved to
    the nearest slot (halves upwards); a slot that no frame falls on shows the frame before it, and
    of several frames on one slot the last is shown. Frames are dropped and repeated, never blended.

    Parameters
    ----------
    frames : iterable of Frame
        In order of time, with finite time stamps.
    fps : float
        Frames per second of the result, positive.

    Raises
    ------
    ValueError
        If there would be absurdly more frames than there were: time stamps of damaged files jump
        by years.

    Yields
    ------
    Frame
        With the number and pixels of the frame that is shown, and the slot's own time span.

    Examples
    --------
    >>> import numpy as np
    >>> pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    >>> film = [Frame(i, i / 30, (i + 1) / 30, pixels) for i in range(6)]
    >>> [frame.number for frame in resample(film, fps=15)]
    [0, 2, 4]
    """
    shown: Frame | None = None
    origin = 0.0
    slot = 0
    for n_frames, frame in enumerate(frames, 1):
        if shown is None:
            origin = frame.time
        else:
            until = _nearest_slot(frame.time, origin, fps)
            _check_plausible(n_frames, until, fps)
            slot = yield from _fill(shown, origin, slot, until, fps)
        shown = frame
    if shown is not None:
        # A video shows at least one frame, even where its own duration is unknown or tiny.
        end = max(_nearest_slot(shown.end, origin, fps), slot, 1)
        _check_plausible(n_frames, end, fps)
        yield from _fill(shown, origin, slot, end, fps)


def _check_plausible(n_frames: int, n_slots: int, fps: float) -> None:
    if n_slots > _FREE_SLOTS + _SLOTS_A_FRAME * n_frames:
        raise ValueError(
            f"its time stamps say that frame {n_frames - 1} is at {n_slots / fps:.4g} s, which is "
            f"{n_slots} frames at fps={fps:g}; use fps=None, or re-encode it."
        )


def _nearest_slot(time: float, origin: float, fps: float) -> int:
    # Time stamps are multiples of a tick stored as floats: the nudge keeps exact halves upwards.
    return math.floor((time - origin) * fps + 0.5 + 1e-6)


def _fill(
    shown: Frame, origin: float, slot: int, until: int, fps: float
) -> Generator[Frame, None, int]:
    for k in range(slot, until):
        yield Frame(shown.number, origin + k / fps, origin + (k + 1) / fps, shown.pixels)
    return max(slot, until)
