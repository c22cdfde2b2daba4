"""Networks for images made networks for videos, after Carreira and Zisserman (CVPR 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Literal, overload

import torch
from torch import Tensor, nn

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import I3D_PREPROCESSING, IMAGENET_PREPROCESSING

from .deepening import deepen_module
from .formats import read_tensors
from .googlenet import googlenet_to_i3d, without_auxiliary
from .i3d import I3D
from .kernels import Choice, change_channels, deepen, depths, listed, with_time

__all__ = ["inflate"]

Arrays = Mapping[str, Tensor] | str | PathLike[str]

_RGB = 3


@overload
def inflate(
    source: nn.Module,
    *,
    depth: Choice = None,
    stride: Choice = None,
    in_channels: int | None = None,
    into: None = None,
) -> nn.Module: ...


@overload
def inflate(
    source: Arrays,
    *,
    depth: Choice = None,
    stride: None = None,
    in_channels: int | None = None,
    into: None = None,
) -> dict[str, Tensor]: ...


@overload
def inflate(
    source: nn.Module | Arrays,
    *,
    depth: None = None,
    stride: None = None,
    in_channels: int | None = None,
    into: Literal["i3d"] | I3D,
) -> I3D: ...


def inflate(
    source: nn.Module | Arrays,
    *,
    depth: Choice = None,
    stride: Choice = None,
    in_channels: int | None = None,
    into: Literal["i3d"] | I3D | None = None,
) -> nn.Module | dict[str, Tensor]:
    """Make a network for videos out of one for images.

    Every kernel of NxN becomes one of NxNxN: it is repeated N times in time and divided by N. On a
    video that stands still, the new network then finds in every frame what the old one finds in the
    image, away from the first and last frames, where the padding in time takes part.

    Parameters
    ----------
    source : Module, mapping of str to Tensor, or path-like
        A network; or a state dict; or a file with one, in any format that `load_weights` reads. It
        is not changed.
    depth : int or mapping of str to int, optional
        How deep kernels become in time; by default as deep as they are wide. A mapping goes from
        patterns of the names of layers, as ``{"layer1.*": 1, "conv1": 5}``; of several that fit
        the first counts, and ``*`` stands for dots as well. With 1, a kernel stays two-dimensional.
    stride : int or mapping of str to int, optional
        Strides in time of a module's convolutions and pools, by patterns as for `depth`; 1 by
        default. Branches that are added need the same.
    in_channels : int, optional
        Channels of the new network's input. Where it had others, each of the new ones gets the
        mean over the old in the first convolution, times their number over that of the new (as in
        Wang et al. 2016 for optical flow).
    into : "i3d" or I3D, optional
        Fill an I3D with a GoogLeNet in torchvision's layout: a new one that fits, or the given
        one. A given I3D without a classifier leaves ``fc`` out; one with a classifier keeps it
        where the source has no ``fc``.

    Returns
    -------
    Module, dict of str to Tensor, or I3D
        Of a module a module, with its layers for images replaced by those for videos; of arrays
        the arrays: kernels, which are those of four axes called ``weight``, now of shape (out, in,
        depth, n, m), and copies of the others; with `into` an I3D, in evaluation mode, a new one
        with all parameters to be trained. Values for each channel, of shape (1, c, 1, 1) or
        (c, 1, 1), get an axis for time.

    Raises
    ------
    TypeError
        If `source` or `into` is none of these.
    ValueError
        If a pattern fits no layer, a kernel is not square and has no `depth`, or a module has
        layers or arrays of four axes that have no counterpart for videos; if a kernel that several
        layers share were to become of several depths, or is held by something else as well; if
        `in_channels` is for a first convolution in groups. They are named.
    CheckpointError
        If a state dict has no kernels of two dimensions, has deeper ones already or arrays of four
        axes that are no kernels, or does not fit an I3D.

    Notes
    -----
    A module's convolutions keep bias, groups, and what they do in space; in time they are padded
    by half their depth and are not dilated. Max and average pools leave time alone. Adaptive pools
    make one step of all time, the borders included, and so group and instance normalisation take
    their statistics. Layers that share a kernel share it afterwards. The first convolution is the
    one that the source lists first.

    What ``forward`` does by itself is not changed and has to suit maps (n, c, t, h, w): not
    ``x.mean((2, 3))``, nor functions for images such as ``max_pool2d``, ``adaptive_avg_pool2d`` or
    an ``interpolate`` to two sizes. Of torchvision's networks those that end so can be inflated
    without their end, as ``mobilenet_v2().features`` or ``densenet121().features``; ShuffleNet
    cannot, as it takes maps apart all the way.

    Kernels of even depth have no middle. In a module they are refused, unless the stride in time
    is at least as large: then their windows lie side by side and need no padding.

    Between torchvision's GoogLeNet and I3D one difference is left, the padding in space, which in
    I3D is TensorFlow's and depends on the size. At sizes of 16 k - 1, as 63 or 223, both are the
    same and all layers are equal. At even sizes I3D's first convolution pads two pixels before the
    frame and three after it, torchvision's three and three: at 224x224 I3D sees the frame a pixel
    further on, and that is all. At other sizes max pools differ as well. (The weights that
    torchvision publishes came from TensorFlow.) Both networks take pixels scaled to [-1, 1], if
    torchvision's has ``transform_input``, as it has with its published weights. A module knows, and
    a new I3D's attribute `preprocessing` says it; of arrays it is not known, and [-1, 1] is taken.

    References
    ----------
    Carreira, Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset,
    CVPR 2017, section "Bootstrapping 3D filters from 2D filters".
    Wang, Xiong, Wang, Qiao, Lin, Tang, Van Gool: Temporal Segment Networks, ECCV 2016.

    Examples
    --------
    >>> import torch
    >>> from skvideo3d.models import inflate
    >>> arrays = {"conv1.weight": torch.ones(8, 3, 7, 7), "fc.weight": torch.ones(5, 8)}
    >>> {name: tuple(tensor.shape) for name, tensor in inflate(arrays).items()}
    {'conv1.weight': (8, 3, 7, 7, 7), 'fc.weight': (5, 8)}
    >>> inflate(torch.nn.Conv2d(3, 8, 5, padding=2), depth=3)
    Conv3d(3, 8, kernel_size=(3, 5, 5), stride=(1, 1, 1), padding=(1, 2, 2))
    """
    if in_channels is not None and (
        isinstance(in_channels, bool) or not isinstance(in_channels, int) or in_channels < 1
    ):
        raise ValueError(f"in_channels={in_channels!r}: give a positive integer.")
    if into is None and isinstance(source, nn.Module):
        return deepen_module(source, depth=depth, stride=stride, in_channels=in_channels)
    if stride is not None:
        raise ValueError(
            "stride= is for modules: a state dict has no strides, and an I3D has its own."
        )
    tensors, origin = _tensors(source)
    if into is None:
        return _deepen_arrays(tensors, depth, in_channels, origin)
    if into != "i3d" and not isinstance(into, I3D):
        raise TypeError(f"into={into!r}: give 'i3d', an I3D, or None.")
    if depth is not None:
        raise ValueError("depth= cannot go with into=: the kernels of I3D are as deep as wide.")
    deep = _deepen_arrays(without_auxiliary(tensors), None, in_channels, origin)
    network = googlenet_to_i3d(deep, into if isinstance(into, I3D) else None, origin)
    # torchvision's brings what is normalised for ImageNet into I3D's own range, or was not trained
    # so and takes it as it is.
    transforms = getattr(source, "transform_input", None)
    if network is not into and isinstance(transforms, bool) and network.in_channels == _RGB:
        network.preprocessing = I3D_PREPROCESSING if transforms else IMAGENET_PREPROCESSING
    return network


def _tensors(source: object) -> tuple[Mapping[str, Tensor], str]:
    """Give the arrays of a source, and what to call it in an error."""
    if isinstance(source, nn.Module):
        return source.state_dict(), type(source).__name__
    if isinstance(source, str | PathLike):
        return read_tensors(source), f"'{source}'"
    if not isinstance(source, Mapping):
        raise TypeError(
            f"source is a {type(source).__name__}: give a module, a state dict, or the path of a "
            "file with one."
        )
    for name, value in source.items():
        if not isinstance(value, Tensor):
            hint = f"; pass source[{name!r}]" if isinstance(value, Mapping) else ""
            raise TypeError(
                f"source[{name!r}] is a {type(value).__name__} and no tensor{hint}. Give a plain "
                "state dict, as module.state_dict() has it."
            )
    return source, "source"


def _deepen_arrays(
    tensors: Mapping[str, Tensor], depth: Choice, in_channels: int | None, origin: str
) -> dict[str, Tensor]:
    kernels = {
        name: tensor
        for name, tensor in tensors.items()
        if tensor.ndim == 4 and name.rpartition(".")[2] == "weight"
    }
    _check_kernels(tensors, kernels, origin)
    # Of layers, for patterns to be the same as for the module that they are of.
    layers = {name: "" if name == "weight" else name.removesuffix(".weight") for name in kernels}
    deep = depths({layers[name]: tuple(kernel.shape) for name, kernel in kernels.items()}, depth)
    first = next(iter(kernels))
    if in_channels not in (None, kernels[first].shape[1]) and kernels[first].shape[1] == 1:
        raise ValueError(
            f"in_channels={in_channels}: {first!r}, the first kernel of {origin}, takes one "
            "channel: grey, or each channel for itself as in a grouped convolution, nothing tells. "
            "Inflate the module instead, or leave in_channels out."
        )
    inflated = {}
    for name, tensor in tensors.items():
        array = tensor.detach()
        if name in kernels:
            if in_channels is not None and name == first:
                array = change_channels(array, in_channels)
            inflated[name] = deepen(array, deep[layers[name]])
            continue
        # Three axes and this name are those of a convolution over sequences.
        timed = None if name.rpartition(".")[2] == "weight" else with_time(array)
        inflated[name] = (array if timed is None else timed).clone()
    return inflated


def _check_kernels(
    tensors: Mapping[str, Tensor], kernels: Mapping[str, Tensor], origin: str
) -> None:
    if deeper := [name for name, tensor in tensors.items() if tensor.ndim == 5]:
        raise CheckpointError(
            f"{origin} is 3-D already: {listed(deeper)} have five axes. Load it as it is."
        )
    unknown = [
        f"{name} {tuple(tensor.shape)}"
        for name, tensor in tensors.items()
        if tensor.ndim == 4 and name not in kernels and with_time(tensor) is None
    ]
    if unknown:
        raise CheckpointError(
            f"{origin}: {listed(unknown)} have the four axes of a kernel, but are not named "
            "'weight' as those of layers are. Name what is a kernel so, and leave the others out, "
            "to be set by hand."
        )
    if not kernels:
        raise CheckpointError(
            f"{origin} has no kernels of two dimensions, named 'weight' with the axes (out, in, n, "
            f"m), among its {len(tensors)} arrays. Give the state dict of a convolutional network."
        )
    # Eight bits cannot be divided without losing most of what they say.
    coarse = [
        f"{name} ({kernel.dtype})"
        for name, kernel in kernels.items()
        if not torch.is_floating_point(kernel) or torch.finfo(kernel.dtype).bits < 16
    ]
    if coarse:
        raise CheckpointError(
            f"{origin}: the kernels {listed(coarse)} are no plain floating point numbers. "
            "Dequantise them before, as by tensor.dequantize()."
        )
