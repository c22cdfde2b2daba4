"""Muon: weights of layers turn by an orthogonal momentum, all else learns by AdamW."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["Muon", "normalized_weights", "orthogonalized"]

_MOMENTUM = 0.95
_ITERATIONS = 5
# Of the quintic iteration, which raises small singular values fast and leaves all near one.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.AdamW):
    """Muon of Jordan et al. (2024), for layers that a batch normalisation follows; else AdamW.

    A momentum of the gradient, of a layer's weights as a matrix with a row for each output, is made
    orthogonal, so that a step changes all directions alike and not only those that the gradient is
    strongest in. `torch.optim.Muon` takes matrices only and lets weights grow. Here kernels are
    taken as well, and weights keep their length, which means nothing before a batch normalisation:
    the learning rate is the length of the step in lengths of the weights.

    Parameters
    ----------
    params : iterable of dict
        Groups; those with ``turns=True`` learn by Muon. `lr` is each group's own; of AdamW's other
        numbers those that turn use none.
    **options
        Of `torch.optim.AdamW`, for the other groups.

    References
    ----------
    Jordan, Jin, Boza, You, Cesista, Newhouse, Bernstein: Muon: An optimizer for hidden layers in
    neural networks, 2024.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.eye(2))
    >>> optimizer = Muon([{"params": [weight], "turns": True, "lr": 0.1}])
    >>> weight[0, 1].backward()
    >>> optimizer.step()
    >>> bool(weight[0, 1] < -0.1), round(float(weight.detach().norm() ** 2), 4)
    (True, 2.0)
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Parameters
        ----------
        closure : callable, optional
            Computes the gradients and gives the loss.

        Returns
        -------
        Any
            What the closure gives.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group.get("turns"):
                for weight in group["params"]:
                    if weight.grad is not None:
                        self._turn(weight, group["lr"])
                        weight.grad = None  # AdamW passes it over
        super().step()
        return loss

    @torch.no_grad()
    def _turn(self, weight: Tensor, lr: float) -> None:
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
            state["step"] = torch.zeros(())  # which AdamW looks for where it reads a state
        momentum = state["momentum"].lerp_(weight.grad, 1 - _MOMENTUM)
        ahead = weight.grad.lerp(momentum, _MOMENTUM)  # after Nesterov
        direction = orthogonalized(ahead.flatten(1)).to(weight.dtype).view_as(weight)
        length = weight.norm()
        # Without a gradient, or weights, there is nothing to turn; else these norms are far larger.
        weight -= direction * (lr * length / direction.norm().clamp(min=1e-3))
        weight *= length / weight.norm().clamp(min=1e-30)


def normalized_weights(network: nn.Module) -> list[Tensor]:
    """Find the weights whose length means nothing, since a batch normalisation divides by it.

    Parameters
    ----------
    network : Module

    Returns
    -------
    list of Tensor
        Of convolutions and fully connected layers whose next sibling is a batch normalisation of
        their outputs.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    >>> [tuple(weight.shape) for weight in normalized_weights(network)]
    [(5, 3)]
    """
    return [
        layer.weight
        for parent in network.modules()
        for layer, norm in pairwise(parent.children())
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
        and isinstance(norm, _BatchNorm)
        and norm.num_features == len(layer.weight)
    ]


def orthogonalized(matrix: Tensor) -> Tensor:
    """Bring all singular values of a matrix near to one.

    Parameters
    ----------
    matrix : Tensor of shape (m, n)

    Returns
    -------
    Tensor of shape (m, n), bfloat16
        With the singular vectors of `matrix`. Singular values that were more than a 700th of the
        norm of all are now from about 0.7 to 1.2; smaller ones have grown, but not that far.
    """
    a, b, c = _COEFFICIENTS
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = (wide / wide.norm().clamp(min=1e-7)).bfloat16()
    for _ in range(_ITERATIONS):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide
