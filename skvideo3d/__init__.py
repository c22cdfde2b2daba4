"""Videos to descriptors, as scikit-learn transformers.

>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.svm import LinearSVC
>>> from skvideo3d import C3DTransformer
>>> model = make_pipeline(C3DTransformer(), LinearSVC())  # then model.fit(paths, labels)
"""

from importlib import import_module
from typing import Any

from .feature_extraction import (
    C3DTransformer,
    ClipDescriptors,
    I3DTransformer,
    PairSimilarityTransformer,
)
from .video import VideoSegment

__version__ = "0.1.0"

__all__ = [
    "C3DTransformer",
    "ClipDescriptors",
    "I3DTransformer",
    "PairSimilarityTransformer",
    "VideoSegment",
    "__version__",
]

# Public packages that are imported when they are first used: skvideo3d.models brings torch.
_PACKAGES = ("benchmarks", "datasets", "inspection", "models")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PACKAGES})
