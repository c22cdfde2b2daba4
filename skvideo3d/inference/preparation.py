"""A network made ready for one device and one precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from skvideo3d.models import C3D, I3D
from skvideo3d.models.folding import fold_batch_norm
from skvideo3d.models.frames import FrameNetwork
from skvideo3d.models.network import LayeredNetwork

from .c3d import C3DOnCPU
from .folding import fold_batch_norms
from .i3d import I3DOnCPU

__all__ = ["PreparedNetwork", "prepare_network"]


class PreparedNetwork(Protocol):
    """What describes clips."""

    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Describe clips, for one caller at a time, without gradients.

        Parameters
        ----------
        clips : Tensor of shape (n, channels, frames, height, width), float32
            Preprocessed, on the device of the network; fastest as a view of channels-last memory.
        layers : sequence of str
            Names out of the network's `descriptor_layers`.

        Returns
        -------
        dict of str to Tensor of shape (n, d), float32
        """


def prepare_network(
    network: LayeredNetwork | FrameNetwork, precision: str, device: str
) -> PreparedNetwork:
    """Make a network ready to describe clips.

    Parameters
    ----------
    network : C3D, I3D or FrameNetwork
        Its weights are taken over: do not use it any more.
    precision : {"float32", "bfloat16", "float16"}
        In which products are computed.
    device : str
        A torch device.

    Returns
    -------
    PreparedNetwork
    """
    dtype = getattr(torch, precision)
    if isinstance(network, FrameNetwork):
        return _EagerFrameNetwork(network, dtype, device)
    if isinstance(network, C3D):
        network = fold_batch_norm(network)
    if torch.device(device).type == "cpu" and dtype in (torch.float32, torch.bfloat16):
        if isinstance(network, C3D):
            return C3DOnCPU(network, dtype)
        if isinstance(network, I3D):
            return I3DOnCPU(network, dtype)
    return _EagerNetwork(network, dtype, device)


class _EagerNetwork:
    """The network's own layers, in the layout in which 3D convolutions are fastest."""

    def __init__(self, network: LayeredNetwork, dtype: torch.dtype, device: str) -> None:
        fold_batch_norms(network)
        moved = network.eval().to(device=device, dtype=dtype)
        self._network: LayeredNetwork = moved.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._dtype = dtype

    @torch.inference_mode()
    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        self._network.descriptor_path(layers)
        found = self._network.describe(clips.to(self._dtype), layers)
        return {name: values.float() for name, values in found.items()}


class _EagerFrameNetwork:
    """A 2D network's own layers, in the layout in which 2D convolutions are fastest."""

    def __init__(self, network: FrameNetwork, dtype: torch.dtype, device: str) -> None:
        moved = network.module.eval().to(device=device, dtype=dtype)
        self._network = FrameNetwork(moved.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
        self._dtype = dtype

    @torch.inference_mode()
    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return self._network.describe(clips.to(self._dtype), layers)
