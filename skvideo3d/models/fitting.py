"""From the shapes in a checkpoint to the network that they fit, or to what does not fit."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skvideo3d.exceptions import CheckpointError

from .layouts import Layout, known_layouts

if TYPE_CHECKING:
    from torch import nn

    from .c3d import C3D
    from .i3d import I3D
    from .study import StudyNetwork

    Network = C3D | I3D | StudyNetwork

__all__ = ["Network", "Shapes", "build", "check_fit", "infer_config"]

Shapes = Mapping[str, tuple[int, ...]]

_HEADS = {"c3d": "fc8", "i3d": "logits.conv3d"}
_SHOWN = 4


def build(architecture: str, config: Mapping[str, object], device: str = "meta") -> Network:
    """Construct a network, by default without memory for its parameters.

    Parameters
    ----------
    architecture : {"c3d", "i3d", "study"}
    config : mapping
        Arguments of the constructor.
    device : str, default="meta"

    Returns
    -------
    C3D, I3D or StudyNetwork
        In evaluation mode, without gradients.

    Raises
    ------
    ValueError
        If there is no such network, or it has no such argument.

    Examples
    --------
    >>> build("i3d", {"num_classes": 5}).config["num_classes"]
    5
    """
    import torch

    from .c3d import C3D
    from .i3d import I3D
    from .study import StudyNetwork

    networks: dict[str, type[Network]] = {"c3d": C3D, "i3d": I3D, "study": StudyNetwork}
    if architecture not in networks:
        raise ValueError(f"architecture={architecture!r}: use 'c3d', 'i3d' or 'study'.")
    arguments: dict[str, Any] = dict(config)
    own = list(inspect.signature(networks[architecture]).parameters)
    if foreign := [name for name in arguments if name not in own]:
        raise ValueError(
            f"config={foreign[0]!r}: {networks[architecture].__name__} takes "
            f"{', '.join(own)} alone."
        )
    with torch.device(device):
        network = networks[architecture](**arguments)
    return network.eval().requires_grad_(False)


def infer_config(
    architecture: str, shapes: Shapes, given: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Find the constructor's arguments from the shapes of a checkpoint.

    Parameters
    ----------
    architecture : {"c3d", "i3d"}
    shapes : mapping of str to tuple of int
        By our names.
    given : mapping, optional
        Arguments that are known; they win.

    Returns
    -------
    dict
        Number of classes (None without a classifier), input channels and width; of a C3D, where it
        is not the paper's, whether it has batch normalisation and how many hidden units; and what
        was given.

    Examples
    --------
    >>> infer_config("c3d", {"conv1a.weight": (64, 3, 3, 3, 3)})
    {'num_classes': None, 'in_channels': 3, 'width': 1.0}
    """
    head = shapes.get(f"{_HEADS[architecture]}.weight")
    first = "conv1a.weight" if architecture == "c3d" else "Conv3d_1a_7x7.conv3d.weight"
    config: dict[str, object] = {
        "num_classes": head[0] if head else None,
        "in_channels": shapes[first][1] if len(shapes.get(first, ())) == 5 else 3,
        "width": _width(architecture, shapes),
    }
    if architecture == "c3d":
        if "conv1a_bn.weight" in shapes:
            config["batch_norm"] = True
        units = shapes.get("fc6.weight", ())[:1]
        if shapes.get("fc7.weight") == units * 2 and units != _shape_of_fc7(config)[:1]:
            config["hidden"] = units[0]
    return config | dict(given or {})


def check_fit(
    network: nn.Module, shapes: Shapes, others: list[str], layout: Layout, source: str
) -> None:
    """Compare every array of a checkpoint with the network it should fill.

    Parameters
    ----------
    network : Module
    shapes : mapping of str to tuple of int
        What the file has, by our names.
    others : list of str
        What else the file has.
    layout : Layout
    source : str
        What to call the file in an error.

    Raises
    ------
    CheckpointError
        If arrays are missing, unknown or of another shape; the first of each kind are named.
    """
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing = [name for name in expected if name not in shapes]
    unexpected = [*others, *(name for name in shapes if name not in expected)]
    wrong = [
        f"{name} is {shapes[name]} and should be {shape}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    problems = [
        f"{len(names)} {what}: {'; '.join(names[:_SHOWN])}{' ...' * (len(names) > _SHOWN)}"
        for names, what in (
            (missing, "missing"),
            (unexpected, "unknown"),
            (wrong, "of another shape"),
        )
        if names
    ]
    if not problems:
        return
    hint = ""
    if any(text.startswith("fc6.weight") for text in wrong):
        hint = (
            " For a C3D trained on clips of another length or size, run 'skvideo3d weights convert "
            "IN OUT --input-size FRAMES HEIGHT WIDTH' and use OUT, or pass load_weights "
            "config={'input_size': (frames, height, width)} and write the network with "
            "save_weights."
        )
    raise CheckpointError(
        f"{source} looks like {layout.name} ({layout.architecture}), but its arrays do not fit the "
        f"network. {'. '.join(problems)}.{hint} Known layouts: {known_layouts()}."
    )


def _shape_of_fc7(config: Mapping[str, object]) -> tuple[int, ...]:
    network: Any = build("c3d", config)
    return tuple(network.fc7.weight.shape)


def _width(architecture: str, shapes: Shapes) -> float:
    """Find the width factor: each layer has max(1, round(width * published)) channels."""
    low, high = 0.0, math.inf
    for name, tensor in build(architecture, {}).state_dict().items():
        shape = shapes.get(name, ())
        if len(shape) < 2 or name.startswith(_HEADS[architecture]):
            continue
        published = tensor.shape[0]
        lower = (shape[0] - 0.5) / published if shape[0] > 1 else 0.0
        upper = (shape[0] + 0.5) / published
        if max(low, lower) < min(high, upper):  # else: shapes of no width; check_fit names them
            low, high = max(low, lower), min(high, upper)
    if high == math.inf:
        return 1.0
    # Any factor between gives the same network; the roundest is likely the one that was used.
    middle = (low + high) / 2
    rounder = (w for digits in range(20) if low < (w := round(middle, digits)) < high)
    return next(rounder, middle)
