"""C3D on a processor's cores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skvideo3d.models.c3d import C3D

from .convolution import Convolution
from .onednn import Linear
from .pooling import Windows, max_pool

__all__ = ["C3DOnCPU"]


class C3DOnCPU:
    """Describe clips with C3D; see `skvideo3d.inference.PreparedNetwork`.

    Parameters
    ----------
    network : C3D
        Without batch normalisation, as `fold_batch_norm` gives it. Taken over layer by layer:
        weights are laid out anew when a layer is first asked for.
    dtype : torch.dtype
        float32 or bfloat16.
    """

    def __init__(self, network: C3D, dtype: torch.dtype) -> None:
        self._network = network
        self._dtype = dtype
        self._layers: dict[str, Convolution | Linear | None] = {}

    @torch.inference_mode()
    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        path = self._network.descriptor_path(layers)
        self._network.check_clips(clips, path)
        x = clips.permute(0, 2, 3, 4, 1)
        found: dict[str, Tensor] = {}
        windows: list[Windows] = []
        for name, following in zip(path, (*path[1:], None), strict=True):
            layer = self._layer(name)
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

    def _layer(self, name: str) -> Convolution | Linear | None:
        """Lay out the weights of a layer, if it has any."""
        if name not in self._layers:
            module = getattr(self._network, name, None)
            layer: Convolution | Linear | None = None
            if isinstance(module, nn.Conv3d):
                assert module.bias is not None
                layer = Convolution(module.weight.data, module.bias.data, self._dtype)
            elif isinstance(module, nn.Linear):
                weight, bias = (values.data.to(self._dtype) for values in module.parameters())
                layer = Linear(weight, bias, relu=name != "fc8", pack=False)
            if module is not None:
                module.to("meta")  # nobody reads these weights any more
            self._layers[name] = layer
        return self._layers[name]

    def _windows_after(self, name: str | None, x: Tensor) -> list[Windows]:
        """Lay out the windows of the pool after a convolution, or none."""
        if name is None or not name.startswith("pool"):
            return []
        pads = self._network.pool_padding(name)
        taken = self._network.pool_window(name, x.shape[1:4])
        counts = self._network.pooled_size(x.shape[1:4], (name,))
        return [
            Windows(count, size, size, pad)
            for count, size, pad in zip(counts, taken, pads, strict=True)
        ]


def _flat(x: Tensor) -> Tensor:
    """Flatten maps in Caffe's order, (c, t, h, w)."""
    return x.permute(0, 4, 1, 2, 3).flatten(1)
