"""A module of two dimensions made one of three, layer by layer."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from .kernels import Choice, change_channels, choose, deepen, depth_of, depths, listed, with_time

__all__ = ["deepen_module"]

# The same arguments and arrays; only the axes that they accept differ.
_ALIKE: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: nn.BatchNorm3d,
    nn.InstanceNorm2d: nn.InstanceNorm3d,
    nn.Dropout2d: nn.Dropout3d,
}
_POOLS: dict[type[nn.Module], type[nn.Module]] = {
    nn.MaxPool2d: nn.MaxPool3d,
    nn.AvgPool2d: nn.AvgPool3d,
}
# Of these pools every argument is said by axis, with what it is in time.
_IN_TIME = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
_ADAPTIVE: dict[type[nn.Module], type[nn.Module]] = {
    nn.AdaptiveAvgPool2d: nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool2d: nn.AdaptiveMaxPool3d,
}
_PADS: dict[type[nn.Module], type[nn.Module]] = {
    nn.ZeroPad2d: nn.ZeroPad3d,
    nn.ConstantPad2d: nn.ConstantPad3d,
    nn.ReflectionPad2d: nn.ReflectionPad3d,
    nn.ReplicationPad2d: nn.ReplicationPad3d,
}
# What a convolution keeps for every axis, the last one worked out of the others by PyTorch.
_BY_AXIS = (
    *("kernel_size", "stride", "padding", "dilation", "output_padding"),
    "_reversed_padding_repeated_twice",
)
_KNOWN = {nn.Conv2d, *_ALIKE, *_POOLS, *_ADAPTIVE, *_PADS}

# Layers of PyTorch that take maps of two dimensions, or do another thing with those of three, and
# whose names do not say so.
_FLAT = (nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle, nn.Fold, nn.Unfold)


def deepen_module(
    source: nn.Module,
    *,
    depth: Choice = None,
    stride: Choice = None,
    in_channels: int | None = None,
) -> nn.Module:
    """Copy a module, its layers of two dimensions becoming those of three.

    Parameters
    ----------
    source : Module
    depth, stride, in_channels
        As in `skvideo3d.models.inflate`.

    Returns
    -------
    Module

    Raises
    ------
    ValueError
        As `skvideo3d.models.inflate`.

    Examples
    --------
    >>> deepen_module(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2)))
    Sequential(
      (0): Conv3d(3, 8, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(1, 1, 1))
      (1): MaxPool3d(kernel_size=(1, 2, 2), stride=(1, 2, 2), padding=(0, 0, 0), dilation=(1, 1, 1),
                     ceil_mode=False)
    )
    """
    _check_layers(source)
    module = copy.deepcopy(source)
    convolutions = {n: m for n, m in module.named_modules() if type(m) is nn.Conv2d}
    pools = {name: m for name, m in module.named_modules() if type(m) in _POOLS}
    deep = depths({name: tuple(m.weight.shape) for name, m in convolutions.items()}, depth)
    strides = choose("stride", stride, [*convolutions, *pools])
    _check_time(convolutions, deep, strides)
    holders = _holders(module, convolutions)
    _check_shared(holders, deep, in_channels)
    _give_time(module, convolutions)
    if in_channels is not None:
        _change_input(*next(iter(convolutions.items())), in_channels)

    kernels: dict[int, nn.Parameter] = {}
    for name, layer in module.named_modules():
        kind: Any = type(layer)
        if name in convolutions:
            kernel = convolutions[name].weight
            if id(kernel) not in kernels:
                kernels[id(kernel)] = nn.Parameter(deepen(kernel, deep[name]), kernel.requires_grad)
            _deepen_convolution(convolutions[name], kernels[id(kernel)], strides.get(name, 1))
        elif kind in _ALIKE:
            layer.__class__ = _ALIKE[kind]
        elif kind in _POOLS:
            layer.__class__ = _POOLS[kind]
            for argument, time in (_IN_TIME | {"stride": strides.get(name, 1)}).items():
                if hasattr(layer, argument):
                    setattr(layer, argument, (time, *_pair(getattr(layer, argument))))
        elif kind in _ADAPTIVE:
            layer.__class__ = _ADAPTIVE[kind]
            # What comes after it, mostly a flattening, counts on maps of one size.
            layer.output_size = (1, *_pair(layer.output_size))
        elif kind in _PADS:
            layer.__class__ = _PADS[kind]
            layer.padding = (*_pads(layer.padding), 0, 0)
    return module


def _check_layers(source: nn.Module) -> None:
    """Refuse modules without convolutions, and layers that nobody told how to be in time."""
    name = type(source).__name__
    layers = list(source.named_modules())
    foreign = [
        f"{path or 'the module'} ({type(layer).__module__}.{type(layer).__qualname__})"
        for path, layer in layers
        if type(layer) not in _KNOWN and _is_flat(layer)
    ]
    if foreign:
        raise ValueError(
            f"{name} has layers of two dimensions that inflate cannot make three-dimensional: "
            f"{listed(foreign)}. Put layers for maps (n, c, t, h, w) in their place before, or "
            "inflate the state dict, inflate(module.state_dict()), and load it into a 3-D network "
            "of your own."
        )
    convolutions = [(path, layer) for path, layer in layers if type(layer) is nn.Conv2d]
    if not convolutions:
        has_3d = any(isinstance(layer, nn.Conv3d) for _, layer in layers)
        found = "its convolutions are 3-D already" if has_3d else "it has no convolution"
        raise ValueError(f"{name} cannot be inflated: {found}. Give a module with nn.Conv2d.")
    # weight_norm, spectral_norm and pruning compute it anew before each call, from other arrays.
    computed = [
        path or "the module"
        for path, layer in convolutions
        if not isinstance(layer.weight, nn.Parameter)
    ]
    if computed:
        raise ValueError(
            f"{name}: the weight of {listed(computed)} is computed from others (by weight_norm, "
            "spectral_norm or pruning). Make that permanent before, as by "
            "torch.nn.utils.remove_weight_norm or torch.nn.utils.prune.remove."
        )


def _is_flat(layer: nn.Module) -> bool:
    if isinstance(layer, _FLAT):
        return True
    ours = [kind for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn.")]
    # A block of several layers may be called anything: its layers are looked at one by one.
    if not any(layer.children()):
        ours.append(type(layer))
    return any("2d" in kind.__name__.lower() for kind in ours)


def _check_time(
    convolutions: dict[str, nn.Conv2d], deep: dict[str, int], strides: dict[str, int]
) -> None:
    """Refuse what no padding can keep in step with the frames."""
    even = {
        name: f"{name or 'the module'} ({deep[name]})"
        for name, layer in convolutions.items()
        if layer.padding != "same" and deep[name] % 2 == 0 and deep[name] > strides.get(name, 1)
    }
    if even:
        raise ValueError(
            f"Kernels of even depth have no middle frame, and no padding keeps the frames in step: "
            f"{listed(even.values())}. Choose an odd depth for them, as in "
            f"{depth_of(next(iter(even)))}, or a stride in time as large."
        )
    striding = [
        name or "the module"
        for name, layer in convolutions.items()
        if layer.padding == "same" and strides.get(name, 1) > 1
    ]
    if striding:
        raise ValueError(
            f"stride: {listed(striding)} is padded by 'same', which PyTorch has for stride 1 "
            "alone. Build the layer with its padding in numbers."
        )


def _holders(
    module: nn.Module, convolutions: dict[str, nn.Conv2d]
) -> dict[str, list[tuple[str, bool]]]:
    """Find who holds each convolution's kernel: names, and whether as a convolution's kernel."""
    found: dict[int, list[tuple[str, bool]]] = {}
    for path, part in module.named_modules():
        for name, value in part._parameters.items():
            is_kernel = path in convolutions and name == "weight"
            full = path if is_kernel else f"{path}.{name}".lstrip(".")
            found.setdefault(id(value), []).append((full, is_kernel))
    return {name: found[id(layer.weight)] for name, layer in convolutions.items()}


def _check_shared(
    holders: dict[str, list[tuple[str, bool]]], deep: dict[str, int], in_channels: int | None
) -> None:
    for name, sharing in holders.items():
        others = [other for other, is_kernel in sharing if not is_kernel]
        if others:
            raise ValueError(
                f"The kernel of {name or 'the module'} is {listed(others)} as well, and what that "
                "is for cannot be told. Take it away before, and set it again after."
            )
        depths_of_it = {other: deep[other] for other, _ in sharing}
        if len(set(depths_of_it.values())) > 1:
            raise ValueError(
                f"depth: {listed(depths_of_it)} share a kernel, which cannot become "
                f"{' and '.join(map(str, depths_of_it.values()))} deep at once. Choose one depth, "
                "or give them kernels of their own before."
            )
    first, sharing = next(iter(holders.items()))
    if in_channels is not None and len(sharing) > 1:
        raise ValueError(
            f"in_channels={in_channels}: the first convolution, {first}, shares its kernel with "
            f"{listed(other for other, _ in sharing if other != first)}. Leave in_channels out, or "
            "give it a kernel of its own before."
        )


def _give_time(module: nn.Module, convolutions: dict[str, nn.Conv2d]) -> None:
    """Give values for each channel, that are no layer's of PyTorch's, an axis for time."""
    given: dict[int, Tensor] = {}
    unknown = []
    for path, part in module.named_modules():
        if path in convolutions or type(part).__module__.startswith("torch.nn."):
            continue
        for held in (part._parameters, part._buffers, vars(part)):
            for name, value in held.items():
                if not isinstance(value, Tensor) or value.ndim not in (3, 4):
                    continue
                array = with_time(value.detach())
                if array is not None:
                    is_parameter = isinstance(value, nn.Parameter)
                    timed = nn.Parameter(array, value.requires_grad) if is_parameter else array
                    held[name] = given.setdefault(id(value), timed)
                elif value.ndim == 4:
                    unknown.append(f"{path}.{name}".lstrip(".") + f" {tuple(value.shape)}")
    if unknown:
        raise ValueError(
            f"{type(module).__name__}: {listed(unknown)} are arrays of four axes that are no "
            "kernels of convolutions, and what they are in time cannot be told. Give them an axis "
            "for time before, as by unsqueeze(2)."
        )


def _change_input(name: str, layer: nn.Conv2d, channels: int) -> None:
    if layer.groups != 1:
        raise ValueError(
            f"in_channels={channels}: the first convolution, {name or 'the module'}, is in "
            f"{layer.groups} groups, whose channels do not mix. Leave in_channels out."
        )
    layer.in_channels = channels
    layer.weight = nn.Parameter(
        change_channels(layer.weight.detach(), channels), layer.weight.requires_grad
    )


def _deepen_convolution(layer: nn.Conv2d, weight: nn.Parameter, stride: int) -> None:
    depth = weight.shape[2]
    padding: str | tuple[int, ...] = "same"
    if layer.padding != "same":
        across = (0, 0) if isinstance(layer.padding, str) else layer.padding
        # Windows of even depth lie side by side, and need none.
        padding = (depth // 2 if depth % 2 else 0, *across)
    by_axis: dict[str, Any] = {
        "kernel_size": (depth, *layer.kernel_size),
        "stride": (stride, *layer.stride),
        "padding": padding,
        "dilation": (1, *layer.dilation),
    }
    model = nn.Conv3d(1, 1, **by_axis, device="meta")
    deepened: nn.Module = layer
    deepened.__class__ = nn.Conv3d
    for name in _BY_AXIS:
        setattr(deepened, name, getattr(model, name))
    deepened.weight = weight


def _pair(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _pads(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * 4
