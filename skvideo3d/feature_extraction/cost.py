"""What the description of a video took, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass

from skvideo3d.video.clips import ReadingCost

__all__ = ["Cost"]


@dataclass
class Cost(ReadingCost):
    """Work and seconds, counted up while a video is described.

    Reading and preprocessing run ahead of the network: their seconds overlap.

    Parameters
    ----------
    n_frames, n_clips : int
        Frames decoded and clips described; 0 for what came from the store.
    reading, preprocessing, network : float
        Seconds for decoding; for resizing and cropping; for everything that the network does.
    """

    n_clips: int = 0
    network: float = 0.0
