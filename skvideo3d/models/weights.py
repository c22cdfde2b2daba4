"""What a network's weights are, without the network, and where their files are on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import MeanCube, Preprocessing

from .description import Architecture, Config
from .download import shipped_folder, weights_folder
from .hashing import sha256_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Weights", "relocated"]


@dataclass(frozen=True)
class Weights:
    """Everything that determines a network's numbers, small enough to send to a worker.

    Parameters
    ----------
    architecture : {"c3d", "i3d", "study", "frame"}
    config : tuple of (str, object) pairs
        Arguments of the network's constructor; of a module of the user's, what its structure is
        known by.
    sha256 : str
        Of the file; for random weights a text that says how they are drawn.
    path : str or None
        Where the file is; two objects that differ in nothing else are equal.
    seed : int or None
        Of random weights.
    preprocessing : Preprocessing
        What belongs before the network.
    module : Module or None
        A frame network of the user's, which `config` and `sha256` stand for; two objects that
        differ in nothing else are equal.
    """

    architecture: Architecture | Literal["frame"]
    config: Config
    sha256: str
    path: str | None = field(compare=False)
    seed: int | None
    preprocessing: Preprocessing
    module: nn.Module | None = field(default=None, compare=False, repr=False)


def relocated(weights: Weights) -> Weights:
    """Find the files of weights that another machine described, whose cache may be elsewhere.

    Parameters
    ----------
    weights : Weights

    Returns
    -------
    Weights
        Equal to the given one. The paths of the checkpoint and of the mean cube lead to files on
        this machine: where they did, or to the same name in the weights folder or in the package.
        A mean cube that is nowhere keeps its path, and `MeanCube.array` names it.

    Raises
    ------
    CheckpointError
        If the checkpoint is gone or is not the one that was described.

    Examples
    --------
    >>> from skvideo3d.models.checkpoints import resolve_weights
    >>> weights = resolve_weights(None, "c3d", seed=0, config={"width": 0.05})
    >>> relocated(weights) == weights
    True
    """
    if weights.path is None:
        path, recipe = None, weights.preprocessing
    else:
        path, recipe = _find_again(weights), weights.preprocessing
    if isinstance(recipe.mean, MeanCube) and not os.path.isfile(recipe.mean.path):
        # Our own files carry their cube; the others lie beside the checkpoints.
        inside = recipe.mean.path == weights.path
        there = path if inside and path else weights_folder() / Path(recipe.mean.path).name
        if os.path.isfile(there):
            recipe = replace(recipe, mean=replace(recipe.mean, path=str(there)))
    return replace(weights, path=path, preprocessing=recipe)


def _find_again(weights: Weights) -> str:
    assert weights.path is not None
    # On another machine cache and package may be elsewhere: the name below them is the same.
    places = (Path(weights.path).parent, weights_folder(), shipped_folder())
    paths = [place / Path(weights.path).name for place in places]
    there = [path for path in paths if path.is_file()]
    for path in there:
        if sha256_of(path) == weights.sha256:
            return str(path)
    if there:
        raise CheckpointError(
            f"'{there[0]}' is not the file it was: its sha256 is {sha256_of(there[0])} and was "
            f"{weights.sha256}. Restore it, or make the estimator again."
        )
    raise CheckpointError(
        f"There is no checkpoint file at '{weights.path}' any more, nor one of its name in "
        f"'{weights_folder()}' on this machine; put it there (sha256 {weights.sha256})."
    )
