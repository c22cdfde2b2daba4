"""2D networks that describe clips frame by frame, whatever module they are."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from skvideo3d.exceptions import CheckpointError

from .any_initialization import initialize_any
from .formats import read_tensors
from .hashing import unchanged
from .module_content import content_of, structure_of
from .torchvision_networks import build_by_name, renamed
from .weights import Weights, relocated

__all__ = [
    "OUTPUT",
    "PENULTIMATE",
    "FrameNetwork",
    "build_frame_network",
    "load_frame_network",
]

#: What a network gives.
OUTPUT = "output"
#: What goes into the fully connected layer that gives it, be it that its scores are put into
#: another form or shape; without such a layer the output itself.
PENULTIMATE = "penultimate"

_LONGEST = 300
# What makes no other layer of scores: their form and their shape.
_FORMS = (
    *(nn.Softmax, nn.LogSoftmax, nn.Sigmoid, nn.LogSigmoid),
    *(nn.Identity, nn.Flatten, nn.Unflatten),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
)


class FrameNetwork(nn.Module):
    """A 2D network that describes clips by the mean over their frames.

    Its layers are the submodules by their dotted names, "output" and "penultimate". Maps of shape
    (n, c, h, w) are averaged over space, tokens of shape (n, l, c) over tokens; (n, d) is what it
    is.

    Parameters
    ----------
    module : Module
        Takes frames of shape (n, 3, h, w); in evaluation mode, without gradients.

    Attributes
    ----------
    layer_names, descriptor_layers : tuple of str
    in_channels : int

    Examples
    --------
    >>> network = FrameNetwork(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 5)))
    >>> network.layer_names
    ('0', '1', '2', 'penultimate', 'output')
    >>> found = network.describe(torch.zeros(2, 3, 7, 4, 4), ["0", "penultimate", "output"])
    >>> [tuple(values.shape) for values in found.values()]
    [(2, 8), (2, 32), (2, 5)]
    """

    in_channels = 3

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        parts = (name for name, _ in module.named_modules())
        self.layer_names = (
            *(name for name in parts if name not in ("", PENULTIMATE, OUTPUT)),
            PENULTIMATE,
            OUTPUT,
        )
        self.descriptor_layers = self.layer_names

    @torch.no_grad()
    def describe(self, clips: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Describe clips, and compute nothing beyond the deepest layer.

        Parameters
        ----------
        clips : Tensor of shape (n, 3, t, h, w)
            Preprocessed, of the network's type. On the meta device the network is run to its end,
            on a black clip if it has numbers itself, for the shapes of the result alone.
        layers : sequence of str
            Names out of `layer_names`.

        Returns
        -------
        dict of str to Tensor of shape (n, d), float32

        Raises
        ------
        ValueError
            If a layer gives no tensor, or one that is no row for each frame; on the meta device
            also if the network cannot take such frames, or runs a layer more than once.
        """
        frames = clips.transpose(1, 2).flatten(0, 1)
        run = _Run(type(self.module).__name__, tuple(layers), len(frames))
        if clips.is_meta:
            self._try(frames, run)
        else:
            run.stops = True
            self._run(frames, run)
        n_clips, n_frames = clips.shape[0], clips.shape[2]
        return {
            name: run.found[name].reshape(n_clips, n_frames, -1).mean(dim=1) for name in run.layers
        }

    def _run(self, frames: Tensor, run: _Run) -> None:
        hooks = []
        parts = dict(self.module.named_modules())
        for name in set(run.layers) - {OUTPUT, PENULTIMATE}:
            if isinstance(parts[name], torch.jit.ScriptModule):
                raise _LayerError(
                    f"layer={name!r} is a part of a TorchScript module, which runs as a whole; use "
                    "layer='output', or pass the module that it was made from."
                )
            hooks.append(parts[name].register_forward_hook(run.hook(name)))
        if PENULTIMATE in run.layers:
            linear = (part for part in parts.values() if isinstance(part, nn.Linear))
            hooks += [part.register_forward_hook(run.note_linear) for part in linear]
            forms = (part for part in parts.values() if isinstance(part, _FORMS))
            hooks += [part.register_forward_hook(run.note_form) for part in forms]
        try:
            run.end(self.module(frames))
        except _Reached:
            pass
        finally:
            for hook in hooks:
                hook.remove()
        lacking = [name for name in run.layers if name not in run.found]
        if lacking:
            raise _LayerError(
                f"layer={lacking[0]!r} is a part of {run.network} that it does not run as a module "
                "of its own; choose the part that it belongs to."
            )

    def _try(self, frames: Tensor, run: _Run) -> None:
        frames = frames.float()  # as networks are loaded, whatever torch's default is
        own = next(chain(self.module.parameters(), self.module.buffers()), None)
        if own is None or not own.is_meta:
            frames = torch.zeros(frames.shape, dtype=torch.float32)
        try:
            self._run(frames, run)
        except _LayerError:
            raise
        except Exception as error:  # what a module does of its own can fail in any way
            if not run.is_complete:
                raise ValueError(
                    f"{run.network} cannot take frames of shape {tuple(frames.shape[1:])}: "
                    f"{type(error).__name__}: {str(error)[:_LONGEST]}. If it is their size, pass "
                    "preprocessing= with the crop that the network was made for."
                ) from error
        if run.is_unlike_linear:
            warnings.warn(
                f"layer='penultimate' of {run.network} is its output: forward works on what the "
                "last fully connected layer gives. If these are scores, name the layer before.",
                UserWarning,
                stacklevel=2,
            )
        if run.again:
            raise _LayerError(
                f"layer={min(run.again)!r} of {run.network} is run more than once for a frame, so "
                "it is not clear which of its results is meant; choose the part that it belongs to."
            )


