"""Videos to descriptors, as scikit-learn transformers.

>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.svm import LinearSVC
>>> from skvideo3d import C3DTransformer
>>> model = make_pipeline(C3DTransformer(), LinearSVC())  # then model.fit(paths, labels)
"""

from .feature_extraction import C3DTransformer, ClipDescriptors, I3DTransformer
from .video import VideoSegment

__version__ = "0.1.0"

__all__ = ["C3DTransformer", "ClipDescriptors", "I3DTransformer", "VideoSegment", "__version__"]
