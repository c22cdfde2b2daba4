"""Random weights that are the same on every machine."""

from __future__ import annotations

from math import prod
from operator import index
from typing import TypeVar

import numpy as np
import torch
from torch import nn

__all__ = ["INITIALIZATION", "initialize"]

#: Name of the scheme; a change of the numbers changes it.
INITIALIZATION = "he-normal-1"

_Network = TypeVar("_Network", bound=nn.Module)


def initialize(network: _Network, seed: int) -> _Network:
    """Give a network random weights.

    Weights of convolutions and fully connected layers are normal with variance 2 / fan-in (He et
    al. 2015), biases zero, batch normalisations the identity. The numbers are drawn by numpy's
    PCG64, layer after layer in the order of the network's modules, so that they depend on the seed
    and the shapes only: not on the machine, the device, or torch's own generator.

    Parameters
    ----------
    network : nn.Module
        Changed in place, and to float32. On the meta device, as ``with torch.device("meta")``
        builds it, it gets its memory here, on the CPU, and nothing is drawn twice.
    seed : int
        Not negative.

    Returns
    -------
    nn.Module
        The same network.

    Raises
    ------
    ValueError
        If the seed is not a whole number from 0 on, or a module has parameters of a kind that the
        scheme does not know.

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015.

    Examples
    --------
    >>> import torch
    >>> from skvideo3d.models import C3D
    >>> from skvideo3d.models.initialization import initialize
    >>> with torch.device("meta"):
    ...     network = C3D(num_classes=None, input_size=(16, 32, 32), width=1 / 16)
    >>> network = initialize(network, seed=0)
    >>> [round(value, 4) for value in network.conv1a.weight[0, 0, 0, 0].tolist()]
    [0.1756, -0.218, -0.067]
    """
    generator = np.random.Generator(np.random.PCG64(_checked(seed)))
    if any(tensor.is_meta for tensor in network.parameters()):
        network.to_empty(device="cpu")
    network.float()
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv3d | nn.Linear):
                module.weight.copy_(_he_normal(tuple(module.weight.shape), generator))
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d):
                module.reset_parameters()
            elif next(module.parameters(recurse=False), None) is not None:
                raise ValueError(
                    f"{INITIALIZATION} does not know how to initialise {name!r}, a "
                    f"{type(module).__name__}; it knows Conv3d, Linear, BatchNorm1d "
                    "and BatchNorm3d."
                )
    return network


def _checked(seed: int) -> int:
    try:
        number = -1 if isinstance(seed, bool) else index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"seed must be a whole number from 0 on, got {seed!r}.")
    return number


def _he_normal(shape: tuple[int, ...], generator: np.random.Generator) -> torch.Tensor:
    weight = generator.standard_normal(shape, dtype=np.float32)
    weight *= np.float32(np.sqrt(2 / prod(shape[1:])))
    return torch.from_numpy(weight)
