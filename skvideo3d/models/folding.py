"""Batch normalisations as part of the layers before them, for networks that train no more."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .c3d import C3D

__all__ = ["fold_batch_norm", "folded"]


def fold_batch_norm(network: C3D) -> C3D:
    """Give a C3D without batch normalisation that computes what another does in evaluation mode.

    With its running statistics, a batch normalisation is a factor and a shift for each channel, and
    so are weights and biases of the layer before it.

    Parameters
    ----------
    network : C3D
        Left as it is; without batch normalisation it is the answer.

    Returns
    -------
    C3D
        In evaluation mode, without gradients, on the device and in the precision of `network`;
        layers that need no folding share its memory.

    Examples
    --------
    >>> from skvideo3d.models import C3D, fold_batch_norm
    >>> network = C3D(5, input_size=(16, 32, 32), width=1 / 16, batch_norm=True)
    >>> network.conv1a.bias is None, fold_batch_norm(network).conv1a.bias.shape
    (True, torch.Size([4]))
    """
    if not network.batch_norm:
        return network
    config = {name: value for name, value in network.config.items() if name != "batch_norm"}
    with torch.device("meta"):
        plain = C3D(**config)
    state = {}
    for name, module in plain.named_children():
        if not isinstance(module, nn.Conv3d | nn.Linear):
            continue
        layer: Any = network.get_submodule(name)
        norm = getattr(network, f"{name}_bn", None)
        weight, bias = (layer.weight, layer.bias) if norm is None else folded(layer, norm)
        state[f"{name}.weight"], state[f"{name}.bias"] = weight.detach(), bias.detach()
    plain.load_state_dict(state, assign=True)
    plain.preprocessing = network.preprocessing
    return plain.eval().requires_grad_(False)


@torch.no_grad()
def folded(
    layer: nn.Conv3d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm3d
) -> tuple[Tensor, Tensor]:
    """Fold a batch normalisation into the layer before it.

    Parameters
    ----------
    layer : Conv3d or Linear
    norm : BatchNorm3d or BatchNorm1d
        With running statistics.

    Returns
    -------
    weight, bias : Tensor
        In the precision of the layer, computed in float64.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = layer.weight.double() * scale.view(-1, *[1] * (layer.weight.ndim - 1))
    bias = norm.bias.double() - norm.running_mean.double() * scale
    if layer.bias is not None:
        bias += layer.bias.double() * scale
    return weight.to(layer.weight.dtype), bias.to(layer.weight.dtype)
