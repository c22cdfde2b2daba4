"""The networks of the papers by name: which arguments make them, and what they see."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from skvideo3d.video.preprocessing import C3D_PREPROCESSING, I3D_PREPROCESSING, Preprocessing

from .description import Architecture

if TYPE_CHECKING:
    from .fitting import Network

__all__ = ["NETWORKS", "NamedNetwork", "network_named"]


@dataclass(frozen=True)
class NamedNetwork:
    """A network that a paper describes.

    Parameters
    ----------
    name : str
        What `network_named` calls it.
    architecture : {"c3d", "i3d", "study"}
        Which class builds it: `C3D`, `I3D` or `StudyNetwork`.
    config : mapping
        The arguments that make it.
    input_size : tuple of int
        Frames, height and width of the clips that its paper trains it on.
    preprocessing : Preprocessing
        From frames to such clips; in training the crop is at random places.
    paper : str
        Where it is described.
    """

    name: str
    architecture: Architecture
    input_size: tuple[int, int, int]
    preprocessing: Preprocessing
    paper: str
    config: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", MappingProxyType(dict(self.config)))


_C3D_SIZE = (16, 112, 112)
_STUDY = "Tran et al. 2015, section 3.2"
# Section 3.1: 112x112 out of 128x171, which is 7/8 of the height. Other input sizes keep these
# proportions.
_NET_64 = replace(C3D_PREPROCESSING, resize=(64, 86), crop=(56, 56))
_NET_256 = replace(C3D_PREPROCESSING, resize=(256, 342), crop=(224, 224))
_DEPTHS: Mapping[str, int | tuple[int, ...]] = {
    "study-depth-1": 1,
    "study-depth-3": 3,
    "study-depth-5": 5,
    "study-depth-7": 7,
    "study-increasing": (3, 3, 5, 5, 7),
    "study-decreasing": (7, 5, 5, 3, 3),
}
_SIZES = {"net-64": _NET_64, "net-128": C3D_PREPROCESSING, "net-256": _NET_256}

_ENTRIES = (
    NamedNetwork("c3d", "c3d", _C3D_SIZE, C3D_PREPROCESSING, "Tran et al. 2015, section 3.3"),
    NamedNetwork(
        "c3d-bn",
        "c3d",
        _C3D_SIZE,
        C3D_PREPROCESSING,
        "Carreira & Zisserman 2017, section 2.2",
        {"batch_norm": True, "pool1_stride": 2},
    ),
    NamedNetwork(
        "i3d",
        "i3d",
        (64, 224, 224),
        I3D_PREPROCESSING,
        "Carreira & Zisserman 2017, sections 2.4 and 2.5",
    ),
    *(
        NamedNetwork(name, "study", _C3D_SIZE, C3D_PREPROCESSING, _STUDY, {"kernel_depths": depths})
        for name, depths in _DEPTHS.items()
    ),
    *(
        NamedNetwork(
            name,
            "study",
            (16, *recipe.crop),
            recipe,
            "Tran et al. 2015, appendix A",
            {"kernel_depths": 3, "input_size": (16, *recipe.crop)},
        )
        for name, recipe in _SIZES.items()
    ),
)

#: Name to network.
NETWORKS: Mapping[str, NamedNetwork] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def network_named(name: str, *, device: str = "cpu", **params: Any) -> Network:
    """Build a network of a paper, to be trained.

    Parameters
    ----------
    name : str
        "c3d", "c3d-bn" (the I3D paper's variant, with batch normalisation), "i3d", "study-depth-1",
        "study-depth-3", "study-depth-5", "study-depth-7", "study-increasing", "study-decreasing",
        "net-64", "net-128" (which is "study-depth-3") or "net-256".
    device : str, default="cpu"
        "meta" for a network without numbers, which `initialize` gives it.
    **params
        Arguments of the network's constructor, as `num_classes` or `width`; they win over those
        that make the named network.

    Returns
    -------
    C3D, I3D or StudyNetwork
        In training mode, with gradients and PyTorch's default initial weights.

    Raises
    ------
    ValueError
        If there is no such name, or no such argument.

    Examples
    --------
    >>> network_named("study-decreasing", num_classes=5, width=0.1).kernel_depths
    (7, 5, 5, 3, 3)
    >>> network_named("c3d-nb")
    Traceback (most recent call last):
        ...
    ValueError: network='c3d-nb' is unknown. Did you mean 'c3d-bn'? Choose from c3d, c3d-bn, i3d,
    study-depth-1, study-depth-3, study-depth-5, study-depth-7, study-increasing, study-decreasing,
    net-64, net-128, net-256.
    """
    from .fitting import build

    if name not in NETWORKS:
        close = difflib.get_close_matches(name, NETWORKS, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"network={name!r} is unknown.{guess} Choose from {', '.join(NETWORKS)}.")
    entry = NETWORKS[name]
    network = build(entry.architecture, {**entry.config, **params}, device)
    return network.train().requires_grad_(True)
