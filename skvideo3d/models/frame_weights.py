"""What the weights of a frame network are: published by torchvision, in a file, or random."""

from __future__ import annotations

import json
import os
import secrets
from os import PathLike
from typing import TYPE_CHECKING, Any

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import IMAGENET_PREPROCESSING, Preprocessing

from .any_initialization import ANY_INITIALIZATION
from .description import Config, freeze_config
from .formats import read_shapes
from .hashing import sha256_of, unchanged
from .module_content import content_of, structure_of
from .torchvision_networks import (
    build_by_name,
    check_name,
    fetch_published,
    find_published,
    options_of,
    recipe_of,
)
from .weights import Weights

if TYPE_CHECKING:
    from torch import nn

__all__ = ["foresee_frame_weights", "resolve_frame_weights"]

# Classes of the networks as torchvision builds them.
_IMAGENET_CLASSES = 1000


def resolve_frame_weights(
    network: str | nn.Module,
    weights: str | PathLike[str] | None = "default",
    *,
    seed: int | None = None,
    preprocessing: Preprocessing | None = None,
    is_kept: bool = False,
) -> Weights:
    """Find out what `network` and `weights` mean, fetching published files.

    Parameters
    ----------
    network : str or Module
        A name of torchvision's, or any module that takes frames.
    weights : str, path-like or None, default="default"
        "default" for those that torchvision recommends, or that the module has; a name of
        torchvision's; the path of a state dict; or None for random ones.
    seed : int, optional
        Of random weights; None draws one.
    preprocessing : Preprocessing, optional
        What goes before the network instead of what belongs to the weights.
    is_kept : bool, default=False
        Whether what the network gives will be found again by these weights, in other processes.

    Returns
    -------
    Weights
        A module is known by the SHA-256 of its structure (see
        `skvideo3d.models.module_content.structure_of`), with its own numbers by that of all its
        content. Those of a module that cannot be told from others are equal to themselves alone.

    Raises
    ------
    ImportError
        If torchvision is needed and cannot be used.
    ValueError
        If there is no such network, or none of such weights; if `is_kept` and a module has what
        cannot be told from others.
    CheckpointError
        If a file is not there, is no state dict, or was changed.
    DownloadError
        If published weights are not there and cannot be fetched.

    Examples
    --------
    >>> from torch import nn
    >>> weights = resolve_frame_weights(nn.Conv2d(3, 4, 3), None, seed=0)
    >>> weights.architecture, weights.seed
    ('frame', 0)
    """
    recipe = preprocessing or IMAGENET_PREPROCESSING
    module = None if isinstance(network, str) else network
    config = _config(network, is_kept=is_kept)
    if weights is None:
        seed = secrets.randbits(32) if seed is None else seed
        known_by = {k: v for k, v in config if k not in ("reached", "unknown")}
        text = f"random-{ANY_INITIALIZATION}-frame-{seed}-{json.dumps(known_by)}"
        return Weights("frame", config, text, None, seed, recipe, module)
    if weights == "default" and module is not None:
        _check_numbers(module)
        return Weights("frame", config, content_of(module), None, None, recipe, module)
    published = _published(network, weights)
    if published is not None:
        path = fetch_published(published)
        config = _config(network, options_of(str(network), published))
        recipe = preprocessing or recipe_of(published)
        return Weights("frame", config, sha256_of(path), path, None, recipe)
    path = os.path.abspath(weights)
    if not os.path.isfile(path):
        raise _not_there(network, weights)
    with unchanged(path):
        if module is None:
            config = _config(network, _options_in(path, str(network)))
        sha256 = sha256_of(path)
    return Weights("frame", config, sha256, path, None, recipe, module)


def foresee_frame_weights(
    network: str | nn.Module, weights: str | PathLike[str] | None
) -> Weights | None:
    """Tell what published weights will be, before anything is fetched.

    Parameters
    ----------
    network : str or Module
    weights : str, path-like or None
        As in `resolve_frame_weights`.

    Returns
    -------
    Weights or None
        Without a path or `sha256`. None for anything but published weights.

    Raises
    ------
    ImportError, ValueError
        As in `resolve_frame_weights`.
    """
    published = None if weights is None else _published(network, weights)
    if published is None:
        return None
    config = _config(network, options_of(str(network), published))
    return Weights("frame", config, "", None, None, recipe_of(published))


def _config(
    network: str | nn.Module, options: dict[str, Any] | None = None, *, is_kept: bool = False
) -> Config:
    if isinstance(network, str):
        check_name(network)
        return freeze_config({"network": network, **(options or {})})
    if isinstance(network, type):
        raise ValueError(f"network={network.__name__} is a class: pass a module that it makes.")
    own = structure_of(network, reached=False)
    config: dict[str, object] = {"module": own.sha256}
    if is_kept:
        structure = structure_of(network)
        if structure.unknown:
            raise _cannot_be_kept(network, *structure.unknown[0])
        config["reached"] = structure.sha256
    elif own.unknown:
        config["unknown"] = secrets.token_hex(16)  # equal to itself alone
    return freeze_config(config)


def _published(network: str | nn.Module, weights: str | PathLike[str]) -> Any:
    if not isinstance(network, str) or not isinstance(weights, str):
        return None
    check_name(network)
    return find_published(network, weights)


def _check_numbers(module: nn.Module) -> None:
    from torch.nn.parameter import is_lazy

    for name, value in module.named_parameters():
        if is_lazy(value) or value.is_meta:
            raise ValueError(
                f"network={type(module).__name__}: its parameter {name!r} has no numbers yet; run "
                "the module once, or give weights= the path of a state dict."
            )


def _options_in(path: str, network: str) -> dict[str, Any]:
    """Find what tells a network that was trained on other data from torchvision's own."""
    expected = build_by_name(network, "meta", is_trained=True).state_dict()
    # DataParallel puts a prefix before all names.
    shapes = {name.removeprefix("module."): shape for name, shape in read_shapes(path).items()}
    classes = {
        shapes[name][0]
        for name in shapes.keys() & expected.keys()
        if expected[name].shape[:1] == (_IMAGENET_CLASSES,) and shapes[name]
    }
    options: dict[str, Any] = {"num_classes": classes.pop()} if len(classes) == 1 else {}
    auxiliary = [name for name in expected if name.lower().startswith("aux")]
    if auxiliary:
        options["aux_logits"] = any(name in shapes for name in auxiliary)
    return options


def _cannot_be_kept(module: nn.Module, where: str, kind: str) -> Exception:
    return ValueError(
        f"What {type(module).__name__} computes cannot be kept: nothing tells {where} (of class "
        f"{kind}) from another, so that its descriptors could be mixed up with those of others. "
        "Keep there what it is made from, as numbers, texts or tensors; or use memory=None."
    )


def _not_there(network: str | nn.Module, weights: str | PathLike[str]) -> Exception:
    where = os.path.abspath(weights)
    if not isinstance(network, str):
        return CheckpointError(
            f"There is no file at '{where}'. Give weights= the path of a state dict, 'default' for "
            "the weights that the module has, or None for random ones."
        )
    from torchvision.models import get_model_weights

    names = ", ".join(map(repr, ("default", *get_model_weights(network).__members__)))
    return CheckpointError(
        f"weights={os.fspath(weights)!r}: torchvision publishes none of this name for {network} "
        f"(there are {names}), and there is no file at '{where}'."
    )
