"""I3D on a processor's cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from skvideo3d.models.i3d import AVERAGED, I3D, same_padding

from .convolution import Convolution
from .direct import DirectConvolution, Padding
from .folding import fold_batch_norms
from .memory import empty_map
from .onednn import Linear
from .pooling import Windows, max_pool, pool_frames, pool_in_pieces
from .threads import run_all

__all__ = ["I3DOnCPU"]

_STEM = ("Conv3d_1a_7x7", "MaxPool3d_2a_3x3", "Conv3d_2b_1x1")


class I3DOnCPU:
    """Describe clips with I3D; see `skvideo3d.inference.PreparedNetwork`.

    Parameters
    ----------
    network : I3D
        Taken over: its weights are laid out anew.
    dtype : torch.dtype
        float32 or bfloat16.
    """

    def __init__(self, network: I3D, dtype: torch.dtype) -> None:
        fold_batch_norms(network)
        self._layers: dict[str, Any] = {}
        for name in network.layer_names:
            if name not in ("avg_pool", "prob"):
                self._layers[name] = _layer(name, network.get_submodule(name), dtype)
        self._dtype = dtype
        self._network = network.to("meta")  # knows the names and the sizes

    @torch.inference_mode()
    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        path = self._network.descriptor_path(layers)
        self._network.check_clips(clips, path)
        x = clips.permute(0, 2, 3, 4, 1)
        found: dict[str, Tensor] = {}
        if path[:3] == _STEM and not {*_STEM[:2]} & {*layers}:
            x = self._stem(x)
            if _STEM[2] in layers:
                found[_STEM[2]] = _mean(x)
            path = path[3:]
        for name in path:
            if name == "avg_pool":
                maps = x.float().permute(0, 4, 1, 2, 3)
                x = F.avg_pool3d(maps, AVERAGED, stride=1).permute(0, 2, 3, 4, 1)
            elif name == "logits":
                x = _mean(self._layers[name](x.to(self._dtype)))
            elif name == "prob":
                x = torch.softmax(x, dim=1)
            else:
                x = self._layers[name](x)
            if name in layers:
                found[name] = _mean(x) if x.ndim == 5 else x
        return {name: found[name] for name in layers}

    def _stem(self, x: Tensor) -> Tensor:
        """Compute the first three layers frame by frame: their maps are the largest."""
        first, pool, second = (self._layers[name] for name in _STEM)
        frames, *size = first.output_sizes(x)
        _, *windows = pool.windows((frames, *size))
        shape = len(x), frames, *(axis.count for axis in windows), second.out_channels
        out = empty_map(*shape, dtype=self._dtype)

        def take(values: Tensor, clips: slice, steps: slice) -> None:
            pooled = pool_frames(values.flatten(0, 1), windows).relu_()
            out[clips, steps] = second.product(pooled).unflatten(0, values.shape[:2])

        first.in_pieces(x, take)
        return out


def _mean(maps: Tensor) -> Tensor:
    return maps.float().mean(dim=(1, 2, 3))


def _layer(name: str, module: Any, dtype: torch.dtype) -> Any:
    if name.startswith("MaxPool3d"):
        return _SamePool(module.kernel, module.stride)
    if name.startswith("Mixed"):
        return _Mixed(module, dtype)
    weight, bias = module.conv3d.weight.data, module.conv3d.bias.data
    if name == "logits":
        return Linear(weight.flatten(1).to(dtype), bias.to(dtype))
    if module.kernel == 1:
        return _Pointwise(weight, bias, dtype)
    if module.stride == 1:
        return Convolution(weight, bias, dtype)
    return _SameConvolution(weight, bias, module.stride, dtype)


class _Pointwise:
    """A convolution of 1x1x1, its bias, and a ReLU."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self.out_channels = len(weight)
        self.product = Linear(weight.flatten(1).to(dtype), bias.to(dtype), relu=True)
        self._dtype = dtype

    def __call__(self, x: Tensor) -> Tensor:
        out = empty_map(*x.shape[:4], self.out_channels, dtype=self._dtype)
        self.into(x, [out])
        return out

    def into(self, x: Tensor, parts: Sequence[Tensor]) -> None:
        """Compute, and write the channels to one array after the other."""
        sizes = [part.shape[-1] for part in parts]

        def compute(piece: tuple[int, int]) -> None:
            results = torch.split(self.product(x[piece]), sizes, dim=-1)
            for part, values in zip(parts, results, strict=True):
                part[piece] = values

        run_all(compute, list(product(range(x.shape[0]), range(x.shape[1]))))