class _Reached(BaseException):
    """All layers are there; no exception that a network may catch on its own."""


class _LayerError(ValueError):
    """A layer cannot serve as a descriptor."""


@dataclass
class _Run:
    """One way through a network, and what is found on it."""

    network: str
    layers: tuple[str, ...]
    n_frames: int
    stops: bool = False
    found: dict[str, Tensor] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    last_linear: tuple[Any, Any] = (None, None)
    is_unlike_linear: bool = False

    @property
    def is_complete(self) -> bool:
        return len(self.found) == len(set(self.layers))

    def hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, inputs: Any, value: Any) -> None:
            if name in self.found:
                self.again.add(name)
                return
            self.found[name] = self._vectors(name, value)
            if self.stops and self.is_complete:
                raise _Reached

        return note

    def note_linear(self, module: nn.Module, inputs: tuple[Any, ...], value: Any) -> None:
        self.last_linear = inputs[0] if inputs else None, value

    def note_form(self, module: nn.Module, inputs: tuple[Any, ...], value: Any) -> None:
        before, after = self.last_linear
        if inputs and inputs[0] is after:
            self.last_linear = before, value

    def end(self, output: Any) -> None:
        before, after = self.last_linear
        self.is_unlike_linear = (
            PENULTIMATE in self.layers
            and output is not after
            and isinstance(after, Tensor)
            and isinstance(output, Tensor)
            and output.numel() == after.numel()
        )
        for name in {OUTPUT, PENULTIMATE} & set(self.layers):
            is_before = name == PENULTIMATE and before is not None and output is after
            self.found[name] = self._vectors(name, before if is_before else output)

    def _vectors(self, name: str, value: Any) -> Tensor:
        """Make a row of its own of each frame: what follows may overwrite the layer's memory."""
        layer = f"layer={name!r} of {self.network}"
        if not isinstance(value, Tensor):
            raise _LayerError(
                f"{layer} gives a {type(value).__name__} and not a tensor; choose a layer inside "
                "it, or wrap the network in a module that returns the tensor."
            )
        if value.is_complex():
            raise _LayerError(
                f"{layer} gives complex numbers; choose another layer, or wrap the network in a "
                "module that returns real ones, as by torch.view_as_real or abs()."
            )
        if value.ndim not in (2, 3, 4) or len(value) != self.n_frames:
            raise _LayerError(
                f"{layer} gives shape {tuple(value.shape)} for {self.n_frames} frames; a "
                f"descriptor needs ({self.n_frames}, d), ({self.n_frames}, tokens, d) or "
                f"({self.n_frames}, d, height, width). Choose another layer."
            )
        if value.ndim == 2:
            return value.to(torch.float32, copy=True)
        return value.float().mean(dim=1 if value.ndim == 3 else (2, 3))


