"""Which frames make which clips: arithmetic on frame numbers, and windows on a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["ShortVideo", "clip_starts", "iter_clips"]

ShortVideo = Literal["loop", "repeat_last", "error"]

_Item = TypeVar("_Item")


def clip_starts(n_frames: int, clip_len: int, stride: int) -> NDArray[np.int64]:
    """First frame of every clip of a video.

    Clips start every `stride` frames while a whole clip fits; C3D's descriptor uses clips of 16
    frames that overlap by 8 (Tran et al. 2015, section 3.3).

    Parameters
    ----------
    n_frames : int
        Frames in the video, at least `clip_len`.
    clip_len, stride : int
        In frames, positive.

    Returns
    -------
    ndarray of shape (n_clips,), int64
        0-based frame numbers.

    Raises
    ------
    ValueError
        If the video is shorter than one clip; `iter_clips` has policies for that.

    Examples
    --------
    >>> clip_starts(40, clip_len=16, stride=8)
    array([ 0,  8, 16, 24])
    """
    if n_frames < clip_len:
        raise ValueError(
            f"A video of {n_frames} frames has no clip of {clip_len}; use short_video='loop' or "
            "'repeat_last', or a smaller clip_len."
        )
    return np.arange(0, n_frames - clip_len + 1, stride, dtype=np.int64)


def iter_clips(
    items: Iterable[_Item], clip_len: int, stride: int, short_video: ShortVideo = "loop"
) -> Iterator[list[_Item]]:
    """Cut a stream of frames into clips, holding one clip at a time.

    Parameters
    ----------
    items : iterable
        The frames in order.
    clip_len, stride : int
        In frames, positive.
    short_video : {"loop", "repeat_last", "error"}
        What to do with a video shorter than one clip: start again from its first frame as often as
        needed, repeat its last frame, or refuse it.

    Yields
    ------
    list of length clip_len

    Raises
    ------
    ValueError
        If there are no frames, or fewer than `clip_len` under ``short_video="error"``.

    Examples
    --------
    >>> list(iter_clips("abcdefg", clip_len=4, stride=2))
    [['a', 'b', 'c', 'd'], ['c', 'd', 'e', 'f']]
    >>> list(iter_clips("abc", clip_len=8, stride=2, short_video="loop"))
    [['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b']]
    """
    window: deque[_Item] = deque(maxlen=clip_len)
    n_items = 0
    for item in items:
        window.append(item)
        n_items += 1
        if n_items >= clip_len and (n_items - clip_len) % stride == 0:
            yield list(window)
    if n_items >= clip_len:
        return
    if n_items == 0:
        raise ValueError("It has no frames.")
    if short_video == "error":
        raise ValueError(
            f"It has {n_items} frames, fewer than clip_len={clip_len}; use short_video='loop' or "
            "'repeat_last', a smaller clip_len, or leave the video out."
        )
    short = list(window)
    if short_video == "loop":
        yield [short[i % n_items] for i in range(clip_len)]
    else:
        yield short + short[-1:] * (clip_len - n_items)
