"""Batch normalisation folded into the convolutions before it."""

from __future__ import annotations

import torch
from torch import nn

from skvideo3d.models.folding import folded

__all__ = ["fold_batch_norms"]


@torch.no_grad()
def fold_batch_norms(network: nn.Module) -> None:
    """Move every batch normalisation into the convolution beside it, in place.

    With running statistics it is a factor and a shift for each channel; so are the convolution's
    weights and bias. What is left in its place passes values on.

    Parameters
    ----------
    network : Module
        Batch normalisations are children named ``bn`` beside a convolution named ``conv3d``.
    """
    for module in network.modules():
        norm, convolution = getattr(module, "bn", None), getattr(module, "conv3d", None)
        if not isinstance(norm, nn.BatchNorm3d) or not isinstance(convolution, nn.Conv3d):
            continue
        weight, bias = folded(convolution, norm)
        convolution.weight.copy_(weight)
        convolution.bias = nn.Parameter(bias, requires_grad=False)
        module.bn = nn.Identity()
