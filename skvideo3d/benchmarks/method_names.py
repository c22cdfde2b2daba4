"""What a describer and a classifier are called in a table."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import SVC, LinearSVC

from skvideo3d import FrameTransformer, I3DTransformer
from skvideo3d.feature_extraction.base import VideoTransformer
from skvideo3d.flow import OpticalFlow

__all__ = ["classifier_name", "describer_name", "stream_names"]

_POOLED = {"mean": "frames averaged", "max": "largest of frames"}


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
    >>> from skvideo3d import C3DTransformer, I3DTransformer
    >>> describer_name(C3DTransformer(n_components=50))
    'C3D fc6 (sports1m), 50 PCA components'
    >>> describer_name(make_union(C3DTransformer(), C3DTransformer(None, layer=("fc6", "fc7"))))
    'C3D fc6 (sports1m) + C3D fc6+fc7 (random weights)'
    >>> describer_name(I3DTransformer(stream="two-stream", flow="dis"))
    'I3D avg_pool, RGB + DIS flow (kinetics400)'
    >>> from skvideo3d import FrameTransformer
    >>> describer_name(FrameTransformer("resnet50"))
    'resnet50 penultimate, frames averaged (ImageNet)'
    """
    if isinstance(describer, VideoTransformer):
        layers = describer.layer if isinstance(describer.layer, str) else "+".join(describer.layer)
        network = describer._architecture.upper()
        origins = [_origin(weights) for weights in describer._used_weights()]
        seen = ""
        if isinstance(describer, I3DTransformer):
            seen = f", {' + '.join(_seen(describer).values())}"
        elif isinstance(describer, FrameTransformer):
            network, seen = _module_name(describer), f", {_POOLED[describer.pooling]}"
            if describer.weights == "default":
                origins = [_default_origin(describer)]
        name = f"{network} {layers}{seen} ({' + '.join(dict.fromkeys(origins))})"
        if describer.n_components is not None:
            name += f", {describer.n_components} PCA components"
        return name
    if isinstance(describer, FeatureUnion):
        return " + ".join(describer_name(step) for _, step in describer.transformer_list)
    if isinstance(describer, Pipeline):
        return " > ".join(describer_name(step) for _, step in describer.steps)
    return type(describer).__name__ if hasattr(describer, "get_params") else str(describer)


def stream_names(describer: Any) -> dict[str, str]:
    """Call each of two streams, as if it were alone.

    Parameters
    ----------
    describer : transformer

    Returns
    -------
    dict of str to str
        "rgb" and "flow" with their names; empty for anything but a transformer of two streams.

    Examples
    --------
    >>> from skvideo3d import I3DTransformer
    >>> stream_names(I3DTransformer(("a.pt", "b.pt"), stream="two-stream"))
    {'rgb': 'I3D avg_pool, RGB (a)', 'flow': 'I3D avg_pool, flow (b)'}
    """
    if not isinstance(describer, I3DTransformer) or describer.stream != "two-stream":
        return {}
    return {
        stream: describer_name(
            I3DTransformer(weights, stream=stream, flow=describer.flow, layer=describer.layer)
        )
        for stream, weights in describer._weights_by_stream().items()
    }


def _seen(describer: I3DTransformer) -> dict[str, str]:
    """Say what a network looks at, by stream; flow by another method than the papers' by which."""
    flow = OpticalFlow.from_any(describer.flow)
    if isinstance(flow.method, str):
        method = "" if flow.method == "tvl1" else f"{flow.method.upper()} "
    else:
        method = f"{flow.name or getattr(flow.method, '__name__', type(flow.method).__name__)} "
    # As the tables of Carreira & Zisserman 2017 write them.
    names = {"rgb": "RGB", "flow": f"{method}flow"}
    if describer.stream == "two-stream":
        return names
    return {describer.stream: names[describer.stream]}


def _module_name(describer: FrameTransformer) -> str:
    network = describer.network
    return network if isinstance(network, str) else type(network).__name__


def _default_origin(describer: FrameTransformer) -> str:
    # What torchvision recommends for its classification networks was trained on ImageNet.
    return "ImageNet" if isinstance(describer.network, str) else "its own weights"


def _origin(weights: str | PathLike[str] | None) -> str:
    return "random weights" if weights is None else Path(weights).stem


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
