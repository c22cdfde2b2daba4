"""Videos to descriptors, as scikit-learn transformers.

>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.svm import LinearSVC
>>> from skvideo3d import C3DTransformer
>>> model = make_pipeline(C3DTransformer(), LinearSVC())  # then model.fit(paths, labels)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .feature_extraction import (
        C3DTransformer,
        ClipDescriptors,
        FrameTransformer,
        I3DTransformer,
        PairSimilarityTransformer,
    )
    from .video import VideoSegment

__version__ = "0.1.0"

__all__ = [
    "C3DTransformer",
    "ClipDescriptors",
    "FrameTransformer",
    "I3DTransformer",
    "PairSimilarityTransformer",
    "VideoSegment",
    "__version__",
]

# Imported when first asked for: the process that reads videos needs `skvideo3d.video` and nothing
# else, and skvideo3d.models brings torch.
_HOMES = {
    "C3DTransformer": "feature_extraction",
    "ClipDescriptors": "feature_extraction",
    "FrameTransformer": "feature_extraction",
    "I3DTransformer": "feature_extraction",
    "PairSimilarityTransformer": "feature_extraction",
    "VideoSegment": "video",
}
_PACKAGES = (
    "benchmarks",
    "datasets",
    "feature_extraction",
    "flow",
    "inspection",
    "models",
    "training",
    "video",
)


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value  # not asked for here again
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_PACKAGES})
