"""From the parameters of a transformer to a spec, refusing what the network cannot do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from .spec import DescriptorSpec

if TYPE_CHECKING:
    from skvideo3d.models.checkpoints import Weights

    from .base import VideoTransformer
    from .devices import Device

__all__ = ["block_sizes", "make_spec", "side_by_side"]


def make_spec(transformer: VideoTransformer, seed: int | None, **options: Any) -> DescriptorSpec:
    """Check a transformer's parameters and put together what determines its numbers.

    Parameters
    ----------
    transformer : VideoTransformer
    seed : int or None
        Of random weights.
    **options
        Further arguments of `skvideo3d.models.checkpoints.resolve_weights`, such as `stream`.

    Returns
    -------
    DescriptorSpec

    Raises
    ------
    ValueError
        If a layer, the clip length, the device or the weights are not usable; published weights are
        not fetched for what they cannot do.
    """
    from skvideo3d.models.checkpoints import check_layers, foresee_weights, resolve_weights

    from .devices import resolve_precision, usable_devices

    asked = transformer.layer
    layers = (asked,) if isinstance(asked, str) else tuple(asked)
    if not layers or len(set(layers)) != len(layers):
        raise ValueError(f"layer={asked!r}: give one layer name or several different ones.")
    devices = usable_devices(transformer.device)
    if not _are_those_asked_for(devices, transformer.device):
        warnings.warn(
            f"device={transformer.device!r}: this machine has no CUDA; computing on the CPU.",
            UserWarning,
            stacklevel=5,
        )

    def spec_with(weights: Weights) -> DescriptorSpec:
        check_layers(weights, layers)
        preprocessing = transformer.preprocessing or weights.preprocessing
        preprocessing.check_clip_len(transformer.clip_len)
        spec = DescriptorSpec(
            weights=weights,
            layers=layers,
            clip_len=int(transformer.clip_len),
            clip_stride=int(transformer.clip_stride),
            fps=None if transformer.fps is None else float(transformer.fps),
            short_video=transformer.short_video,
            pooling=transformer.pooling,
            precision=resolve_precision(transformer.precision, *devices),
            preprocessing=preprocessing,
        )
        block_sizes(spec)
        return spec

    names = transformer.weights, transformer._architecture
    foreseen = foresee_weights(*names, **options)
    if foreseen is not None:
        spec_with(foreseen)
    weights = resolve_weights(*names, seed=seed, preprocessing=transformer.preprocessing, **options)
    return spec_with(weights)


def _are_those_asked_for(devices: tuple[str, ...], asked: Device) -> bool:
    return asked is None or devices == ((asked,) if isinstance(asked, str) else tuple(asked))


def block_sizes(spec: DescriptorSpec) -> dict[str, int]:
    """Find the number of values of each layer.

    Parameters
    ----------
    spec : DescriptorSpec

    Returns
    -------
    dict of str to int
        In the order of the descriptor.

    Raises
    ------
    ValueError
        If the network has no such layer, or cannot take such clips.
    """
    from .network import descriptor_sizes  # torch

    return descriptor_sizes(spec)


def side_by_side(sizes: dict[str, int]) -> dict[str, slice]:
    """Give each layer its columns.

    Parameters
    ----------
    sizes : dict of str to int

    Returns
    -------
    dict of str to slice

    Examples
    --------
    >>> side_by_side({"fc6": 4096, "prob": 487})
    {'fc6': slice(0, 4096, None), 'prob': slice(4096, 4583, None)}
    """
    stops = np.cumsum(list(sizes.values()))
    return {
        name: slice(int(stop) - size, int(stop))
        for (name, size), stop in zip(sizes.items(), stops, strict=True)
    }