def build_frame_network(weights: Weights, device: str = "meta") -> FrameNetwork:
    """Build a network to ask for its layers and sizes.

    Parameters
    ----------
    weights : Weights
    device : str, default="meta"
        For a network of torchvision, which by default takes no memory. A module of the user's is
        given as it is when loaded: not every module can be run without numbers.

    Returns
    -------
    FrameNetwork
    """
    if weights.module is not None:
        return load_frame_network(weights)
    return FrameNetwork(_frozen(_by_name(weights, device)))


@torch.no_grad()
def load_frame_network(weights: Weights) -> FrameNetwork:
    """Build a network and give it its weights.

    Parameters
    ----------
    weights : Weights

    Returns
    -------
    FrameNetwork
        float32, on the CPU, in evaluation mode, without gradients, in memory of its own.

    Raises
    ------
    CheckpointError
        If the file or the module is not what was described, or they do not fit each other.
    """
    weights = relocated(weights)
    if weights.module is None:
        module = _by_name(weights, "cpu")
    else:
        _check_unchanged(weights)
        module = _copied(weights.module)
    if weights.path is not None:
        with unchanged(weights.path):
            relocated(weights)  # what is hashed is what is read
            _load_state(module, weights.path)
    elif weights.seed is not None:
        initialize_any(module, weights.seed)
    tensors = dict([*module.named_parameters(), *module.named_buffers()])
    without = [name for name, tensor in tensors.items() if tensor.is_meta]
    if without:
        raise CheckpointError(
            f"{type(module).__name__} is on the meta device, and nothing gives {without[0]!r} its "
            "numbers; build the module with them, or give weights= the path of a state dict that "
            "has them."
        )
    return FrameNetwork(_frozen(module.to("cpu", torch.float32)))


def _frozen(module: nn.Module) -> nn.Module:
    for value in module.parameters():
        if value.is_leaf:  # those of a copy of TorchScript's modules are not
            value.requires_grad_(False)
    return module.eval()


def _copied(module: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(module)
    except Exception as error:  # of what a module holds anything may refuse it
        raise ValueError(
            f"network={type(module).__name__} cannot be copied, which it is so that it stays as it "
            f"is: {type(error).__name__}: {str(error)[:_LONGEST]}. Detach the tensors that it "
            "keeps, and remove what copy.deepcopy does not take."
        ) from error


def _by_name(weights: Weights, device: str) -> nn.Module:
    options: dict[str, Any] = dict(weights.config)
    name = options.pop("network")
    return build_by_name(name, device, is_trained=weights.seed is None, **options)


def _check_unchanged(weights: Weights) -> None:
    module = weights.module
    assert module is not None
    is_own = weights.path is None and weights.seed is None
    if dict(weights.config)["module"] != structure_of(module, reached=False).sha256 or (
        is_own and weights.sha256 != content_of(module)
    ):
        raise CheckpointError(
            f"The {type(module).__name__} given as network= was changed after it was described; "
            "describe the videos again, with the estimator that has it."
        )


def _load_state(module: nn.Module, path: str) -> None:
    tensors = renamed(read_tensors(path))
    if all(name.startswith("module.") for name in tensors):  # DataParallel
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"'{path}': {name!r} has values that are not finite.")
    # Copies: what was read may still be mapped to the file, which others may overwrite.
    state = {name: tensor.clone() for name, tensor in tensors.items()}
    try:
        module.load_state_dict(state, assign=True)
    except RuntimeError as error:
        problems = " ".join(str(error).split())
        raise CheckpointError(
            f"'{path}' does not fit the network: {problems[:_LONGEST]}. Give the state dict of "
            "this network, or the network of this state dict."
        ) from None
