"""GoogLeNet (Inception-v1 with batch normalisation), by torchvision's names, made an I3D."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from skvideo3d.exceptions import CheckpointError

from .fitting import build, infer_config
from .i3d import I3D
from .kernels import listed
from .layouts import Layout

__all__ = ["GOOGLENET", "googlenet_to_i3d", "without_auxiliary"]

_STEM = {"conv1": "Conv3d_1a_7x7", "conv2": "Conv3d_2b_1x1", "conv3": "Conv3d_2c_3x3"}
# The third is 3x3 in torchvision, where the paper has 5x5, as it is in I3D.
_BRANCHES = {
    "branch1": "b0",
    "branch2.0": "b1a",
    "branch2.1": "b1b",
    "branch3.0": "b2a",
    "branch3.1": "b2b",
    "branch4.1": "b3b",
}
# The authors of I3D count the pool before the modules of a stage as its first part.
_MODULES = dict(
    zip(
        ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"),
        ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"),
        strict=True,
    )
)
_UNITS = _STEM | {
    f"inception{theirs}.{branch}": f"Mixed_{ours}.{unit}"
    for theirs, ours in _MODULES.items()
    for branch, unit in _BRANCHES.items()
}
_ARRAYS = {"conv.weight": "conv3d.weight"} | {
    f"bn.{kind}": f"bn.{kind}" for kind in ("weight", "bias", "running_mean", "running_var")
}
_OURS = {
    f"{theirs}.{array}": f"{unit}.{name}"
    for theirs, unit in _UNITS.items()
    for array, name in _ARRAYS.items()
} | {"fc.weight": "logits.conv3d.weight", "fc.bias": "logits.conv3d.bias"}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}
_HEAD = {_OURS["fc.weight"], _OURS["fc.bias"]}
_AUXILIARY = re.compile(r"(^|\.)aux[12]\.")
GOOGLENET = Layout("torchvision's GoogLeNet", "i3d", "inception3a.branch1.conv.weight", _OURS.get)


def without_auxiliary(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave the auxiliary classifiers out, which serve to train GoogLeNet alone.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        By torchvision's names.

    Returns
    -------
    dict of str to Tensor

    Examples
    --------
    >>> import torch
    >>> list(without_auxiliary({"aux1.fc2.bias": torch.ones(5), "fc.bias": torch.ones(5)}))
    ['fc.bias']
    """
    return {name: tensor for name, tensor in tensors.items() if not _AUXILIARY.search(name)}


def googlenet_to_i3d(tensors: Mapping[str, Tensor], network: I3D | None, origin: str) -> I3D:
    """Fill an I3D with the arrays of a GoogLeNet, whose kernels are three-dimensional by now.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        By torchvision's names, without the auxiliary classifiers.
    network : I3D or None
        To fill; None builds the one that fits. One without a classifier leaves ``fc`` out, and one
        with a classifier keeps it where the arrays have no ``fc``.
    origin : str
        What to call the arrays in an error.

    Returns
    -------
    I3D
        In evaluation mode.

    Raises
    ------
    CheckpointError
        If the names are not those of torchvision's GoogLeNet, or arrays are missing, unknown, of
        another shape or not finite; they are named.
    """
    ours, others = GOOGLENET.renamed(tensors)
    if 2 * len(ours) < max(1, len(ours) + len(others)):
        raise CheckpointError(
            f"{origin}: into='i3d' takes {GOOGLENET.name} ({GOOGLENET.example!r}), and its "
            f"{len(others)} arrays are named otherwise: {listed(others, most=4)}. "
            "Rename them, or leave into= out and load the arrays into a network of your own."
        )
    state = {name: tensors[theirs] for name, theirs in ours.items()}
    if (weight := state.get("logits.conv3d.weight")) is not None and weight.ndim == 2:
        state["logits.conv3d.weight"] = weight[:, :, None, None, None]
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    target = network or build("i3d", infer_config("i3d", shapes)).requires_grad_(True)
    assert isinstance(target, I3D)
    if target.num_classes is None:
        state = {name: tensor for name, tensor in state.items() if name not in _HEAD}
    _check_fit(target, state, others, origin)
    for name, tensor in target.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros(tensor.shape, dtype=tensor.dtype)
        elif name not in state:  # a classifier that it keeps
            state[name] = tensor
    target.load_state_dict(state, assign=network is None)
    return target.eval()


def _check_fit(
    network: I3D,
    state: Mapping[str, Tensor],
    others: list[str],
    origin: str,
) -> None:
    """Compare every array with the network, and name by torchvision's names what does not fit."""
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    keeps_its_own = _HEAD.isdisjoint(state)
    missing = [
        _THEIRS[name]
        for name in expected
        if name not in state and not (name in _HEAD and keeps_its_own)
    ]
    wrong = [
        f"{_THEIRS[name]} becomes {tuple(tensor.shape)} and should be {expected[name]}"
        for name, tensor in state.items()
        if tuple(tensor.shape) != expected[name]
    ]
    infinite = [_THEIRS[name] for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    problems = [
        f"{len(names)} {what}: {listed(names, most=4)}"
        for names, what in (
            (missing, "missing"),
            (others, "unknown"),
            (wrong, "of another shape"),
            (infinite, "with values that are not finite"),
        )
        if names
    ]
    if not problems:
        return
    hint = ""
    if any(text.startswith("fc.") for text in wrong):
        hint += " To keep the network's own classifier, leave fc.weight and fc.bias out."
    if any(text.startswith("conv1.conv.weight") for text in wrong):
        hint += f" For {network.in_channels} channels pass in_channels={network.in_channels}."
    raise CheckpointError(
        f"{origin} looks like {GOOGLENET.name}, but its arrays do not fit the I3D. "
        f"{'. '.join(problems)}.{hint}"
    )
