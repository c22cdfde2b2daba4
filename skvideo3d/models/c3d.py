"""C3D, the network of 3x3x3 convolutions of Tran et al. (ICCV 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import torch
import torch.nn.functional as F
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
_POOLS = {
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
_BEFORE_RELU = {*_CONVOLUTIONS, "fc6", "fc7"}
_POOL5_MODES = ("ceil", "padded", "global")


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
    pool5 : {"ceil", "padded", "global"}, default="ceil"
        How max pools meet the border. "ceil" is Caffe's way: no padding, and what is left over
        beyond the last whole window gets a window of its own, so that the 7 columns before pool5
        are pooled as {0,1} {2,3} {4,5} {6}. "padded" is what most ports do: left-overs are dropped,
        and pool5 alone is padded by one row and column on every side, {0} {1,2} {3,4} {5,6}. On
        clips of 112x112 the two differ in pool5 only; fc6 of the authors' weights expects "ceil".
        "global" is "ceil", but that pool5 takes all rows and columns that are left for one window:
        ``fc6`` then has a weight for each channel (and step of time) instead of one for each place,
        and takes clips of any height and width. No paper of C3D has it; networks of the package's
        own do.
    batch_norm : bool, default=False
        Whether a batch normalisation follows every convolution, ``fc6`` and ``fc7``, before the
        ReLU, as in the 3D-ConvNet of Carreira & Zisserman (2017, section 2.2). The layers before
        them then have no biases, which it would cancel. It is PyTorch's (eps 1e-5, momentum 0.1);
        the paper does not say.
    pool1_stride : {1, 2}, default=1
        Frames that pool1 takes together: 1 in Tran et al. (2015, section 3.1), which leaves time
        alone there; 2 in Carreira & Zisserman (2017, section 2.2), for larger batches in as much
        memory.
    hidden : int, optional
        Units of ``fc6`` and of ``fc7``; by default 4096 times `width` (Tran et al. 2015, section
        3.3).

    Raises
    ------
    ValueError
        If an argument is not positive, `pool5` or `pool1_stride` is unknown, or `input_size` is so
        small that nothing is left of it after pool5.

    Notes
    -----
    Dropout (0.5) follows ``fc6`` and ``fc7`` in training mode only. Weights are those of the
    constructor's default initialisation until `load_weights` or `initialize` set them.

    The batch normalisation of a layer is the module with its name and ``_bn``: ``conv1a_bn``.

    References
    ----------
    Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D
    Convolutional Networks, ICCV 2015.

    Carreira, Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset,
    CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from skvideo3d.models import C3D
    >>> network = C3D(num_classes=5, input_size=(16, 32, 32), width=1 / 16).eval()
    >>> with torch.inference_mode():
    ...     found = network.describe(torch.zeros(2, 3, 16, 32, 32), ("pool5", "fc6", "prob"))
    >>> {name: tuple(vectors.shape) for name, vectors in found.items()}
    {'pool5': (2, 32), 'fc6': (2, 256), 'prob': (2, 5)}

    With pool5 over the whole map, clips of another height and width will do:

    >>> network = C3D(input_size=(16, 32, 32), width=1 / 16, pool5="global").eval()
    >>> with torch.inference_mode():
    ...     network.describe(torch.zeros(2, 3, 16, 64, 48), "fc6")["fc6"].shape
    torch.Size([2, 256])
    """

    def __init__(
        self,
        num_classes: int | None = 487,
        *,
        in_channels: int = 3,
        input_size: Sequence[int] = (16, 112, 112),
        width: float = 1.0,
        pool5: Literal["ceil", "padded", "global"] = "ceil",
        batch_norm: bool = False,
        pool1_stride: Literal[1, 2] = 1,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        check_sizes(num_classes=num_classes, in_channels=in_channels, width=width, hidden=hidden)
        if pool5 not in _POOL5_MODES:
            raise ValueError(f"pool5 must be 'ceil', 'padded' or 'global', got {pool5!r}.")
        if pool1_stride not in (1, 2):
            raise ValueError(f"pool1_stride must be 1 or 2, got {pool1_stride!r}.")
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.input_size = _checked_size(input_size)
        self.width = width
        self.pool5_mode = pool5
        self.batch_norm = batch_norm
        self.pool1_stride = pool1_stride
        self.hidden = hidden
        last = _LAYERS.index("fc7" if num_classes is None else "prob")
        self.layer_names = _LAYERS[: last + 1]
        self.descriptor_layers = tuple(
            name for name in ("pool5", "fc6", "fc7", "fc8", "prob") if name in self.layer_names
        )

        channels = in_channels
        for name in _LAYERS[: _LAYERS.index("fc6")]:
            if name in _CONVOLUTIONS:
                outputs = scaled(_CONVOLUTIONS[name], width)
                self._add(name, nn.Conv3d(channels, outputs, 3, padding=1, bias=not batch_norm))
                channels = outputs
            else:
                self.add_module(name, self._pool(name))
        flat = channels * prod(self.pooled_size(self.input_size, self.layer_names))
        if not flat:
            raise ValueError(
                f"input_size={self.input_size} leaves nothing after pool5; the smallest that "
                f"pool5={pool5!r} takes is {self._smallest(self.layer_names)}."
            )
        units = hidden or scaled(_HIDDEN, width)
        self._add("fc6", nn.Linear(flat, units, bias=not batch_norm))
        self._add("fc7", nn.Linear(units, units, bias=not batch_norm))
        if num_classes is not None:
            self.fc8 = nn.Linear(units, num_classes)
        self.dropout = nn.Dropout(0.5)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON: ``C3D(**network.config)`` is its like."""
        config = {
            "num_classes": self.num_classes,
            "in_channels": self.in_channels,
            "input_size": list(self.input_size),
            "width": self.width,
            "pool5": self.pool5_mode,
        }
        # Only what makes it another network than the paper's: files and stored descriptors are
        # known by these arguments, and were before there were the following ones.
        if self.batch_norm:
            config["batch_norm"] = True
        if self.pool1_stride != 1:
            config["pool1_stride"] = self.pool1_stride
        if self.hidden is not None:
            config["hidden"] = self.hidden
        return config

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
            return _PoolOfWholeFrames(_POOLS[name][0])
        return nn.MaxPool3d(
            self.pool_window(name, self.input_size),  # which of these pools depends on no size
            padding=self.pool_padding(name),
            ceil_mode=self.pool5_mode != "padded",
        )

    def pool_window(self, name: str, size: Sequence[int]) -> tuple[int, int, int]:
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
        frames, rows, columns = _POOLS[name]
        if name == "pool1":
            frames = self.pool1_stride
        if name == "pool5" and self.pool5_mode == "global":
            _, rows, columns = size
        return frames, rows, columns

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
            if name not in _POOLS:
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

    def _smallest(self, path: Sequence[str]) -> tuple[int, ...]:
        """Find the smallest clip of which something is left at the end of the path."""
        return tuple(
            next(n for n in range(1, 1000) if self.pooled_size((n, n, n), path)[axis])
            for axis in range(len(_AXES))
        )

    def check_clips(self, x: Tensor, path: Sequence[str]) -> None:
        super().check_clips(x, path)
        size = tuple(x.shape[2:])
        is_global = self.pool5_mode == "global"
        taken = (self.input_size[0], *size[1:]) if is_global else self.input_size
        if "fc6" in path and size != taken:
            wanted = f"{taken[0]} frames of any size" if is_global else _words(taken)
            raise ValueError(
                f"fc6 of this C3D takes clips of {wanted}, got {_words(size)}. "
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
        if name in _BEFORE_RELU:
            if self.batch_norm:
                y = self.get_submodule(f"{name}_bn")(y)
            # The result is fresh: nobody else holds it, so it need not be copied.
            torch.relu_(y)
        return y

    def _vector(self, value: Tensor) -> Tensor:
        return value.flatten(1)


class _PoolOfWholeFrames(nn.Module):
    """Max pool over all rows and columns, and some frames at a time."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(x, (self.frames, *x.shape[3:]), ceil_mode=True)


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
