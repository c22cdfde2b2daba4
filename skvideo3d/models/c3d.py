"""C3D, the network of 3x3x3 convolutions of Tran et al. (ICCV 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from .network import check_sizes, scaled
from .pooled import Pool5, PooledNetwork

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


class C3D(PooledNetwork):
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
        pool5: Pool5 = "ceil",
        batch_norm: bool = False,
        pool1_stride: Literal[1, 2] = 1,
        hidden: int | None = None,
    ) -> None:
        check_sizes(num_classes=num_classes, in_channels=in_channels, width=width, hidden=hidden)
        if pool1_stride not in (1, 2):
            raise ValueError(f"pool1_stride must be 1 or 2, got {pool1_stride!r}.")
        super().__init__(
            {name: (scaled(channels, width), 3) for name, channels in _CONVOLUTIONS.items()},
            _POOLS | {"pool1": (pool1_stride, *_POOLS["pool1"][1:])},
            hidden or scaled(_HIDDEN, width),
            num_classes=num_classes,
            in_channels=in_channels,
            input_size=input_size,
            pool5=pool5,
            batch_norm=batch_norm,
        )
        self.width = width
        self.pool1_stride = pool1_stride
        self.hidden = hidden

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
