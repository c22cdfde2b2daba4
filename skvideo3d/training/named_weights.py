"""Whether weights are of the network that a name stands for, and which name they are of."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models.description import Architecture, describe, entry_of
from skvideo3d.models.fitting import build
from skvideo3d.models.names import NETWORKS

__all__ = ["check_weights_are_of"]

_KINDS = {"c3d": "C3D", "i3d": "I3D", "study": "StudyNetwork"}

# What makes one of the papers' networks another one, and what it is where nobody says. Width,
# hidden units, classes and the last pooling are the user's.
_USUAL: dict[Architecture, dict[str, object]] = {
    "c3d": {"batch_norm": False, "pool1_stride": 1},
    "i3d": {},
    "study": {"kernel_depths": (3,) * 5},
}
_PLAIN = _USUAL["c3d"]  # which goes without saying, as the files of a C3D do


def check_weights_are_of(
    name: str,
    weights: str | PathLike[str],
    params: Mapping[str, object],
    *,
    clip_len: int | None = None,
    crop: tuple[int, int] | None = None,
) -> None:
    """Refuse weights of another network than the named one, before their values are fetched.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`.
    weights : str or path-like
        A published name or the path of a checkpoint.
    params : mapping
        Arguments of the constructor, which win over those that make the named network.
    clip_len : int, optional
    crop : (int, int), optional
        What the user says of the size of clips, which wins over the named network's, too.

    Raises
    ------
    CheckpointError
        If they are, or if there is no such file.
    ValueError
        If there are no such published weights.
    """
    named = NETWORKS[name]
    entry = entry_of(weights, None, "rgb")
    if entry is None:
        found = describe(weights, params)
        kind, config = found.architecture, dict(found.config)
    else:
        kind, config = entry.architecture, dict(entry.config)
    own = _made_of(kind, config)
    wanted = _made_of(named.architecture, {**named.config, **params})
    size = _size_of(build(kind, config).config)
    fixed = None if "input_size" in params else _size_of(named.config)
    if fixed is not None and size is not None:
        fixed = (size[:1] if clip_len else fixed[:1]) + (size[1:] if crop else fixed[1:])
    if kind == named.architecture and own == wanted and fixed in (None, size):
        return
    told = size if fixed is not None else None
    raise CheckpointError(
        f"weights={str(weights)!r} are of {_told(kind, own, told)}, and network={name!r} is "
        f"{_told(named.architecture, wanted, fixed)}; use {_fitting(kind, own, size)}."
    )


def _made_of(kind: Architecture, config: Mapping[str, Any]) -> dict[str, object]:
    """Tell what of a network's arguments makes it that network, in one spelling."""
    made = {key: config.get(key, usual) for key, usual in _USUAL[kind].items()}
    depths = made.get("kernel_depths")
    if isinstance(depths, int):
        made["kernel_depths"] = (depths,) * 5
    elif depths is not None:
        made["kernel_depths"] = tuple(depths)
    return made


def _size_of(config: Mapping[str, Any]) -> tuple[int, ...] | None:
    return tuple(config["input_size"]) if "input_size" in config else None


def _told(kind: Architecture, made: Mapping[str, object], size: tuple[int, ...] | None) -> str:
    told = [f"{key}={value!r}" for key, value in made.items() if value != _PLAIN.get(key)]
    if size is not None:
        told.append(f"input_size={size}")
    return f"{_KINDS[kind]}({', '.join(told)})" if told else _KINDS[kind]


def _fitting(kind: Architecture, made: Mapping[str, object], size: tuple[int, ...] | None) -> str:
    """Name the networks that weights are of, or one and what makes it theirs."""
    alike = [name for name, named in NETWORKS.items() if named.architecture == kind]
    names = [
        name
        for name in alike
        if _made_of(kind, NETWORKS[name].config) == made
        and _size_of(NETWORKS[name].config) in (None, size)
    ]
    if names:
        return f"network={' or '.join(map(repr, names))}"
    usual = _made_of(kind, NETWORKS[alike[0]].config)
    params = {key: value for key, value in made.items() if value != usual[key]}
    return f"network={alike[0]!r}, network_params={params!r}"
