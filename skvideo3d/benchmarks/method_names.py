"""What a describer and a classifier are called in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import SVC, LinearSVC

from skvideo3d.feature_extraction.base import VideoTransformer

__all__ = ["classifier_name", "describer_name"]


def describer_name(describer: Any) -> str:
    """Call a describer by what a table's reader wants to know.

    Parameters
    ----------
    describer : transformer

    Returns
    -------
    str

    Examples
    --------
    >>> from sklearn.pipeline import make_union
    >>> from skvideo3d import C3DTransformer
    >>> describer_name(C3DTransformer(n_components=50))
    'C3D fc6 (sports1m), 50 PCA components'
    >>> describer_name(make_union(C3DTransformer(), C3DTransformer(None, layer=("fc6", "fc7"))))
    'C3D fc6 (sports1m) + C3D fc6+fc7 (random weights)'
    """
    if isinstance(describer, VideoTransformer):
        weights = describer.weights
        origin = "random weights" if weights is None else Path(weights).stem
        layers = describer.layer if isinstance(describer.layer, str) else "+".join(describer.layer)
        name = f"{describer._architecture.upper()} {layers} ({origin})"
        if describer.n_components is not None:
            name += f", {describer.n_components} PCA components"
        return name
    if isinstance(describer, FeatureUnion):
        return " + ".join(describer_name(step) for _, step in describer.transformer_list)
    if isinstance(describer, Pipeline):
        return " > ".join(describer_name(step) for _, step in describer.steps)
    return type(describer).__name__ if hasattr(describer, "get_params") else str(describer)


def classifier_name(classifier: Any) -> str:
    """Call a classifier by what a table's reader wants to know.

    Parameters
    ----------
    classifier : classifier

    Returns
    -------
    str
    """
    is_linear_svm = isinstance(classifier, LinearSVC) or (
        isinstance(classifier, SVC) and classifier.kernel == "linear"
    )
    return "linear SVM" if is_linear_svm else type(classifier).__name__
