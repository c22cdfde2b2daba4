"""A network on its way through a pickle: what builds it, and arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from skvideo3d.models.network import LayeredNetwork
from skvideo3d.video.preprocessing import Preprocessing

__all__ = ["PackedNetwork", "packed", "unpacked"]


@dataclass(frozen=True)
class PackedNetwork:
    """A network of `skvideo3d.models` without torch's own pickles.

    Parameters
    ----------
    kind : type
    config : dict
        Arguments of its constructor.
    arrays : dict of str to ndarray
        Its state.
    preprocessing : Preprocessing or None
    """

    kind: type[LayeredNetwork]
    config: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    preprocessing: Preprocessing | None


def packed(network: nn.Module) -> nn.Module | PackedNetwork:
    """Take a network apart; a module of somebody else's pickles itself.

    Parameters
    ----------
    network : Module

    Returns
    -------
    PackedNetwork or Module
    """
    config: dict[str, Any] | None = getattr(network, "config", None)
    if not isinstance(network, LayeredNetwork) or config is None:
        return network
    arrays = {name: value.cpu().numpy() for name, value in network.state_dict().items()}
    return PackedNetwork(type(network), config, arrays, network.preprocessing)


def unpacked(content: nn.Module | PackedNetwork) -> nn.Module:
    """Put a network together again.

    Parameters
    ----------
    content : PackedNetwork or Module

    Returns
    -------
    Module
        In evaluation mode.
    """
    if not isinstance(content, PackedNetwork):
        return content
    with torch.device("meta"):
        network = content.kind(**content.config)
    state = {name: torch.from_numpy(values.copy()) for name, values in content.arrays.items()}
    network.load_state_dict(state, assign=True)
    network.preprocessing = content.preprocessing
    return network.eval()
