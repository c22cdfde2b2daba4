"""What a network has to compute for a clip, and what the machine can compute in a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final

from .stopwatch import best_seconds

if TYPE_CHECKING:
    from torch import Tensor

    from skvideo3d.models.network import LayeredNetwork

__all__ = ["ClipWork", "clip_work", "matrix_rate"]

# Inputs and outputs of a layer, and the copies that a convolution may make of them.
_COPIES = 3
_BYTES = 4

_SLOW: Final = 0.5
"""Seconds of a product of large matrices from which on a way is not worth its time."""


@dataclass(frozen=True)
class ClipWork:
    """What one clip asks of a machine.

    Parameters
    ----------
    multiply_adds : int
        Of convolutions, computed directly and with their padding, and of matrix products.
    n_bytes : int
        A generous guess at the memory for activations, in float32.
    """

    multiply_adds: int
    n_bytes: int

    @property
    def gflop(self) -> float:
        """10^9 operations; a multiply-add is two."""
        return 2 * self.multiply_adds / 1e9


def clip_work(network: LayeredNetwork, clip: Tensor, layers: Sequence[str]) -> ClipWork:
    """Count what one clip takes, layer by layer.

    Parameters
    ----------
    network : C3D or I3D
        On the meta device nothing is computed.
    clip : Tensor of shape (1, channels, t, h, w)
        On the device of the network.
    layers : sequence of str
        What is asked of it; nothing beyond the deepest is counted.

    Returns
    -------
    ClipWork

    Examples
    --------
    A convolution of 3x3x3 from one channel to one, on 16 frames of 16x16:

    >>> import torch
    >>> from skvideo3d.models import C3D
    >>> network = C3D(width=1 / 64, in_channels=1, input_size=(16, 16, 16)).to("meta")
    >>> clip = torch.empty(1, 1, 16, 16, 16, device="meta")
    >>> clip_work(network, clip, ["conv1a"]).multiply_adds == 27 * 16**3
    True
    """
    import torch

    multiply_adds = largest = 0

    def note(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal multiply_adds, largest
        # A weight's first axis is the output's; the others are what each value is summed over.
        multiply_adds += output.numel() * prod(module.weight.shape[1:])
        largest = max(largest, inputs[0].numel() + output.numel())

    kinds = (torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.Linear)
    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, kinds)]
    try:
        with torch.inference_mode():
            network.describe(clip, layers)
    finally:
        for hook in hooks:
            hook.remove()
    return ClipWork(multiply_adds, _COPIES * _BYTES * largest)


def matrix_rate(precision: str, device: str, rounds: int) -> float:
    """Measure how fast this machine multiplies matrices.

    Libraries differ in how near they come to the peak; the best of several ways is taken for the
    machine's. Ways that would take long, as some of float16 on a CPU do, are left out; where all
    would, smaller matrices have to do.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "float16"}
    device : str
        A torch device.
    rounds : int
        Of each way the best of so many runs; fewer where they take long.

    Returns
    -------
    float
        10^9 operations a second.
    """
    import torch

    size = 1536 if torch.device(device).type == "cpu" else 8192
    # Not smaller: beside other work any product may wait for some 10 ms, and would look slow.
    small = size // 2
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        ways = _ways(small, precision, device)
        trial = best_seconds(ways, 5, patience=_SLOW)
        fast = [name for name, seconds in trial.items() if seconds * (size / small) ** 3 < _SLOW]
        if not fast:
            return 2 * small**3 / 1e9 / min(trial.values())
        ways = _ways(size, precision, device)
        ways = {name: ways[name] for name in fast}
        best_seconds(ways, 1)
        fastest = min(best_seconds(ways, rounds, patience=2 * _SLOW).values())
    return 2 * size**3 / 1e9 / fastest


def _ways(size: int, precision: str, device: str) -> dict[str, Callable[[], object]]:
    """Multiply two square matrices in every way that PyTorch has a library for."""
    import torch
    import torch.nn.functional as F

    dtype = getattr(torch, precision)
    left, right = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    # A matrix product as a convolution, which goes to another library than mm does.
    side = 32
    rows = left.reshape(1, size // side, side, size).permute(0, 3, 1, 2)
    kernels = right.reshape(size, size, 1, 1).to(memory_format=torch.channels_last)
    ways: dict[str, Callable[[], object]] = {
        "mm": lambda: torch.mm(left, right),
        "linear": lambda: F.linear(left, right),
        "conv2d": lambda: F.conv2d(rows, kernels),
    }
    # In float32 PyTorch's own way is MKL, far from the peak of processors that are not Intel's.
    pointwise = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if pointwise is not None and precision == "float32" and left.device.type == "cpu":
        ways["linear of oneDNN"] = lambda: pointwise(left, right, None, "none", [], "")
    if left.device.type != "cuda":
        return ways
    return {name: _waiting(way, device) for name, way in ways.items()}


def _waiting(way: Callable[[], object], device: str) -> Callable[[], object]:
    import torch

    def run() -> None:
        way()
        torch.cuda.synchronize(device)

    return run
