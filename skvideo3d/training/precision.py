"""Products in bfloat16, everything else in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

__all__ = ["products_in"]

# Batch normalisations are not among these: torch computes their statistics in float32 whatever they
# are given, and passing maps on in bfloat16 saves a third of a step.
_NORMALISATIONS = (nn.GroupNorm, nn.LayerNorm)
# Of kernels longer than this, or than what they go over, torch 2.13 on a CPU (oneDNN) makes
# bfloat16 gradients that are wrong, NaN, or written beyond their memory.
_LONGEST_KERNEL = 5


@contextmanager
def products_in(
    precision: Literal["float32", "bfloat16"], network: nn.Module, device: str
) -> Iterator[None]:
    """Compute convolutions and fully connected layers in a precision.

    Weights, statistics of normalisations, the loss and the optimiser stay in float32: bfloat16 has
    8 bits for a value, too few for the small differences that those are made of. So do, on a CPU,
    the few convolutions whose gradients go wrong there.

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
    kind = torch.device(device).type
    handles = []
    for part in network.modules():
        if isinstance(part, _NORMALISATIONS) or (kind == "cpu" and isinstance(part, nn.Conv3d)):
            outside: list[torch.autocast] = []
            before = partial(_leave_if_unsafe, kind=kind, outside=outside)
            handles.append(part.register_forward_pre_hook(before))
            after = partial(_come_back, outside=outside)
            handles.append(part.register_forward_hook(after, always_call=True))
    try:
        with torch.autocast(kind, dtype=torch.bfloat16):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _leave_if_unsafe(
    module: nn.Module, inputs: tuple[Any, ...], *, kind: str, outside: list[torch.autocast]
) -> tuple[Any, ...] | None:
    """Step out of bfloat16 before a module that is not made for it."""
    if isinstance(module, nn.Conv3d) and _is_safe(module, inputs[0]):
        return None
    region = torch.autocast(kind, enabled=False)
    region.__enter__()  # type: ignore[no-untyped-call]
    outside.append(region)
    return tuple(value.float() if isinstance(value, Tensor) else value for value in inputs)


def _come_back(
    module: nn.Module, inputs: Any, output: Any, *, outside: list[torch.autocast]
) -> None:
    del module, inputs, output
    if outside:
        outside.pop().__exit__(None, None, None)


def _is_safe(convolution: nn.Conv3d, clips: Tensor) -> bool:
    return all(
        kernel <= min(_LONGEST_KERNEL, size)
        for kernel, size in zip(convolution.kernel_size, clips.shape[2:], strict=True)
    )
