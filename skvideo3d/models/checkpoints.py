"""Weights from a name, a file or a seed to a network, and back to a file."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, cast

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import MeanCube, Preprocessing

from .description import (
    RECIPES,
    Architecture,
    Config,
    Description,
    architecture_of,
    describe,
    entry_of,
    freeze_config,
    our_tensors,
)
from .download import fetch, locate, verify
from .fitting import build
from .hashing import sha256_of, unchanged
from .registry import WEIGHTS, WeightsEntry, find_entry, published
from .saving import save_weights
from .weights import Weights, relocated

if TYPE_CHECKING:
    from .fitting import Network
    from .frames import FrameNetwork

__all__ = [
    "Weights",
    "build_network",
    "check_layers",
    "foresee_weights",
    "load_network",
    "load_weights",
    "relocated",
    "resolve_weights",
    "save_weights",
]

_CLASSIFIER_LAYERS = {"fc8", "logits", "prob"}


def resolve_weights(
    weights: str | PathLike[str] | None,
    architecture: Architecture,
    *,
    stream: Literal["rgb", "flow"] | None = "rgb",
    seed: int | None = None,
    config: Mapping[str, object] | None = None,
    download: bool = True,
    preprocessing: Preprocessing | None = None,
) -> Weights:
    """Find out what `weights` means, fetching published files, without building the network.

    Parameters
    ----------
    weights : str, path-like or None
        A name in `skvideo3d.models.registry.WEIGHTS`, a path to a checkpoint in any published
        layout, or None for random weights.
    architecture : {"c3d", "i3d", "study"}
        Of the network; "c3d" stands for its study, too, where a file says so.
    stream : {"rgb", "flow"} or None, default="rgb"
        What the network looks at; None takes the file's word for it.
    seed : int, optional
        Of random weights; None draws one.
    config : dict, optional
        Arguments of the network's constructor beyond what the file tells, such as
        ``{"pool5": "padded"}``.
    download : bool, default=True
        False: a published file that is not there is an error.
    preprocessing : Preprocessing, optional
        What goes before the network instead of what belongs to the weights, whose mean cube is
        then not fetched.

    Returns
    -------
    Weights

    Raises
    ------
    ValueError
        If there are no such published weights.
    CheckpointError
        If a file is not there, is no checkpoint of this network, or was changed.
    DownloadError
        If a published file is not there and cannot be fetched.

    Examples
    --------
    >>> weights = resolve_weights(None, "c3d", seed=0, config={"width": 0.05})
    >>> weights.seed, dict(weights.config)["width"]
    (0, 0.05)
    """
    if weights is None:
        drawn = _random_weights(architecture, stream, seed, config)
        return replace(drawn, preprocessing=preprocessing or drawn.preprocessing)
    if not isinstance(weights, str | PathLike):
        raise TypeError(
            f"weights={weights!r}: give a published name, a path to a checkpoint, or None."
        )
    entry = entry_of(weights, architecture, stream)
    path = str(fetch(entry, download=download)) if entry else os.path.abspath(weights)
    if not os.path.isfile(path):
        raise CheckpointError(f"There is no checkpoint file at '{path}'.")
    with unchanged(path):
        if entry:
            verify(path, entry)  # costs nothing, unless it was changed since
        found, sha256 = describe(path, config), sha256_of(path)
    if architecture not in (found.architecture, family := _family(found.architecture)):
        raise CheckpointError(
            f"'{path}' holds a network of the kind {found.architecture}, and {architecture} "
            f"is needed; use {family.upper()}Transformer for it."
        )
    _check_stream(path, found, stream)
    if preprocessing is None:
        preprocessing = found.preprocessing or (
            _recipe_of(entry, download=download, must=True) if entry else RECIPES[architecture]
        )
    return Weights(found.architecture, found.config, sha256, path, None, preprocessing)


def foresee_weights(
    weights: str | PathLike[str] | None,
    architecture: Architecture,
    stream: Literal["rgb", "flow"] | None = "rgb",
) -> Weights | None:
    """Tell what published weights will be, before anything is fetched or read.

    It serves to refuse what cannot be, such as a layer that the file does not have, before a
    download of hundreds of megabytes.

    Parameters
    ----------
    weights : str, path-like or None
    architecture : {"c3d", "i3d"}
    stream : {"rgb", "flow"} or None, default="rgb"
        As in `resolve_weights`.

    Returns
    -------
    Weights or None
        Without a path, with a mean for each channel where a mean cube will come, and with an empty
        `sha256` where nobody published it. None for anything but a published name.

    Raises
    ------
    ValueError
        If the name is for another network or stream.

    Examples
    --------
    >>> foreseen = foresee_weights("sports1m", "c3d")
    >>> dict(foreseen.config)["num_classes"] is None
    True
    >>> foresee_weights("mine.pth", "c3d") is None
    True
    """
    if not isinstance(weights, str) or not published(weights, stream):
        return None
    entry = find_entry(weights, architecture, stream)
    config = _complete_config(architecture, freeze_config(entry.config))
    return Weights(architecture, config, entry.sha256 or "", None, None, entry.preprocessing)


def load_network(weights: Weights) -> Network | FrameNetwork:
    """Build a network and give it its weights.

    Parameters
    ----------
    weights : Weights

    Returns
    -------
    C3D, I3D, StudyNetwork or FrameNetwork
        float32, on the CPU, in evaluation mode, without gradients, in memory of its own; with
        the attribute `preprocessing`.

    Raises
    ------
    CheckpointError
        If the file is gone, is not the one that was described, or changes while it is read.

    Examples
    --------
    >>> weights = resolve_weights(None, "c3d", seed=0, config={"width": 0.05})
    >>> load_network(weights).conv1a.weight.shape
    torch.Size([3, 3, 3, 3, 3])
    """
    if weights.architecture == "frame":
        from .frames import load_frame_network

        return load_frame_network(weights)
    weights = relocated(weights)
    network = build(weights.architecture, dict(weights.config))
    if weights.path is not None:
        with unchanged(weights.path):
            relocated(weights)  # what is hashed is what is read
            network.load_state_dict(our_tensors(weights.path, network), assign=True)
    elif weights.seed is not None:
        from .initialization import initialize

        network = initialize(network, weights.seed)
    else:
        raise ValueError("These weights have neither a file nor a seed.")
    network.preprocessing = weights.preprocessing
    return network.eval().requires_grad_(False)


def build_network(weights: Weights, device: str = "meta") -> Network | FrameNetwork:
    """Build the network of some weights without them, to ask for its layers and sizes.

    Parameters
    ----------
    weights : Weights
    device : str, default="meta"
        By default nothing is allocated or computed.

    Returns
    -------
    C3D, I3D, StudyNetwork or FrameNetwork

    Examples
    --------
    >>> weights = resolve_weights(None, "i3d", seed=0)
    >>> build_network(weights).logits.conv3d.weight.shape
    torch.Size([400, 1024, 1, 1, 1])
    """
    if weights.architecture == "frame":
        from .frames import build_frame_network

        return build_frame_network(weights, device)
    return build(weights.architecture, dict(weights.config), device)


def load_weights(
    weights: str | PathLike[str] | None,
    architecture: Architecture | None = None,
    **options: Any,
) -> Network:
    """Give a network with the weights of a name, a file or a seed.

    Parameters
    ----------
    weights : str, path-like or None
        As in `resolve_weights`.
    architecture : {"c3d", "i3d", "study"}, optional
        Needed for random weights; otherwise the file tells.
    **options
        `stream`, `seed`, `config`, `download` and `preprocessing` of `resolve_weights`; without
        `stream`, a file by path may be of either.

    Returns
    -------
    C3D, I3D or StudyNetwork
        float32, in evaluation mode, without gradients. Its attribute `preprocessing` is what
        belongs before it; no mean cube is fetched for it, but one that is here is named in it.

    Raises
    ------
    ValueError, CheckpointError, DownloadError
        As in `resolve_weights`.

    Examples
    --------
    >>> load_weights(None, "i3d", seed=0, config={"width": 0.1, "num_classes": 5}).config["width"]
    0.1
    """
    options.setdefault("stream", None)
    if architecture is None:
        architecture = architecture_of(weights, options.get("config"))
    entry = published(weights, options["stream"]) if isinstance(weights, str) else None
    if entry and not entry.shipped and options.get("preprocessing") is None:
        options["preprocessing"] = _recipe_of(entry, download=False, must=False)
    network = load_network(resolve_weights(weights, architecture, **options))
    return cast("Network", network)


def check_layers(weights: Weights, layers: Sequence[str]) -> None:
    """Refuse layers that need a classifier where the file has none.

    Parameters
    ----------
    weights : Weights
    layers : sequence of str

    Raises
    ------
    ValueError
        Naming the layer, the file, and published weights that have it.

    Examples
    --------
    >>> weights = resolve_weights(None, "c3d", seed=0, config={"num_classes": None, "width": 0.05})
    >>> check_layers(weights, ["fc6"])
    >>> check_layers(weights, ["fc6", "prob"])
    Traceback (most recent call last):
        ...
    ValueError: layer='prob' needs a classifier, which the random c3d network does not have. Use
    layer 'pool5', 'fc6' or 'fc7', or weights that have it: 'sports1m-fc8', 'sports1m-caffe'.
    """
    lacking = [layer for layer in layers if layer in _CLASSIFIER_LAYERS]
    if weights.architecture == "frame":  # which names its layers as it likes
        return
    if not lacking or dict(weights.config).get("num_classes") is not None:
        return
    channels = dict(weights.config)["in_channels"]
    having = [
        repr(entry.name)
        for entry in WEIGHTS.values()
        if (entry.kind, entry.architecture) == ("network", _family(weights.architecture))
        and entry.config.get("in_channels", 3) == channels
        and not entry.lacks
    ]
    where = f"random {weights.architecture} network"
    if weights.seed is None:
        names = [entry.name for entry in WEIGHTS.values() if entry.sha256 == weights.sha256]
        where = f"file '{weights.path}'" if weights.path else f"file of '{' '.join(names)}'"
    instead = "'avg_pool'" if weights.architecture == "i3d" else "'pool5', 'fc6' or 'fc7'"
    raise ValueError(
        f"layer={lacking[0]!r} needs a classifier, which the {where} does not have. Use layer "
        f"{instead}, or weights that have it: {', '.join(having)}."
    )


def _family(architecture: str) -> str:
    """Tell whose transformer runs a network: the study's have the layers of C3D."""
    return "c3d" if architecture == "study" else architecture


