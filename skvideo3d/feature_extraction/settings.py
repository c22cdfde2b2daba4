"""From the parameters of a transformer to a spec, refusing what the network cannot do."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .spec import JOINT_LAYERS, DescriptorSpec, Stream

if TYPE_CHECKING:
    from .base import VideoTransformer
    from .devices import Device

__all__ = ["block_sizes", "make_spec", "side_by_side"]


def make_spec(transformer: VideoTransformer, seed: int | None) -> DescriptorSpec:
    """Check a transformer's parameters and put together what determines its numbers.

    Parameters
    ----------
    transformer : VideoTransformer
    seed : int or None
        Of random weights.

    Returns
    -------
    DescriptorSpec

    Raises
    ------
    ValueError
        If a layer, the clip length, the device or the weights are not usable; published weights are
        not fetched for what they cannot do.
    """
    from skvideo3d.models.checkpoints import check_layers

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

    def spec_with(streams: Sequence[Stream]) -> DescriptorSpec:
        first, *others = streams
        for stream in streams:
            check_layers(stream.weights, layers)
            stream.preprocessing.check_clip_len(transformer.clip_len)
        if others:
            _check_alike(streams, layers)
        spec = DescriptorSpec(
            weights=first.weights,
            layers=_of_both(layers) if others else layers,
            clip_len=int(transformer.clip_len),
            clip_stride=int(transformer.clip_stride),
            fps=None if transformer.fps is None else float(transformer.fps),
            short_video=transformer.short_video,
            pooling=transformer.pooling,
            precision=resolve_precision(transformer.precision, *devices),
            preprocessing=first.preprocessing,
            flow=first.flow,
            second=others[0] if others else None,
        )
        block_sizes(spec)
        if transformer.memory is not None:
            spec.fingerprints()  # something that cannot be told from others cannot be kept
        return spec

    foreseen = transformer._foresee_streams()
    if foreseen is not None:
        spec_with(foreseen)
    return spec_with(transformer._resolve_streams(seed))


def _of_both(layers: Sequence[str]) -> tuple[str, ...]:
    """Name the layers of two streams: their scores are one, all else is side by side."""
    for layer in layers:
        _, slash, name = layer.rpartition("/")
        if slash:
            raise ValueError(
                f"layer={layer!r}: name a layer of the networks, {name!r}; both give it, and "
                "feature_blocks_ tells their columns apart."
            )
    apart = [layer for layer in layers if layer not in JOINT_LAYERS]
    return (
        *(f"{stream}/{layer}" for stream in ("rgb", "flow") for layer in apart),
        *(layer for layer in layers if layer in JOINT_LAYERS),
    )


def _check_alike(streams: Sequence[Stream], layers: Sequence[str]) -> None:
    """Refuse two streams that do not see the same pixels, or whose scores are of other classes."""
    recipes = [stream.preprocessing for stream in streams]
    if len({(recipe.resize, recipe.crop) for recipe in recipes}) > 1:
        sizes = " and ".join(f"resize={r.resize}, crop={r.crop}" for r in recipes)
        raise ValueError(
            f"The weights of the two streams were made for different sizes, {sizes}; pass "
            "preprocessing= to use one for both."
        )
    joint = [layer for layer in layers if layer in JOINT_LAYERS]
    classes = [dict(stream.weights.config)["num_classes"] for stream in streams]
    if joint and len(set(classes)) > 1:
        raise ValueError(
            f"layer={joint[0]!r} adds the scores of the two streams, whose weights are for "
            f"{' and '.join(map(str, classes))} classes; use two that were trained on the same."
        )


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
