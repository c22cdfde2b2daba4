"""What C3D and I3D share: any set of named layers, and no work beyond the deepest one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skvideo3d.video.preprocessing import Preprocessing

__all__ = ["LayeredNetwork"]


class LayeredNetwork(nn.Module, ABC):
    """A chain of named layers that can be left at any of them.

    A subclass fills `layer_names` and `descriptor_layers`, gives every layer that computes with
    parameters a sub-module of the same name, and says how a layer is run.

    Attributes
    ----------
    layer_names : tuple of str
        Every layer, the first one computed first.
    descriptor_layers : tuple of str
        Those of them that serve as descriptors of a clip.
    in_channels : int
        Channels of the clips.
    preprocessing : Preprocessing or None
        What belongs before the network, where `load_weights` knew it; `save_weights` writes it.
    """

    layer_names: tuple[str, ...]
    descriptor_layers: tuple[str, ...]
    in_channels: int
    preprocessing: Preprocessing | None = None

    def forward(self, x: Tensor, layers: Sequence[str] | str | None = None) -> dict[str, Tensor]:
        """Activations of the layers asked for, as the network has them.

        Nothing is computed beyond the deepest of them, and of the others nothing is kept.

        Parameters
        ----------
        x : Tensor of shape (n, in_channels, t, h, w)
            Clips, preprocessed; floating point, in the precision of the weights.
        layers : sequence of str, str or None, default=None
            Names out of `layer_names`; None stands for the last one.

        Returns
        -------
        dict of str to Tensor
            In the order of `layers`. Maps are (n, c, t, h, w), the layers above them (n, d).

        Raises
        ------
        ValueError
            If a layer does not exist, or if the clips have the wrong channels, length or size for
            the layers asked for.
        """
        wanted = self._wanted(layers)
        path = self.path_to(wanted)
        self.check_clips(x, path)
        found: dict[str, Tensor] = {}
        for name in path:
            x = self._run(name, x)
            if name in wanted:
                found[name] = x
        return {name: found[name] for name in wanted}

    def describe(self, x: Tensor, layers: Sequence[str] | str | None = None) -> dict[str, Tensor]:
        """Descriptors of clips: one vector a clip for every layer asked for.

        Parameters
        ----------
        x : Tensor of shape (n, in_channels, t, h, w)
            As for `forward`.
        layers : sequence of str, str or None, default=None
            As for `forward`.

        Returns
        -------
        dict of str to Tensor of shape (n, d)
            How a map becomes a vector is said in the class.

        Raises
        ------
        ValueError
            As for `forward`.
        """
        return {name: self._vector(value) for name, value in self(x, layers).items()}

    def _wanted(self, layers: Sequence[str] | str | None) -> tuple[str, ...]:
        if layers is None:
            return self.layer_names[-1:]
        wanted = (layers,) if isinstance(layers, str) else tuple(layers)
        unknown = [name for name in wanted if name not in self.layer_names]
        if unknown or not wanted:
            problem = (
                f"has no layer {', '.join(map(repr, unknown))}" if unknown else "was asked for none"
            )
            raise ValueError(
                f"{type(self).__name__} {problem}; choose from {', '.join(self.layer_names)}."
            )
        return wanted

    def descriptor_path(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Give every layer up to the deepest of some descriptors; refuse what is none."""
        wanted = self._wanted(layers)
        others = [name for name in wanted if name not in self.descriptor_layers]
        if others:
            raise ValueError(
                f"{', '.join(map(repr, others))} is no descriptor of {type(self).__name__}; choose "
                f"from {', '.join(self.descriptor_layers)}."
            )
        return self.path_to(wanted)

    def path_to(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Give every layer up to the deepest one wanted, the first one computed first."""
        deepest = max(self.layer_names.index(name) for name in wanted)
        return self.layer_names[: deepest + 1]

    def check_clips(self, x: Tensor, path: Sequence[str]) -> None:
        """Refuse clips that the layers of a path cannot take."""
        name = type(self).__name__
        if x.ndim != 5 or 0 in x.shape[1:]:
            raise ValueError(
                f"{name} takes clips of shape (n, {self.in_channels}, t, h, w), "
                f"got {tuple(x.shape)}."
            )
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f"{name} was built for clips of {self.in_channels} channels, got {x.shape[1]} in "
                f"shape {tuple(x.shape)}; in_channels={x.shape[1]} builds another, and the order "
                "of the axes is (n, channels, frames, height, width)."
            )
        if not torch.is_floating_point(x):
            raise ValueError(
                f"{name} takes preprocessed clips of floating point numbers, got {x.dtype}; "
                "apply the preprocessing of the weights first."
            )

    @abstractmethod
    def _run(self, name: str, x: Tensor) -> Tensor:
        """Compute a layer from the one before it."""

    @abstractmethod
    def _vector(self, value: Tensor) -> Tensor:
        """Make (n, d) of a layer's activations."""


def scaled(channels: int, width: float) -> int:
    """Channels of a layer in a network of another width: at least one."""
    return max(1, round(channels * width))


def check_sizes(**arguments: int | float | None) -> None:
    """Refuse constructor arguments that are not positive; None passes."""
    for name, value in arguments.items():
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, got {value!r}.")
