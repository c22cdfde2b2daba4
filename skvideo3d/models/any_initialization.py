"""Random weights for modules of any kind, the same on every machine."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import nn

__all__ = ["ANY_INITIALIZATION", "initialize_any"]

#: Name of the scheme; a change of the numbers changes it.
ANY_INITIALIZATION = "he-normal-any-1"


@torch.no_grad()
def initialize_any(module: nn.Module, seed: int) -> None:
    """Draw weights (He et al. 2015) in the order of a module's parameters.

    Normalisations become the identity, biases and other vectors zero; all else is normal with
    variance 2 / fan-in, the fan-in being all axes but the first. The numbers depend on the seed and
    the shapes alone.

    Parameters
    ----------
    module : Module
        Changed in place.
    seed : int
        Not negative.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn: set[int] = set()
    for part in module.modules():
        own = list(part.named_parameters(recurse=False))
        is_norm = bool(own) and all(value.ndim == 1 for _, value in own)
        reset = getattr(part, "reset_running_stats", None)
        if reset is not None:
            reset()
        for name, value in own:
            if id(value) in drawn:  # shared with a part before
                continue
            drawn.add(id(value))
            if value.ndim < 2:
                value.fill_(1.0 if is_norm and name == "weight" else 0.0)
                continue
            numbers = generator.standard_normal(tuple(value.shape), dtype=np.float32)
            numbers *= np.float32(np.sqrt(2 / prod(value.shape[1:])))
            value.copy_(torch.from_numpy(numbers))
