"""Generated videos to measure on: of any length, soon written."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Final

from skvideo3d.datasets import ACTIONS, render_action_video
from skvideo3d.datasets.h264 import write_video

__all__ = ["FPS", "write_looped"]

FPS: Final = 25
"""Frames a second of all of them."""

_N_RENDERED: Final = FPS


def write_looped(path: Path, n_frames: int, size: tuple[int, int], seed: int = 0) -> str:
    """Write a video that shows a second of an action again and again.

    To draw a frame takes longer than to code and decode it.

    Parameters
    ----------
    path : pathlib.Path
        Where to.
    n_frames : int
    size : tuple of int
        Height and width, even.
    seed : int, default=0
        Chooses the action and what it looks like.

    Returns
    -------
    str
        The path.
    """
    action = list(ACTIONS)[seed % len(ACTIONS)]
    frames = render_action_video(action, seed, n_frames=_N_RENDERED, size=size)
    # A key frame a second, as films have.
    write_video(path, islice(cycle(frames), n_frames), fps=FPS, gop=_N_RENDERED)
    return str(path)
