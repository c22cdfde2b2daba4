"""From any source to frames, clips and network input."""

from .preprocessing import (
    C3D_PREPROCESSING,
    I3D_PREPROCESSING,
    IMAGENET_PREPROCESSING,
    MeanCube,
    Preprocessing,
)
from .sampling import clip_starts
from .sources import VideoSegment

__all__ = [
    "C3D_PREPROCESSING",
    "I3D_PREPROCESSING",
    "IMAGENET_PREPROCESSING",
    "MeanCube",
    "Preprocessing",
    "VideoSegment",
    "clip_starts",
]