class _SameConvolution:
    """A convolution padded by TensorFlow's SAME rule, its bias, and a ReLU."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, dtype: torch.dtype) -> None:
        self._kernel, self._stride = weight.shape[2:], stride
        self._convolution = DirectConvolution(weight, bias, dtype, stride=stride)

    def __call__(self, x: Tensor) -> Tensor:
        return self._convolution(x, self._padding(x))

    def in_pieces(self, x: Tensor, take: Callable[[Tensor, slice, slice], None]) -> None:
        self._convolution.in_pieces(x, self._padding(x), take)

    def output_sizes(self, x: Tensor) -> list[int]:
        return self._convolution.output_sizes(x, self._padding(x))

    def _padding(self, x: Tensor) -> Padding:
        frames, rows, columns = (
            same_padding(size, kernel, self._stride)
            for size, kernel in zip(x.shape[1:4], self._kernel, strict=True)
        )
        return Padding(*zip(frames, rows, columns, strict=True))


class _SamePool:
    """A max pool padded by TensorFlow's SAME rule."""

    def __init__(self, kernel: Sequence[int], stride: Sequence[int]) -> None:
        self._kernel, self._stride = kernel, stride

    def __call__(self, x: Tensor) -> Tensor:
        return max_pool(x, self.windows(x.shape[1:4]))

    def windows(self, sizes: Sequence[int]) -> list[Windows]:
        """Lay the windows out on a map of some frames, rows and columns."""
        return [
            Windows(-(-size // stride), kernel, stride, same_padding(size, kernel, stride)[0])
            for size, kernel, stride in zip(sizes, self._kernel, self._stride, strict=True)
        ]


class _Mixed:
    """Inception module: what its branches find goes side by side into one array."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        # Three branches begin with a product over the same map: together it is one.
        heads = [module.b0.conv3d, module.b1a.conv3d, module.b2a.conv3d]
        weight = torch.cat([head.weight.data for head in heads])
        bias = torch.cat([head.bias.data for head in heads])
        self._heads = _Pointwise(weight, bias, dtype)
        self._head_sizes = [head.out_channels for head in heads]
        self._tails = [
            Convolution(tail.weight.data, tail.bias.data, dtype)
            for tail in (module.b1b.conv3d, module.b2b.conv3d)
        ]
        self._pool = _SamePool(module.b3a.kernel, module.b3a.stride)
        last = module.b3b.conv3d
        self._after_pool = _Pointwise(last.weight.data, last.bias.data, dtype)
        self._sizes = [
            self._head_sizes[0],
            *(tail.out_channels for tail in self._tails),
            self._after_pool.out_channels,
        ]
        self._dtype = dtype

    def __call__(self, x: Tensor) -> Tensor:
        shape = x.shape[:4]
        out = empty_map(*shape, sum(self._sizes), dtype=self._dtype)
        straight, *convolved, pooled = torch.split(out, self._sizes, dim=-1)
        reduced = [empty_map(*shape, size, dtype=self._dtype) for size in self._head_sizes[1:]]
        self._heads.into(x, [straight, *reduced])
        for tail, values, part in zip(self._tails, reduced, convolved, strict=True):
            tail(values, out=part)

        def take(values: Tensor, clip: int, step: int) -> None:
            pooled[clip, step] = self._after_pool.product(values)

        pool_in_pieces(x, self._pool.windows(shape[1:]), take)
        return out
