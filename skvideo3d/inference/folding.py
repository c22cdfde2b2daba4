"""Batch normalisation folded into the convolutions before it."""

from __future__ import annotations

import torch
from torch import nn

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
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = convolution.weight.double() * scale[:, None, None, None, None]
        bias = norm.bias.double() - norm.running_mean.double() * scale
        if convolution.bias is not None:
            bias += convolution.bias.double() * scale
        convolution.weight.copy_(weight)
        convolution.bias = nn.Parameter(bias.to(convolution.weight.dtype), requires_grad=False)
        module.bn = nn.Identity()
