"""Products in bfloat16, everything else in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

__all__ = ["products_in"]

_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)


@contextmanager
def products_in(
    precision: Literal["float32", "bfloat16"], network: nn.Module, device: str
) -> Iterator[None]:
    """Compute convolutions and fully connected layers in a precision.

    Weights, normalisations, the loss and the optimiser stay in float32: bfloat16 has 8 bits for a
    value, too few for the small differences that those are made of.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
    network : Module
    device : str
        A torch device.
    """
    if precision == "float32":
        yield
        return
    handles = [
        part.register_forward_pre_hook(_in_float32)
        for part in network.modules()
        if isinstance(part, _NORMALISATIONS)
    ]
    try:
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _in_float32(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    del module
    return tuple(value.float() if isinstance(value, Tensor) else value for value in inputs)
