"""Videos to descriptors: the transformers and what carries them."""

from .c3d import C3DTransformer
from .clips import ClipDescriptors
from .extractor import VideoExtractor
from .frames import FrameTransformer
from .i3d import I3DTransformer
from .pairs import PairSimilarityTransformer

__all__ = [
    "C3DTransformer",
    "ClipDescriptors",
    "FrameTransformer",
    "I3DTransformer",
    "PairSimilarityTransformer",
    "VideoExtractor",
]