def _recipe_of(entry: WeightsEntry, *, download: bool, must: bool) -> Preprocessing:
    """Give the recipe of published weights, with its mean cube if it is here or must be."""
    mean = WEIGHTS[entry.mean] if entry.mean else None
    if mean is None or not (must or locate(mean).exists()):
        return entry.preprocessing
    path = fetch(mean, download=download)
    with unchanged(path):
        verify(path, mean)
        cube = MeanCube.from_file(path)
    return replace(entry.preprocessing, mean=cube)


def _random_weights(
    architecture: Architecture,
    stream: str | None,
    seed: int | None,
    config: Mapping[str, object] | None,
) -> Weights:
    from .initialization import INITIALIZATION

    if seed is None:
        seed = secrets.randbits(32)
    given = {"in_channels": 2} if stream == "flow" else {}
    frozen = _complete_config(architecture, freeze_config(given | dict(config or {})))
    content = f"random-{INITIALIZATION}-{architecture}-{seed}-{json.dumps(frozen)}"
    return Weights(architecture, frozen, content, None, seed, RECIPES[architecture])


@lru_cache(maxsize=32)
def _complete_config(architecture: Architecture, given: Config) -> Config:
    return freeze_config(build(architecture, dict(given)).config)


def _check_stream(path: str, found: Description, stream: str | None) -> None:
    channels = dict(found.config)["in_channels"]
    if stream is None or channels == (2 if stream == "flow" else 3):
        return
    own = "rgb" if channels == 3 else "flow" if channels == 2 else None
    if own is None or found.architecture != "i3d":
        raise CheckpointError(
            f"'{path}' takes {channels} channels, and {found.architecture.upper()}Transformer "
            f"gives it {'3 (rgb) or 2 (flow)' if found.architecture == 'i3d' else '3 (rgb)'}. "
            "load_weights takes it and gives the network."
        )
    raise CheckpointError(
        f"'{path}' takes {channels} channels, which is the {own} stream, and weights of the "
        f"{stream} stream are needed; use it with stream={own!r}, or another file."
    )
