"""What an estimator says of the videos that it could not read, or only in part."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from skvideo3d.video.sources import VideoSegment

__all__ = ["Mentions", "tell_unreadable"]

Mentions = list[tuple[int, Any, str]]


def tell_unreadable(
    videos: Sequence[Any],
    failures: Mapping[int, str],
    losses: Mapping[int, str],
    outcome: str,
    *,
    stacklevel: int,
) -> tuple[Mentions, Mentions]:
    """Warn of them, and list them for `failures_` and `losses_`.

    Parameters
    ----------
    videos : sequence of videos
    failures, losses : mapping of int to str
        Positions and reasons; what was lost.
    outcome : str
        What could not be done to those that failed, as "described; their rows are NaN and".
    stacklevel : int
        Of the warnings, as for one in this function.

    Returns
    -------
    failures, losses : list of (int, object, str)
        Position, video and reason; an array is mentioned by its shape.
    """
    failed = [(at, _mention(videos[at]), why) for at, why in sorted(failures.items())]
    lost = [(at, _mention(videos[at]), what) for at, what in sorted(losses.items())]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(videos)} videos could not be {outcome} failures_ says why. "
            f"First: {failed[0][2]}",
            UserWarning,
            stacklevel=stacklevel,
        )
    if lost:
        warnings.warn(
            f"{len(lost)} of {len(videos)} videos could be read only in part, and losses_ says "
            f"what was lost. First: {lost[0][2]}",
            UserWarning,
            stacklevel=stacklevel,
        )
    return failed, lost


def _mention(video: Any) -> Any:
    """Stand for an array, which a fitted estimator must not carry along, by its shape."""
    inner = video.video if isinstance(video, VideoSegment) else video
    return f"array of shape {tuple(inner.shape)}" if hasattr(inner, "shape") else video
