"""C3D, the network of 3x3x3 convolutions of Tran et al. (ICCV 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .network import LayeredNetwork, check_sizes, scaled

__all__ = ["C3D"]

# Tran et al. 2015, figure 3: convolutions 3x3x3 with padding 1, and their output channels ...
_CONVOLUTIONS = {
    "conv1a": 64,
    "conv2a": 128,
    "conv3a": 256,
    "conv3b": 256,
    "conv4a": 512,
    "conv4b": 512,
    "conv5a": 512,
    "conv5b": 512,
}
# ... max pools whose stride is their window (pool1 leaves time alone) ...
POOLS = {
    "pool1": (1, 2, 2),
    "pool2": (2, 2, 2),
    "pool3": (2, 2, 2),
    "pool4": (2, 2, 2),
    "pool5": (2, 2, 2),
}
# ... and the two hidden fully connected layers.
_HIDDEN = 4096

_LAYERS = (
    *("conv1a", "pool1", "conv2a", "pool2", "conv3a", "conv3b", "pool3"),
    *("conv4a", "conv4b", "pool4", "conv5a", "conv5b", "pool5"),
    *("fc6", "fc7", "fc8", "prob"),
)
_AXES = ("frames", "rows", "columns")


class C3D(LayeredNetwork):
    """C3D: eight convolutions, five max pools, three fully connected layers.

    The values of ``conv*``, ``fc6`` and ``fc7`` are those after the ReLU, because Caffe computes it
    in place and the authors' descriptors were read there; ``fc8`` holds scores and ``prob`` their
    softmax. `describe` flattens maps in Caffe's order, (c, t, h, w).

    Parameters
    ----------
    num_classes : int or None, default=487
        Outputs of ``fc8``; 487 in Sports-1M. None leaves ``fc8`` and ``prob`` out.
    in_channels : int, default=3
        Channels of the clips.
    input_size : tuple of int, default=(16, 112, 112)
        Frames, height and width of the clips that ``fc6`` and what follows take. The other layers
        take any clip.
    width : float, default=1.0
        Factor on the channels of every convolution and on the hidden fully connected layers.
    pool5 : {"ceil", "padded"}, default="ceil"
        How max pools meet the border. "ceil" is Caffe's way: no padding, and what is left over
        beyond the last whole window gets a window of its own, so that the 7 columns before pool5
        are pooled as {0,1} {2,3} {4,5} {6}. "padded" is what most ports do: left-overs are dropped,
        and pool5 alone is padded by one row and column on every side, {0} {1,2} {3,4} {5,6}. On
        clips of 112x112 the two differ in pool5 only; fc6 of the authors' weights expects "ceil".

    Raises
    ------
    ValueError
        If an argument is not positive, `pool5` is unknown, or `input_size` is so small that
        nothing is left of it after pool5.

    Notes
    -----
    Dropout (0.5) follows ``fc6`` and ``fc7`` in training mode only. Weights are those of the
    constructor's default initialisation until `load_weights` or `initialize` set them.

    References
    ----------
    Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D
    Convolutional Networks, ICCV 2015.

    Examples
    --------
    >>> import torch
    >>> from skvideo3d.models import C3D
    >>> network = C3D(num_classes=5, input_size=(16, 32, 32), width=1 / 16).eval()
    >>> with torch.inference_mode():
    ...     found = network.describe(torch.zeros(2, 3, 16, 32, 32), ("pool5", "fc6", "prob"))
    >>> {name: tuple(vectors.shape) for name, vectors in found.items()}
    {'pool5': (2, 32), 'fc6': (2, 256), 'prob': (2, 5)}
    """

    def __init__(
        self,
        num_classes: int | None = 487,
        *,
        in_channels: int = 3,
        input_size: Sequence[int] = (16, 112, 112),
        width: float = 1.0,
        pool5: Literal["ceil", "padded"] = "ceil",
    ) -> None:
        super().__init__()
        check_sizes(num_classes=num_classes, in_channels=in_channels, width=width)
        if pool5 not in ("ceil", "padded"):
            raise ValueError(f"pool5 must be 'ceil' or 'padded', got {pool5!r}.")
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.input_size = _checked_size(input_size)
        self.width = width
        self.pool5_mode = pool5
        last = _LAYERS.index("fc7" if num_classes is None else "prob")
        self.layer_names = _LAYERS[: last + 1]
        self.descriptor_layers = tuple(
            name for name in ("pool5", "fc6", "fc7", "fc8", "prob") if name in self.layer_names
        )

        channels = in_channels
        for name in _LAYERS[: _LAYERS.index("fc6")]:
            if name in _CONVOLUTIONS:
                outputs = scaled(_CONVOLUTIONS[name], width)
                self.add_module(name, nn.Conv3d(channels, outputs, kernel_size=3, padding=1))
                channels = outputs
            else:
                self.add_module(name, self._pool(name))
        flat = channels * prod(self.pooled_size(self.input_size, self.layer_names))
        if not flat:
            raise ValueError(
                f"input_size={self.input_size} leaves nothing after pool5; the smallest that "
                f"pool5={pool5!r} takes is {self._smallest(self.layer_names)}."
            )
        hidden = scaled(_HIDDEN, width)
        self.fc6 = nn.Linear(flat, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        if num_classes is not None:
            self.fc8 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.5)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON: ``C3D(**network.config)`` is its like."""
        return {
            "num_classes": self.num_classes,
            "in_channels": self.in_channels,
            "input_size": list(self.input_size),
            "width": self.width,
            "pool5": self.pool5_mode,
        }

    def _pool(self, name: str) -> nn.MaxPool3d:
        return nn.MaxPool3d(
            POOLS[name], padding=self.pool_padding(name), ceil_mode=self.pool5_mode == "ceil"
        )

    def pool_padding(self, name: str) -> tuple[int, int, int]:
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
            if name not in POOLS:
                continue
            if self.pool5_mode == "ceil":
                left = tuple(-(-n // k) for n, k in zip(left, POOLS[name], strict=True))
            else:
                pads = self.pool_padding(name)
                # A map that is gone stays gone: padding makes no rows out of none.
                left = tuple(
                    (n + 2 * pad) // k if n else 0
                    for n, k, pad in zip(left, POOLS[name], pads, strict=True)
                )
        return left

    def _smallest(self, path: Sequence[str]) -> tuple[int, ...]:
        """Find the smallest clip of which something is left at the end of the path."""
        return tuple(
            next(n for n in range(1, 1000) if self.pooled_size((n, n, n), path)[axis])
            for axis in range(len(_AXES))
        )

    def check_clips(self, x: Tensor, path: Sequence[str]) -> None:
        super().check_clips(x, path)
        size = tuple(x.shape[2:])
        if "fc6" in path and size != self.input_size:
            raise ValueError(
                f"fc6 of this C3D takes clips of {_words(self.input_size)}, got {_words(size)}. "
                f"Give it such clips, or build C3D(input_size={size}), whose fc6 needs weights of "
                "its own; pool5 and the layers before it take clips of any size."
            )
        if not all(self.pooled_size(size, path)):
            smallest = _words(self._smallest(path))
            raise ValueError(
                f"{path[-1]} of this C3D needs clips of at least {smallest}, got {_words(size)}; "
                "nothing of them is left there. Use larger clips or an earlier layer."
            )

    def _run(self, name: str, x: Tensor) -> Tensor:
        if name == "prob":
            return torch.softmax(x, dim=1)
        if name == "fc6":
            x = x.flatten(1)
        elif name in ("fc7", "fc8"):
            x = self.dropout(x)
        y: Tensor = self.get_submodule(name)(x)
        if name in _CONVOLUTIONS or name in ("fc6", "fc7"):
            # The result is fresh: nobody else holds it, so it need not be copied.
            torch.relu_(y)
        return y

    def _vector(self, value: Tensor) -> Tensor:
        return value.flatten(1)


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
