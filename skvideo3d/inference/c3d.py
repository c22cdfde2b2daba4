"""C3D on a processor's cores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skvideo3d.models.c3d import C3D, POOLS

from .convolution import Convolution
from .onednn import Linear
from .pooling import Windows, max_pool

__all__ = ["C3DOnCPU"]


class C3DOnCPU:
    """Describe clips with C3D; see `skvideo3d.inference.PreparedNetwork`.

    Parameters
    ----------
    network : C3D
        Emptied: its weights are laid out anew, and freed.
    dtype : torch.dtype
        float32 or bfloat16.
    """

    def __init__(self, network: C3D, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._layers: dict[str, Convolution | Linear] = {}
        for name in network.layer_names:
            layer = getattr(network, name, None)
            if isinstance(layer, nn.Conv3d):
                assert layer.bias is not None
                self._layers[name] = Convolution(layer.weight.data, layer.bias.data, dtype)
            elif isinstance(layer, nn.Linear):
                weight, bias = layer.weight.data.to(dtype), layer.bias.data.to(dtype)
                self._layers[name] = Linear(weight, bias, relu=name != "fc8")
        self._network = network.to("meta")  # knows the names and the sizes

    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        path = self._network.path_to(layers)
        self._network.check_clips(clips, path)
        x = clips.permute(0, 2, 3, 4, 1)
        found: dict[str, Tensor] = {}
        windows: list[Windows] = []
        for name, following in zip(path, (*path[1:], None), strict=True):
            layer = self._layers.get(name)
            if isinstance(layer, Convolution):
                windows = self._windows_after(following, x)
                # Pairs of pixels the convolution can pool while it has them.
                in_pairs = bool(windows) and all(
                    axis == Windows(size // 2, 2, 2, 0) and size % 2 == 0
                    for axis, size in zip(windows[1:], x.shape[2:4], strict=True)
                )
                x = layer(x, pool=in_pairs)
                if in_pairs:
                    windows[1:] = [Windows(size, 1, 1, 0) for size in x.shape[2:4]]
            elif isinstance(layer, Linear):
                x = layer(_flat(x) if x.ndim == 5 else x)
            elif name == "prob":
                x = torch.softmax(x.float(), dim=1)
            elif not all(axis.changes_nothing for axis in windows):
                x = max_pool(x, windows)
            if name in layers:
                found[name] = (_flat(x) if x.ndim == 5 else x).float()
        return {name: found[name] for name in layers}

    def _windows_after(self, name: str | None, x: Tensor) -> list[Windows]:
        """Lay out the windows of the pool after a convolution, or none."""
        if name not in POOLS:
            return []
        pads = self._network.pool_padding(name)
        counts = self._network.pooled_size(x.shape[1:4], (name,))
        return [
            Windows(count, size, size, pad)
            for count, size, pad in zip(counts, POOLS[name], pads, strict=True)
        ]


def _flat(x: Tensor) -> Tensor:
    """Flatten maps in Caffe's order, (c, t, h, w)."""
    return x.permute(0, 4, 1, 2, 3).flatten(1)
