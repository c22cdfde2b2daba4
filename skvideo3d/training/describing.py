"""From a trained classifier to a transformer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skvideo3d.feature_extraction import C3DTransformer, I3DTransformer
from skvideo3d.models import C3D, I3D, StudyNetwork
from skvideo3d.models.download import weights_folder
from skvideo3d.models.module_content import content_of

if TYPE_CHECKING:
    from .classifier import VideoClassifier

__all__ = ["transformer_of"]

# Parameters that mean the same for both.
_SHARED = ("fps", "on_error", "timeout", "max_pixels", "device", "n_jobs", "memory", "verbose")


def transformer_of(
    classifier: VideoClassifier,
    layer: str,
    path: str | os.PathLike[str] | None,
    params: Mapping[str, Any],
) -> C3DTransformer | I3DTransformer:
    """Write the network of a classifier, and make the transformer that reads it.

    Parameters
    ----------
    classifier : VideoClassifier
        Fitted.
    layer : str
    path : path-like or None
    params : mapping

    Returns
    -------
    C3DTransformer or I3DTransformer
    """
    network = classifier.network_
    if not isinstance(network, C3D | I3D | StudyNetwork):
        raise TypeError(
            f"The network is a {type(network).__name__}, and transformers describe videos by a "
            "C3D, an I3D or a StudyNetwork; train one of those."
        )
    if path is None:
        told = f"{content_of(network)} {classifier.preprocessing_.fingerprint()}"
        name = f"trained-{hashlib.sha256(told.encode()).hexdigest()[:32]}.safetensors"
        path = weights_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            classifier.save_weights(path)
    else:
        path = Path(os.path.abspath(path))
        classifier.save_weights(path)
    shared = {name: getattr(classifier, name) for name in _SHARED}
    length = classifier.clip_len_
    shared |= {"layer": layer, "clip_len": length, "precision": classifier.precision}
    if isinstance(network, I3D):
        return I3DTransformer(str(path), **{**shared, "clip_stride": length, **params})
    # Half of a clip, as 8 of 16 in the paper.
    return C3DTransformer(str(path), **{**shared, "clip_stride": max(1, length // 2), **params})
