"""Weights from a name, a file or a seed to a network, and back to a file."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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
from .download import fetch, sha256_of, weights_folder
from .fitting import build
from .registry import WEIGHTS
from .saving import save_weights

if TYPE_CHECKING:
    from .c3d import C3D
    from .i3d import I3D

__all__ = [
    "Weights",
    "build_network",
    "check_layers",
    "load_network",
    "load_weights",
    "resolve_weights",
    "save_weights",
]

_CLASSIFIER_LAYERS = {"fc8", "logits", "prob"}


@dataclass(frozen=True)
class Weights:
    """Everything that determines a network's numbers, small enough to send to a worker.

    Parameters
    ----------
    architecture : {"c3d", "i3d"}
    config : tuple of (str, object) pairs
        Arguments of the network's constructor.
    sha256 : str
        Of the file; for random weights a text that says how they are drawn.
    path : str or None
        Where the file is; two objects that differ in nothing else are equal.
    seed : int or None
        Of random weights.
    preprocessing : Preprocessing
        What belongs before the network.
    """

    architecture: Architecture
    config: Config
    sha256: str
    path: str | None = field(compare=False)
    seed: int | None
    preprocessing: Preprocessing


def resolve_weights(
    weights: str | PathLike[str] | None,
    architecture: Architecture,
    *,
    stream: Literal["rgb", "flow"] | None = "rgb",
    seed: int | None = None,
    config: Mapping[str, object] | None = None,
    download: bool = True,
) -> Weights:
    """Find out what `weights` means, fetching published files, without building the network.

    Parameters
    ----------
    weights : str, path-like or None
        A name in `skvideo3d.models.registry.WEIGHTS`, a path to a checkpoint in any published
        layout, or None for random weights.
    architecture : {"c3d", "i3d"}
    stream : {"rgb", "flow"} or None, default="rgb"
        What an I3D network looks at; None takes the file's word for it.
    seed : int, optional
        Of random weights; None draws one.
    config : dict, optional
        Arguments of the network's constructor beyond what the file tells, such as
        ``{"pool5": "padded"}``.
    download : bool, default=True
        False: a published file that is not there is an error.

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
        return _random_weights(architecture, stream, seed, config)
    if not isinstance(weights, str | PathLike):
        raise TypeError(
            f"weights={weights!r}: give a published name, a path to a checkpoint, or None."
        )
    entry = entry_of(weights, architecture, stream)
    path = str(fetch(entry, download=download)) if entry else os.path.abspath(weights)
    found = describe(path, config)
    if found.architecture != architecture:
        raise CheckpointError(
            f"'{path}' holds an {found.architecture} network, and {architecture} is needed; "
            f"use {found.architecture.upper()}Transformer for it."
        )
    _check_stream(path, found, stream)
    recipe = found.preprocessing or (entry.preprocessing if entry else RECIPES[architecture])
    if entry and entry.mean:
        cube = fetch(WEIGHTS[entry.mean], download=download)
        recipe = replace(recipe, mean=MeanCube.from_file(cube))
    return Weights(architecture, found.config, sha256_of(path), path, None, recipe)


def load_network(weights: Weights) -> C3D | I3D:
    """Build a network and give it its weights.

    Parameters
    ----------
    weights : Weights

    Returns
    -------
    C3D or I3D
        float32, on the CPU, in evaluation mode, without gradients.

    Raises
    ------
    CheckpointError
        If the file is gone or is not the one that was described.

    Examples
    --------
    >>> weights = resolve_weights(None, "c3d", seed=0, config={"width": 0.05})
    >>> load_network(weights).conv1a.weight.shape
    torch.Size([3, 3, 3, 3, 3])
    """
    if weights.path is None:
        if weights.seed is None:
            raise ValueError("These weights have neither a file nor a seed.")
        from .initialization import initialize

        network = build_network(weights)
        return initialize(network, weights.seed).eval().requires_grad_(False)
    path = _find_again(weights)
    network = build_network(weights)
    network.load_state_dict(our_tensors(path, network), assign=True)
    return network.eval().requires_grad_(False)


def build_network(weights: Weights, device: str = "meta") -> C3D | I3D:
    """Build the network of some weights without them, to ask for its layers and sizes.

    Parameters
    ----------
    weights : Weights
    device : str, default="meta"
        By default nothing is allocated or computed.

    Returns
    -------
    C3D or I3D

    Examples
    --------
    >>> weights = resolve_weights(None, "i3d", seed=0)
    >>> build_network(weights).logits.conv3d.weight.shape
    torch.Size([400, 1024, 1, 1, 1])
    """
    return build(weights.architecture, dict(weights.config), device)


def load_weights(
    weights: str | PathLike[str] | None,
    architecture: Architecture | None = None,
    **options: Any,
) -> C3D | I3D:
    """Give a network with the weights of a name, a file or a seed.

    Parameters
    ----------
    weights : str, path-like or None
        As in `resolve_weights`.
    architecture : {"c3d", "i3d"}, optional
        Needed for random weights; otherwise the file tells.
    **options
        `stream`, `seed`, `config` and `download` of `resolve_weights`; without `stream`, a file
        by path may be of either.

    Returns
    -------
    C3D or I3D
        float32, in evaluation mode, without gradients.

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
    return load_network(resolve_weights(weights, architecture, **options))


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
    if not lacking or dict(weights.config).get("num_classes") is not None:
        return
    having = [
        repr(entry.name)
        for entry in WEIGHTS.values()
        if (entry.kind, entry.architecture) == ("network", weights.architecture) and not entry.lacks
    ]
    where = f"file '{weights.path}'" if weights.path else f"random {weights.architecture} network"
    instead = "'pool5', 'fc6' or 'fc7'" if weights.architecture == "c3d" else "'avg_pool'"
    raise ValueError(
        f"layer={lacking[0]!r} needs a classifier, which the {where} does not have. Use layer "
        f"{instead}, or weights that have it: {', '.join(having)}."
    )


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
    if found.architecture != "i3d" or stream is None or channels not in (2, 3):
        return
    if channels != (2 if stream == "flow" else 3):
        other = "flow" if channels == 2 else "rgb"
        raise CheckpointError(
            f"'{path}' takes {channels} channels, which is the {other} stream, but "
            f"stream={stream!r}; pass stream={other!r}."
        )


def _find_again(weights: Weights) -> str:
    assert weights.path is not None
    # On another machine the cache may be elsewhere: the name below it is the same.
    for path in (Path(weights.path), weights_folder() / Path(weights.path).name):
        if path.is_file():
            if sha256_of(path) == weights.sha256:
                return str(path)
            raise CheckpointError(
                f"'{path}' is not the file it was: its sha256 is {sha256_of(path)} and was "
                f"{weights.sha256}. Restore it, or make the estimator again."
            )
    raise CheckpointError(
        f"There is no checkpoint file at '{weights.path}' any more, nor one of its name in "
        f"'{weights_folder()}' on this machine; put it there (sha256 {weights.sha256})."
    )
