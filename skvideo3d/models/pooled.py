"""What C3D and the networks of its paper's study share: convolutions and max pools in a chain."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import LayeredNetwork

__all__ = ["Pool5", "PooledNetwork", "Window"]

Window = tuple[int, int, int]
"""Frames, rows and columns."""

Pool5 = Literal["ceil", "padded", "global"]

_AXES = ("frames", "rows", "columns")
_DESCRIPTORS = ("pool5", "fc6", "fc7", "fc8", "prob")


class PooledNetwork(LayeredNetwork):
    """Convolutions and max pools, then fully connected layers that take maps of one size.

    What the layers are called, where the ReLU is, and what `pool5` and `batch_norm` mean is said in
    `C3D`.

    Parameters
    ----------
    convolutions : mapping of str to (int, int)
        Channels and temporal depth of each; padded so that no size changes.
    pools : mapping of str to (int, int, int)
        What each takes together, which is its stride.
    hidden : int
        Units of ``fc6`` and ``fc7``.
    num_classes, in_channels, input_size, pool5, batch_norm
        As for `C3D`.
    """

    def __init__(
        self,
        convolutions: Mapping[str, tuple[int, int]],
        pools: Mapping[str, Window],
        hidden: int,
        *,
        num_classes: int | None,
        in_channels: int,
        input_size: Sequence[int],
        pool5: Pool5 = "ceil",
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if pool5 not in ("ceil", "padded", "global"):
            raise ValueError(f"pool5 must be 'ceil', 'padded' or 'global', got {pool5!r}.")
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.input_size = _checked_size(input_size)
        self.pool5_mode = pool5
        self.batch_norm = batch_norm
        self._pools = dict(pools)
        before_fc6 = _in_order(convolutions, pools)
        scores = () if num_classes is None else ("fc8", "prob")
        self.layer_names = (*before_fc6, "fc6", "fc7", *scores)
        self.descriptor_layers = tuple(name for name in _DESCRIPTORS if name in self.layer_names)

        channels = in_channels
        for name in before_fc6:
            if name in pools:
                self.add_module(name, self._pool(name))
                continue
            outputs, depth = convolutions[name]
            padding = depth // 2, 1, 1
            layer = nn.Conv3d(channels, outputs, (depth, 3, 3), 1, padding, bias=not batch_norm)
            self._add(name, layer)
            channels = outputs
        flat = channels * prod(self.pooled_size(self.input_size, self.layer_names))
        if not flat:
            raise ValueError(
                f"input_size={self.input_size} leaves nothing after pool5; the smallest that "
                f"pool5={pool5!r} takes is {self._smallest(self.layer_names)}."
            )
        self._add("fc6", nn.Linear(flat, hidden, bias=not batch_norm))
        self._add("fc7", nn.Linear(hidden, hidden, bias=not batch_norm))
        if num_classes is not None:
            self.fc8 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.5)

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON: ``type(network)(**config)`` is its like."""

    def pool_window(self, name: str, size: Sequence[int]) -> Window:
        """Give the frames, rows and columns that a pool takes together, which is its stride, too.

        Parameters
        ----------
        name : str
            Of a pool.
        size : sequence of 3 int
            Frames, rows and columns of the map before it.

        Returns
        -------
        tuple of 3 int
        """
        frames, rows, columns = self._pools[name]
        if name == "pool5" and self.pool5_mode == "global":
            _, rows, columns = size
        return frames, rows, columns

    def pool_padding(self, name: str) -> Window:
        """Give the frames, rows and columns by which a pool is padded on either side."""
        return (0, 1, 1) if name == "pool5" and self.pool5_mode == "padded" else (0, 0, 0)

    def pooled_size(self, size: Sequence[int], path: Sequence[str]) -> tuple[int, ...]:
        """Count what the pools on a path leave of a clip.

        Parameters
        ----------
        size : sequence of 3 int
            Frames, rows and columns.
        path : sequence of str
            Names of layers; those that are no pools leave everything.

        Returns
        -------
        tuple of 3 int
            Frames, rows and columns.
        """
        left = tuple(size)
        for name in path:
            if name not in self._pools:
                continue
            window = self.pool_window(name, left)
            if self.pool5_mode == "padded":
                pads = self.pool_padding(name)
                # A map that is gone stays gone: padding makes no rows out of none.
                left = tuple(
                    (n + 2 * pad) // k if n else 0
                    for n, k, pad in zip(left, window, pads, strict=True)
                )
            else:
                left = tuple(-(-n // k) for n, k in zip(left, window, strict=True))
        return left

    def check_clips(self, x: Tensor, path: Sequence[str]) -> None:
        super().check_clips(x, path)
        kind, size = type(self).__name__, tuple(x.shape[2:])
        is_global = self.pool5_mode == "global"
        taken = (self.input_size[0], *size[1:]) if is_global else self.input_size
        if "fc6" in path and size != taken:
            wanted = f"{taken[0]} frames of any size" if is_global else _words(taken)
            raise ValueError(
                f"fc6 of this {kind} takes clips of {wanted}, got {_words(size)}. "
                f"Give it such clips, or build {kind}(input_size={size}), whose fc6 needs weights "
                "of its own; pool5 and the layers before it take clips of any size."
            )
        if not all(self.pooled_size(size, path)):
            smallest = _words(self._smallest(path))
            raise ValueError(
                f"{path[-1]} of this {kind} needs clips of at least {smallest}, got "
                f"{_words(size)}; nothing of them is left there. Use larger clips or an earlier "
                "layer."
            )

    def _add(self, name: str, layer: nn.Conv3d | nn.Linear) -> None:
        self.add_module(name, layer)
        if not self.batch_norm:
            return
        if isinstance(layer, nn.Linear):
            self.add_module(f"{name}_bn", nn.BatchNorm1d(layer.out_features))
        else:
            self.add_module(f"{name}_bn", nn.BatchNorm3d(layer.out_channels))

    def _pool(self, name: str) -> nn.Module:
        if name == "pool5" and self.pool5_mode == "global":
            return _PoolOfWholeFrames(self._pools[name][0])
        return nn.MaxPool3d(
            self._pools[name],
            padding=self.pool_padding(name),
            ceil_mode=self.pool5_mode != "padded",
        )

    def _smallest(self, path: Sequence[str]) -> tuple[int, ...]:
        """Find the smallest clip of which something is left at the end of the path."""
        return tuple(
            next(n for n in range(1, 1000) if self.pooled_size((n, n, n), path)[axis])
            for axis in range(len(_AXES))
        )

    def _run(self, name: str, x: Tensor) -> Tensor:
        if name == "prob":
            return torch.softmax(x, dim=1)
        if name == "fc6":
            x = x.flatten(1)
        elif name in ("fc7", "fc8"):
            x = self.dropout(x)
        y: Tensor = self.get_submodule(name)(x)
        if name in self._pools or name == "fc8":
            return y
        if self.batch_norm:
            y = self.get_submodule(f"{name}_bn")(y)
        # The result is fresh: nobody else holds it, so it need not be copied.
        return torch.relu_(y)

    def _vector(self, value: Tensor) -> Tensor:
        return value.flatten(1)


class _PoolOfWholeFrames(nn.Module):
    """Max pool over all rows and columns, and some frames at a time."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(x, (self.frames, *x.shape[3:]), ceil_mode=True)


def _in_order(convolutions: Mapping[str, object], pools: Mapping[str, object]) -> tuple[str, ...]:
    """Sort names such as conv3a, conv3b and pool3 as the networks compute them."""
    return tuple(
        sorted([*convolutions, *pools], key=lambda name: (name[4], name.startswith("pool"), name))
    )


def _checked_size(size: Sequence[int]) -> tuple[int, ...]:
    checked = tuple(int(n) for n in size)
    if len(checked) != len(_AXES) or min(checked) < 1:
        raise ValueError(
            f"input_size must be three positive numbers, (frames, height, width), got {size!r}."
        )
    return checked


def _words(size: Sequence[int]) -> str:
    frames, height, width = size
    return f"{frames} frames of {height}x{width} pixels"
