"""I3D, Inception-v1 inflated to three dimensions, of Carreira and Zisserman (CVPR 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import LayeredNetwork, check_sizes, scaled

__all__ = ["I3D"]

# Channels of the Inception modules (Szegedy et al. 2015, table 1): 1x1; 1x1 and 3x3; 1x1 and 3x3
# (the 5x5 of the table became 3x3); 1x1 behind the max pool.
_MIXED = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Channels, kernel, stride of the plain convolutions.
_STEM = {
    "Conv3d_1a_7x7": (64, 7, 2),
    "Conv3d_2b_1x1": (64, 1, 1),
    "Conv3d_2c_3x3": (192, 3, 1),
}
# Kernel and stride of the max pools between modules (Carreira & Zisserman 2017, figure 3).
_POOLS = {
    "MaxPool3d_2a_3x3": ((1, 3, 3), (1, 2, 2)),
    "MaxPool3d_3a_3x3": ((1, 3, 3), (1, 2, 2)),
    "MaxPool3d_4a_3x3": ((3, 3, 3), (2, 2, 2)),
    "MaxPool3d_5a_2x2": ((2, 2, 2), (2, 2, 2)),
}
AVERAGED = (2, 7, 7)

_LAYERS = (
    *("Conv3d_1a_7x7", "MaxPool3d_2a_3x3", "Conv3d_2b_1x1", "Conv3d_2c_3x3", "MaxPool3d_3a_3x3"),
    *("Mixed_3b", "Mixed_3c", "MaxPool3d_4a_3x3"),
    *("Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f", "MaxPool3d_5a_2x2"),
    *("Mixed_5b", "Mixed_5c", "avg_pool", "logits", "prob"),
)
# What Mixed_5c has left of a clip: every stride rounds up, and together they are these.
_STRIDES = (8, 32, 32)
_SMALLEST = tuple((k - 1) * s + 1 for k, s in zip(AVERAGED, _STRIDES, strict=True))


class I3D(LayeredNetwork):
    """I3D: Inception-v1 with 3-D convolutions, batch normalisation and TensorFlow's padding.

    The layers are the end points of the authors' network, after batch normalisation and ReLU, and
    three more: ``avg_pool``, the map averaged in windows of (2, 7, 7) with stride 1; ``logits``,
    the scores, averaged over whatever windows there are; ``prob``, the softmax of the scores.
    `describe` averages maps over time and space; for ``avg_pool`` that is the average of the
    windows, in which the first and last steps of time weigh half.

    Parameters
    ----------
    num_classes : int or None, default=400
        Outputs of ``logits``; 400 in Kinetics. None leaves ``logits`` and ``prob`` out.
    in_channels : int, default=3
        Channels of the clips: 3 for RGB, 2 for optical flow.
    width : float, default=1.0
        Factor on the channels of every convolution.

    Raises
    ------
    ValueError
        If an argument is not positive.

    Notes
    -----
    Clips may have any length and size. ``avg_pool`` and what follows need at least 9 frames of
    193x193 pixels, of which the strides leave one window of (2, 7, 7).

    The names of the arrays are those of the published PyTorch files
    (``Conv3d_1a_7x7.conv3d.weight``, ``Mixed_3b.b1a.bn.running_mean``, ``logits.conv3d.bias``).

    References
    ----------
    Carreira, Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset,
    CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from skvideo3d.models import I3D
    >>> network = I3D(num_classes=5, width=1 / 16).eval()
    >>> with torch.inference_mode():
    ...     found = network.describe(torch.zeros(2, 3, 9, 33, 33), ("Conv3d_1a_7x7", "Mixed_5c"))
    >>> {name: tuple(vectors.shape) for name, vectors in found.items()}
    {'Conv3d_1a_7x7': (2, 4), 'Mixed_5c': (2, 64)}
    """

    def __init__(
        self, num_classes: int | None = 400, *, in_channels: int = 3, width: float = 1.0
    ) -> None:
        super().__init__()
        check_sizes(num_classes=num_classes, in_channels=in_channels, width=width)
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.width = width
        last = _LAYERS.index("avg_pool" if num_classes is None else "prob")
        self.layer_names = _LAYERS[: last + 1]
        self.descriptor_layers = self.layer_names

        channels = in_channels
        for name in _LAYERS[: _LAYERS.index("avg_pool")]:
            if name in _POOLS:
                self.add_module(name, _SamePool(*_POOLS[name]))
            elif name in _STEM:
                outputs, kernel, stride = _STEM[name]
                outputs = scaled(outputs, width)
                self.add_module(name, _Unit(channels, outputs, kernel, stride))
                channels = outputs
            else:
                mixed = _Mixed(channels, [scaled(outputs, width) for outputs in _MIXED[name]])
                self.add_module(name, mixed)
                channels = mixed.out_channels
        self.avg_pool = _AveragePool()
        if num_classes is not None:
            self.logits = _Logits(channels, num_classes)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON: ``I3D(**network.config)`` is its like."""
        return {
            "num_classes": self.num_classes,
            "in_channels": self.in_channels,
            "width": self.width,
        }

    def check_clips(self, x: Tensor, path: Sequence[str]) -> None:
        super().check_clips(x, path)
        frames, height, width = x.shape[2:]
        least, size, _ = _SMALLEST
        if "avg_pool" in path and (frames < least or min(height, width) < size):
            raise ValueError(
                f"{path[-1]} of I3D needs clips of at least {least} frames of {size}x{size} "
                f"pixels, got {frames} frames of {height}x{width}. Use longer or larger clips, or "
                "a layer up to Mixed_5c, which take clips of any size."
            )

    def _run(self, name: str, x: Tensor) -> Tensor:
        if name == "prob":
            return torch.softmax(x, dim=1)
        y: Tensor = self.get_submodule(name)(x)
        return y

    def _vector(self, value: Tensor) -> Tensor:
        return value.mean(dim=(2, 3, 4)) if value.ndim == 5 else value


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pad an axis by TensorFlow's SAME rule.

    There are as many windows as strides begin inside the input, and what they miss is shared out,
    an odd one going to the end.

    Parameters
    ----------
    size, kernel, stride : int
        Along the axis.

    Returns
    -------
    (int, int)
        How much before it, and how much after.
    """
    missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return missing // 2, missing - missing // 2


class _Unit(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, channels: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        # With stride 1 and an odd kernel, SAME is symmetric whatever the size.
        padding = kernel // 2 if stride == 1 else 0
        self.conv3d = nn.Conv3d(channels, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            # Two before and three after on an even axis: no padding of Conv3d can say that.
            pads = [same_padding(size, self.kernel, self.stride) for size in x.shape[:1:-1]]
            x = F.pad(x, [side for pair in pads for side in pair])
        return torch.relu_(self.bn(self.conv3d(x)))


class _SamePool(nn.Module):
    """Max pool by the SAME rule, without copying its input.

    The rule pads the end of an axis by as much as its beginning, or by one more; the one more is
    what ceil mode allows. The authors pad with zeros and PyTorch with minus infinity, which is the
    same after a ReLU, where nothing is below zero.
    """

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        before = [
            same_padding(size, kernel, stride)[0]
            for size, kernel, stride in zip(x.shape[2:], self.kernel, self.stride, strict=True)
        ]
        return F.max_pool3d(x, self.kernel, self.stride, before, ceil_mode=True)


class _Mixed(nn.Module):
    """Inception module: four branches over the same map, their channels side by side."""

    def __init__(self, channels: int, outputs: Sequence[int]) -> None:
        super().__init__()
        one, reduce_a, three_a, reduce_b, three_b, pooled = outputs
        self.out_channels = one + three_a + three_b + pooled
        self.b0 = _Unit(channels, one, 1)
        self.b1a = _Unit(channels, reduce_a, 1)
        self.b1b = _Unit(reduce_a, three_a, 3)
        self.b2a = _Unit(channels, reduce_b, 1)
        self.b2b = _Unit(reduce_b, three_b, 3)
        self.b3a = _SamePool((3, 3, 3), (1, 1, 1))
        self.b3b = _Unit(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.b0(x),
            self.b1b(self.b1a(x)),
            self.b2b(self.b2a(x)),
            self.b3b(self.b3a(x)),
        )
        return torch.cat(branches, dim=1)


class _AveragePool(nn.Module):
    """Windows of two steps of time and 7x7 of space, averaged."""

    def forward(self, x: Tensor) -> Tensor:
        # PyTorch has no avg_pool3d in half precision on the CPU; the map is small by now.
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return F.avg_pool3d(wide, AVERAGED, stride=1).to(x.dtype)


class _Logits(nn.Module):
    """Scores of every window of the averaged map, averaged."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels, outputs, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.conv3d(x)
        return scores.mean(dim=(2, 3, 4))
