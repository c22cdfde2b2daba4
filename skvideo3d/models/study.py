"""The networks on which the C3D paper studies how deep kernels should be in time."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from .network import check_sizes, scaled
from .pooled import PooledNetwork

__all__ = ["StudyNetwork"]

# Tran et al. 2015, section 3.1: filters of the five convolutions, each with a pool after it, and
# units of the two fully connected layers. Names are those of the authors' training files
# (facebookarchive/C3D, c3d_train_ucf101).
_FILTERS = {"conv1a": 64, "conv2a": 128, "conv3a": 256, "conv4a": 256, "conv5a": 256}
_HIDDEN = 2048
# Pools halve what they see; the first one leaves time alone, so that 16 frames last for four.
_POOLS = {
    "pool1": (1, 2, 2),
    "pool2": (2, 2, 2),
    "pool3": (2, 2, 2),
    "pool4": (2, 2, 2),
    "pool5": (2, 2, 2),
}


class StudyNetwork(PooledNetwork):
    """Five convolutions, each with a max pool, and two fully connected layers of 2048 units.

    Tran et al. (2015, sections 3.1 and 3.2) vary the temporal depth of its kernels to find that of
    C3D, and the size of its input. ``conv1a`` to ``conv5a``, ``fc6`` and ``fc7`` are followed by a
    ReLU and hold the values after it, as in `C3D`; pools are Caffe's (`C3D`, ``pool5="ceil"``).

    Parameters
    ----------
    num_classes : int or None, default=101
        Outputs of ``fc8``; 101 in UCF101, on which the study was made. None leaves ``fc8`` and
        ``prob`` out.
    kernel_depths : int or sequence of 5 int, default=3
        Frames that each convolution sees together, odd: d of its kernels of d x 3 x 3 (section
        3.1). One for all is the paper's depth-d; it also has 3-3-5-5-7, increasing, and 7-5-5-3-3,
        decreasing. With 1, frames meet in the pools alone.
    in_channels : int, default=3
        Channels of the clips.
    input_size : tuple of int, default=(16, 112, 112)
        Frames, height and width of the clips that ``fc6`` and what follows take.
    width : float, default=1.0
        Factor on the filters of every convolution and on the hidden fully connected layers.

    Raises
    ------
    ValueError
        If an argument is not positive, or a depth is not odd, or there are not five of them.

    Notes
    -----
    Dropout (0.5) follows ``fc6`` and ``fc7`` in training mode only, as in the authors' files.

    References
    ----------
    Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D
    Convolutional Networks, ICCV 2015.

    Examples
    --------
    >>> from skvideo3d.models import StudyNetwork
    >>> network = StudyNetwork(5, kernel_depths=(3, 3, 5, 5, 7), width=1 / 16)
    >>> network.conv5a
    Conv3d(16, 16, kernel_size=(7, 3, 3), stride=(1, 1, 1), padding=(3, 1, 1))
    >>> network.fc6
    Linear(in_features=256, out_features=128, bias=True)
    """

    def __init__(
        self,
        num_classes: int | None = 101,
        *,
        kernel_depths: int | Sequence[int] = 3,
        in_channels: int = 3,
        input_size: Sequence[int] = (16, 112, 112),
        width: float = 1.0,
    ) -> None:
        check_sizes(num_classes=num_classes, in_channels=in_channels, width=width)
        depths = _checked_depths(kernel_depths)
        convolutions = {
            name: (scaled(filters, width), depth)
            for (name, filters), depth in zip(_FILTERS.items(), depths, strict=True)
        }
        super().__init__(
            convolutions,
            _POOLS,
            scaled(_HIDDEN, width),
            num_classes=num_classes,
            in_channels=in_channels,
            input_size=input_size,
        )
        self.kernel_depths = depths
        self.width = width

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON: ``StudyNetwork(**config)`` is its like."""
        return {
            "num_classes": self.num_classes,
            "kernel_depths": list(self.kernel_depths),
            "in_channels": self.in_channels,
            "input_size": list(self.input_size),
            "width": self.width,
        }


def _checked_depths(depths: int | Sequence[int]) -> tuple[int, ...]:
    each = depths if isinstance(depths, Sequence) else [depths] * len(_FILTERS)
    checked = tuple(map(index, each))
    # A kernel of even depth has no middle frame: no padding would leave the number of frames.
    if len(checked) != len(_FILTERS) or any(d < 1 or d % 2 == 0 for d in checked):
        raise ValueError(
            f"kernel_depths must be one odd number or {len(_FILTERS)} of them, one for each "
            f"convolution, got {depths!r}."
        )
    return checked
