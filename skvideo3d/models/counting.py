"""How many parameters a network has, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["parameter_counts"]


def parameter_counts(network: nn.Module) -> dict[str, int]:
    """Count the parameters of each layer: all that training changes.

    Parameters
    ----------
    network : Module
        Of any kind; on the meta device it takes no memory.

    Returns
    -------
    dict of str to int
        For each part with parameters, in the order of the network. Batch normalisation counts with
        the layer before it, for its factors and shifts; running statistics are no parameters. The
        sum is the number of all parameters.

    Examples
    --------
    Kernels of 3x3x3 over 3 channels, for each of 64 filters, and their biases:

    >>> from skvideo3d.models import StudyNetwork, parameter_counts
    >>> counts = parameter_counts(StudyNetwork(width=1 / 16))
    >>> counts["conv1a"] == 4 * (3 * 27 + 1)
    True
    >>> list(counts)
    ['conv1a', 'conv2a', 'conv3a', 'conv4a', 'conv5a', 'fc6', 'fc7', 'fc8']
    """
    counts: dict[str, int] = {}
    for name, values in network.named_parameters():  # shared ones come once
        layer = name.partition(".")[0].removesuffix("_bn")
        counts[layer] = counts.get(layer, 0) + values.numel()
    return counts
