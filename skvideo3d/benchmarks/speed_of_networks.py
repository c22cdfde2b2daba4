"""A network on random clips: plain PyTorch, as others run it, against ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skvideo3d.feature_extraction.spec import DescriptorSpec

from .arithmetic import ClipWork, clip_work
from .speed_report import NetworkSpeed
from .stopwatch import all_seconds

if TYPE_CHECKING:
    from torch import Tensor

    from skvideo3d.inference import PreparedNetwork
    from skvideo3d.models.network import LayeredNetwork

__all__ = ["ReadyNetwork", "measure_network", "run_in_batches"]

_MEMORY_SHARE: Final = 4
"""Of the memory that there is, a batch may take one part in so many."""
_MEMORY: Final = 8 * 2**30
"""Where the system does not tell."""
_N_COMPARED: Final = 2


@dataclass(frozen=True)
class ReadyNetwork:
    """Ours, ready to run, with the layers to ask for and the batch size that is best for it."""

    network: PreparedNetwork
    layers: tuple[str, ...]
    device: str
    batch: int

    def describe(self, clips: Tensor) -> dict[str, Tensor]:
        """Describe prepared clips, and wait until it is done."""
        return _describe(self.network, clips, self.layers, self.device)


def measure_network(
    name: str,
    spec: DescriptorSpec,
    precisions: Sequence[str],
    device: str,
    *,
    batches: Sequence[int],
    rounds: int,
) -> tuple[list[NetworkSpeed], dict[str, ReadyNetwork]]:
    """Time a network in plain PyTorch and ours in some precisions, in turns.

    Plain is the network of `skvideo3d.models` in eager PyTorch, in float32, on contiguous tensors.

    Parameters
    ----------
    name : str
        What to call it.
    spec : DescriptorSpec
        Its weights, layers and clips.
    precisions : sequence of str
    device : str
    batches : sequence of int
        Batch sizes to try, from small to large. Those after the first whose activations might take
        more than a quarter of the memory are left out.
    rounds : int
        Of every batch size the best of so many runs.

    Returns
    -------
    rows : list of NetworkSpeed
        One for each precision.
    ready : dict of str to ReadyNetwork
        Precision to ours.
    """
    import torch

    from skvideo3d.inference import prepare_network
    from skvideo3d.models.checkpoints import load_network

    work = work_of(spec)
    batches = affordable(batches, work.n_bytes, _memory_of(device))
    plain: Any = load_network(spec.weights)
    size = (max(*batches, _N_COMPARED), spec.clip_len, *spec.preprocessing.crop, 3)
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    clips = torch.from_numpy(spec.preprocessing.prepare_clips(pixels)).to(device)
    contiguous = clips.contiguous()
    # Computed on the CPU: a GPU in its default settings rounds products.
    expected = _describe(plain, contiguous[:_N_COMPARED].cpu(), spec.layers, "cpu")
    plain = plain.to(device)
    ours = {
        precision: prepare_network(load_network(spec.weights), precision, device)
        for precision in precisions
    }
    functions: dict[tuple[str, int], Callable[[], object]] = {}
    for batch in batches:
        functions["", batch] = partial(
            _describe, plain, contiguous[:batch], spec.layers, device, as_it_comes=True
        )
        for precision, network in ours.items():
            functions[precision, batch] = partial(
                _describe, network, clips[:batch], spec.layers, device
            )
    found = {
        precision: _describe(network, clips[:_N_COMPARED], spec.layers, device)
        for precision, network in ours.items()
    }
    if torch.device(device).type == "cuda":
        all_seconds(functions, 1)  # kernels are chosen at the first sight of a shape
    seconds = all_seconds(functions, rounds)
    per_clip = {
        way: {batch: min(seconds[way, batch]) / batch for batch in batches} for way in ("", *ours)
    }

    def spread(way: str) -> float:
        return spread_of(seconds[way, min(batches, key=lambda batch: per_clip[way][batch])])

    rows = []
    for precision in precisions:
        error, cosine = _deviation(found[precision], expected)
        rows.append(
            NetworkSpeed(
                name,
                precision,
                (spec.clip_len, *spec.preprocessing.crop),
                work.gflop,
                per_clip[""],
                per_clip[precision],
                error,
                cosine,
                spread(""),
                spread(precision),
            )
        )
    ready = {
        row.precision: ReadyNetwork(ours[row.precision], spec.layers, device, row.batch)
        for row in rows
    }
    return rows, ready


def spread_of(runs: Sequence[float]) -> float:
    """Tell how far runs of the same thing differed.

    Parameters
    ----------
    runs : sequence of float
        Seconds of each, at least one.

    Returns
    -------
    float
        The slowest over the best. The first run is not counted as the slowest: that of plain
        PyTorch mostly takes longer than the others.

    Examples
    --------
    >>> spread_of([0.8, 0.5, 0.4]), spread_of([0.8])
    (1.25, 1.0)
    """
    return max(runs[1:], default=runs[0]) / min(runs)


def run_in_batches(
    ready: ReadyNetwork, clips: Tensor
) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Describe prepared clips, a batch after the other.

    Parameters
    ----------
    ready : ReadyNetwork
    clips : Tensor of shape (n, channels, t, h, w)

    Returns
    -------
    dict of str to ndarray of shape (n, d)
    """
    parts = [
        ready.describe(clips[begin : begin + ready.batch])
        for begin in range(0, len(clips), ready.batch)
    ]
    return {
        name: np.concatenate([part[name].cpu().numpy() for part in parts]) for name in ready.layers
    }


def work_of(spec: DescriptorSpec) -> ClipWork:
    """Count what a clip of a spec takes, without weights or computation.

    Parameters
    ----------
    spec : DescriptorSpec

    Returns
    -------
    ClipWork
    """
    import torch

    from skvideo3d.models.checkpoints import build_network

    network: Any = build_network(spec.weights)
    shape = (1, network.in_channels, spec.clip_len, *spec.preprocessing.crop)
    return clip_work(network, torch.empty(shape, device="meta"), spec.layers)


def affordable(batches: Sequence[int], n_bytes: int, memory: int) -> list[int]:
    """Leave out batches that would take too much memory.

    Parameters
    ----------
    batches : sequence of int
    n_bytes : int
        Of a clip.
    memory : int
        All there is, in bytes.

    Returns
    -------
    list of int
        At least the first.

    Examples
    --------
    >>> affordable((1, 2, 4, 8), n_bytes=1, memory=16)
    [1, 2, 4]
    """
    return [*batches[:1], *(n for n in batches[1:] if n * n_bytes * _MEMORY_SHARE <= memory)]


def _memory_of(device: str) -> int:
    import torch

    if torch.device(device).type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _MEMORY


def _describe(
    network: LayeredNetwork | PreparedNetwork,
    clips: Tensor,
    layers: Sequence[str],
    device: str,
    *,
    as_it_comes: bool = False,
) -> dict[str, Tensor]:
    import torch

    # Convolutions of plain PyTorch round on GPUs unless told otherwise; ours never do.
    exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    with torch.inference_mode(), nullcontext() if as_it_comes else exact:
        found = network.describe(clips, layers)
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
    return found


def _deviation(found: dict[str, Tensor], expected: dict[str, Tensor]) -> tuple[float, float]:
    """Give the largest relative difference and the worst cosine of all layers."""
    import torch.nn.functional as F

    errors, cosines = [], []
    for name, right in expected.items():
        exact, ours = right.double(), found[name].cpu().double()
        errors.append(float((ours - exact).abs().max() / exact.abs().max()))
        cosines.append(float(F.cosine_similarity(ours, exact).min()))
    return max(errors), min(cosines)
