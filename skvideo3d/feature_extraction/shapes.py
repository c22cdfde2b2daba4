"""Networks of which only the shapes of the outputs are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["OnlyShapes"]


class OnlyShapes(TorchFunctionMode):
    """A context for the meta device in which C3D and I3D need nothing of PyTorch's compiler.

    For the shapes of a bias that is added, a mean, a normalisation or concatenated maps, PyTorch
    calls Python that imports its compiler: more than a second of every process, for nothing else.
    Something of the same shape is computed instead.

    Examples
    --------
    >>> layer = torch.nn.Linear(3, 5, device="meta")
    >>> with OnlyShapes():
    ...     layer(torch.empty(2, 3, device="meta")).shape
    torch.Size([2, 5])
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of PyTorch, or one whose result has the same shape."""
        return _INSTEAD.get(func, func)(*args, **(kwargs or {}))


def _without_bias(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(input, weight)


def _not_normalised(input: Tensor, *_: Any, **__: Any) -> Tensor:
    return input


def _concatenated(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    shape = list(tensors[0].shape)
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return tensors[0].new_empty(shape)


_INSTEAD: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {
    F.linear: _without_bias,
    F.batch_norm: _not_normalised,
    torch.cat: _concatenated,
    Tensor.mean: Tensor.sum,
}
