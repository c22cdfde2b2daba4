"""What a checkpoint file is: whose layout, which network, and its arrays under our names."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import (
    C3D_PREPROCESSING,
    I3D_PREPROCESSING,
    MeanCube,
    Preprocessing,
)

from .fitting import build, check_fit, infer_config
from .formats import read_metadata, read_shapes, read_tensors
from .hashing import FileState, file_state
from .layouts import Layout, recognise
from .registry import WEIGHTS, WeightsEntry, find_entry, published

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .fitting import Network

__all__ = [
    "FORMAT",
    "MEAN_TENSOR",
    "RECIPES",
    "Architecture",
    "Config",
    "Description",
    "architecture_of",
    "describe",
    "entry_of",
    "freeze_config",
    "our_tensors",
]

Architecture = Literal["c3d", "i3d", "study"]
Config = tuple[tuple[str, object], ...]

# Of the metadata in our own files; raise it when an old reader would misread a new file.
FORMAT = 1
# The mean cube travels in our files as a tensor of this name.
MEAN_TENSOR = "preprocessing.mean"

# What belongs before a network when its file does not say.
RECIPES = {
    "c3d": C3D_PREPROCESSING,
    "i3d": I3D_PREPROCESSING,
    "study": C3D_PREPROCESSING,
}

# What no checkpoint of these networks comes near, and a hostile one would keep us busy with.
_MOST_ARRAYS = 10_000
_LONGEST_NAME = 1000
_LONGEST_SIDE = 8192

_SUFFIXES = {".pth", ".pt", ".pickle", ".safetensors", ".caffemodel"}


@dataclass(frozen=True)
class Description:
    """What is known of a checkpoint before its values are read.

    Parameters
    ----------
    architecture : {"c3d", "i3d", "study"}
    config : tuple of (str, object) pairs
        All arguments of the network's constructor.
    layout : str
        Who names the arrays so.
    preprocessing : Preprocessing or None
        From the metadata of our own files, or what all files of the layout share.
    """

    architecture: Architecture
    config: Config
    layout: str
    preprocessing: Preprocessing | None


def describe(path: str | PathLike[str], config: Mapping[str, object] | None = None) -> Description:
    """Recognise a checkpoint and check that its arrays fit its network, once while it stays as is.

    Parameters
    ----------
    path : path-like
    config : mapping, optional
        Constructor arguments beyond what the file tells.

    Returns
    -------
    Description

    Raises
    ------
    CheckpointError
        If the file is no checkpoint in a known format and layout, or does not fit its network.
    """
    path = os.path.abspath(path)
    state = file_state(path) if os.path.isfile(path) else None
    return _describe(path, state, freeze_config(config or {}))


def entry_of(
    weights: str | PathLike[str], architecture: str | None, stream: str | None
) -> WeightsEntry | None:
    """Tell a published name from the path of a file; a name wins over a file called so.

    Parameters
    ----------
    weights : str or path-like
    architecture, stream : str or None
        As in `find_entry`.

    Returns
    -------
    WeightsEntry or None
        None for a file that is there.

    Raises
    ------
    CheckpointError
        If it looks like a path and there is no file.
    ValueError
        If it looks like a name and is not published for this network.
    """
    name = weights if isinstance(weights, str) else None
    if name is None or not published(name, stream):
        if os.path.exists(weights):
            return None
        if name is None or os.path.dirname(name) or os.path.splitext(name)[1] in _SUFFIXES:
            raise CheckpointError(
                f"There is no checkpoint file at '{os.path.abspath(weights)}'. Give the path of "
                f"one, a published name ({', '.join(WEIGHTS)}), or None for random weights."
            )
    return find_entry(name, architecture, stream)


def architecture_of(
    weights: str | PathLike[str] | None, config: Mapping[str, object] | None = None
) -> Architecture:
    """Find out which network a name or a file is for.

    Parameters
    ----------
    weights : str, path-like or None
    config : mapping, optional
        As in `describe`.

    Returns
    -------
    {"c3d", "i3d", "study"}

    Raises
    ------
    ValueError
        For random weights, which do not tell, and for what is neither a name nor a checkpoint.

    Examples
    --------
    >>> architecture_of("kinetics400")
    'i3d'
    """
    if weights is None:
        raise ValueError("weights=None: say architecture='c3d', 'i3d' or 'study'.")
    entry = entry_of(weights, None, None)
    return entry.architecture if entry else describe(weights, config).architecture


def our_tensors(path: str | PathLike[str], network: nn.Module) -> dict[str, Tensor]:
    """Read the values of a checkpoint as a state dict of our network.

    Parameters
    ----------
    path : path-like
    network : Module
        That the values are for, possibly without memory.

    Returns
    -------
    dict of str to Tensor, float32

    Raises
    ------
    CheckpointError
        As in `describe`, or if a value is not finite.
    """
    import torch

    tensors = read_tensors(path)
    layout, ours, _ = _sorted_names({name: tuple(tensors[name].shape) for name in tensors}, path)
    state = {}
    for name, target in network.state_dict().items():
        if name not in ours:  # a step counter: describe() found all else
            state[name] = torch.zeros(target.shape, dtype=target.dtype)
            continue
        # A copy: what was read may still be mapped to the file, which others may overwrite.
        values = tensors.pop(ours[name]).to(torch.float32, copy=True)
        if not torch.isfinite(values).all():
            raise CheckpointError(f"'{path}': {ours[name]!r} has values that are not finite.")
        state[name] = values.reshape(layout.shape(name, tuple(values.shape)))
    return state


def freeze_config(config: Mapping[str, object]) -> Config:
    """Make a hashable copy of constructor arguments.

    Parameters
    ----------
    config : mapping of str to object
        With lists or tuples of numbers at most.

    Returns
    -------
    tuple of (str, object) pairs

    Examples
    --------
    >>> freeze_config({"width": 0.5, "input_size": [16, 112, 112]})
    (('width', 0.5), ('input_size', (16, 112, 112)))
    """
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value) for name, value in config.items()
    )


@lru_cache(maxsize=32)
def _describe(path: str, state: FileState | None, given: Config) -> Description:
    del state  # part of the key: a file that changed is read again
    metadata = read_metadata(path)
    shapes = read_shapes(path)
    if metadata is not None:
        shapes.pop(MEAN_TENSOR, None)
    if len(shapes) > _MOST_ARRAYS or any(len(name) > _LONGEST_NAME for name in shapes):
        raise CheckpointError(
            f"'{path}' has {len(shapes)} arrays, of names with up to {max(map(len, shapes))} "
            "characters, and is no checkpoint of C3D or I3D, which have hundreds with short names."
        )
    layout, ours, others = _sorted_names(shapes, path)
    our_shapes = {name: layout.shape(name, shapes[theirs]) for name, theirs in ours.items()}
    if metadata is None:
        architecture: Architecture = layout.architecture
        recipe = layout.preprocessing
        known = {**layout.config, **dict(given)}
        try:
            network = build(architecture, infer_config(architecture, our_shapes, known))
        except (RuntimeError, OverflowError) as error:  # of sizes beyond any memory
            raise CheckpointError(
                f"'{path}': no network has the shapes of its arrays: {str(error)[:200]}."
            ) from None
    else:
        architecture, network, recipe = _from_metadata(metadata, path, dict(given))
    check_fit(network, our_shapes, others, layout, f"'{path}'")
    return Description(architecture, freeze_config(network.config), layout.name, recipe)


def _sorted_names(
    shapes: Mapping[str, tuple[int, ...]], path: str | PathLike[str]
) -> tuple[Layout, dict[str, str], list[str]]:
    names = [name for name in shapes if name != MEAN_TENSOR]
    layout = recognise(names, f"'{path}'")
    return layout, *layout.renamed(names)


def _from_metadata(
    metadata: dict[str, Any], path: str, given: Mapping[str, object]
) -> tuple[Architecture, Network, Preprocessing]:
    version = metadata.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise CheckpointError(
            f"'{path}' was written in format {version!r} of skvideo3d, and this version reads up "
            f"to {FORMAT}; upgrade skvideo3d."
        )
    try:
        architecture: Architecture = metadata["architecture"]
        network = build(architecture, {**metadata["config"], **given})
        recipe = Preprocessing.from_dict(metadata["preprocessing"], path)
        _check_recipe(recipe)
    except Exception as error:  # values of any kind make anything fail, sizes torch's own checks
        raise CheckpointError(
            f"'{path}': its skvideo3d metadata do not describe a network: "
            f"{type(error).__name__}: {str(error)[:200]}. Write the file again with save_weights."
        ) from None
    return architecture, network, recipe


def _check_recipe(recipe: Preprocessing) -> None:
    """Refuse what would fill the memory with the first frame, or its numbers with NaN."""
    resize = recipe.resize if isinstance(recipe.resize, tuple) else (recipe.resize,)
    if max(resize) > _LONGEST_SIDE:
        raise ValueError(f"resize={recipe.resize!r} is longer than {_LONGEST_SIDE}")
    scale = recipe.scale
    numbers = list(scale) if isinstance(scale, tuple) else [scale]
    if not isinstance(recipe.mean, MeanCube):
        numbers.extend(recipe.mean)
    elif not isinstance(recipe.mean.sha256, str):
        raise ValueError("the sha256 of its mean cube is no text")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"a number of its preprocessing is not finite: {numbers}")
