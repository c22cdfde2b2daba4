"""The network of a spec, loaded once in a process and run on batches of clips."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .spec import DescriptorSpec, Precision

if TYPE_CHECKING:
    from skvideo3d.inference import PreparedNetwork
    from skvideo3d.models.checkpoints import Weights
    from skvideo3d.video.preprocessing import Preprocessing

__all__ = ["descriptor_sizes", "resolve_precision", "run_network", "usable_device"]


def run_network(
    clips: NDArray[np.uint8], spec: DescriptorSpec, device: str | None = None
) -> dict[str, NDArray[np.float32]]:
    """Compute the layers of a spec for a batch of clips.

    Parameters
    ----------
    clips : ndarray of shape (n_clips, clip_len, height, width, 3), uint8, RGB
        Resized and cropped.
    spec : DescriptorSpec
    device : str, optional
        A torch device; default CUDA where there is one, else the CPU.

    Returns
    -------
    dict of str to ndarray of shape (n_clips, d), float32
    """
    import torch

    device = usable_device(device)
    network = _network(spec.weights, spec.precision, device)
    batch = torch.from_numpy(_recipe(spec).prepare_clips(clips))
    with torch.inference_mode(), _numbers_of_the_spec_alone(device):
        layers = network.describe(batch.to(device), spec.layers)
        return {name: values.cpu().numpy() for name, values in layers.items()}


@lru_cache(maxsize=64)
def descriptor_sizes(spec: DescriptorSpec) -> dict[str, int]:
    """Find the number of values in each layer of a spec, without weights or computation.

    Parameters
    ----------
    spec : DescriptorSpec

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        If the layer is no descriptor, or the network cannot take clips of this length and size.
    """
    import torch

    from skvideo3d.models.checkpoints import build_network

    network = build_network(spec.weights)
    for layer in spec.layers:
        # C3D's maps are millions of values: what describes a video is fewer than what it computes.
        if layer not in network.descriptor_layers:
            raise ValueError(
                f"layer={layer!r} is no descriptor of {type(network).__name__}; choose from "
                f"{', '.join(network.descriptor_layers)}."
            )
    clip = torch.empty(1, 3, spec.clip_len, *spec.preprocessing.crop, device="meta")
    with torch.inference_mode():
        layers = network.describe(clip, spec.layers)
    return {name: layers[name].shape[1] for name in spec.layers}


def resolve_precision(precision: str, device: str | None = None) -> Precision:
    """Turn "auto" into what the processor computes natively.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "float16", "auto"}
    device : str, optional

    Returns
    -------
    {"float32", "bfloat16", "float16"}
        For "auto" bfloat16 where the device has instructions for it, else float32.
    """
    if precision != "auto":
        return precision  # type: ignore[return-value]
    import torch

    if torch.device(usable_device(device)).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bfloat16" if capabilities.get("avx512_bf16") else "float32"


def usable_device(device: str | None) -> str:
    """Choose where to compute.

    Parameters
    ----------
    device : str or None
        None is CUDA where there is one, else the CPU.

    Returns
    -------
    str
        The device, or the CPU for CUDA where there is none: a fitted model moves.

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has fewer.
    """
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
        if kind == "cuda" and not torch.cuda.is_available():
            return "cpu"
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} cannot be used: {str(error).splitlines()[0]}. Use None for CUDA "
            "where there is one, else the CPU."
        ) from error
    return device


@lru_cache(maxsize=64)
def _recipe(spec: DescriptorSpec) -> Preprocessing:
    """Find the mean cube of the weights where this machine keeps it."""
    from skvideo3d.models.checkpoints import relocated

    if spec.preprocessing != spec.weights.preprocessing:
        return spec.preprocessing
    return relocated(spec.weights).preprocessing


@lru_cache(maxsize=4)  # the paper's three networks in a union, and one more
def _network(weights: Weights, precision: Precision, device: str) -> PreparedNetwork:
    from skvideo3d.inference import prepare_network
    from skvideo3d.models.checkpoints import load_network

    return prepare_network(load_network(weights), precision, device)


@contextmanager
def _numbers_of_the_spec_alone(device: str) -> Iterator[None]:
    """Keep the caller's torch settings out: they would move descriptors that the store keeps.

    TF32, which cuDNN uses unless told otherwise, would cost three digits; autocast even more.
    """
    import torch

    matmul = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.autocast(torch.device(device).type, enabled=False),
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=False, allow_tf32=False
            ),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
