"""Whether a module of any kind gives a score for each class, asked before the training."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

__all__ = ["check_scores"]


def check_scores(network: nn.Module, shape: tuple[int, ...], n_classes: int) -> None:
    """Refuse a module without a score for each class, by passing a clip of zeros.

    Parameters
    ----------
    network : Module
        Left as it is.
    shape : tuple of 5 int
        Of one clip: (1, 3, frames, height, width).
    n_classes : int

    Raises
    ------
    ValueError
        If it cannot take the clip, or its output is not of shape (1, n_classes).
    """
    name = type(network).__name__
    device = next((value.device for value in network.parameters()), torch.device("cpu"))
    clip = torch.zeros(shape, device=device).to(memory_format=torch.channels_last_3d)
    try:
        # The user's random numbers are not for this.
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            scores = copy.deepcopy(network).eval()(clip)
    except (RuntimeError, ValueError, TypeError, LookupError, AssertionError) as error:
        raise ValueError(
            f"network: {name} cannot take a clip of shape {shape}: {error}. Choose clip_len, "
            "input_size or preprocessing for it, or mend the module."
        ) from error
    found = tuple(scores.shape) if isinstance(scores, Tensor) else None
    if found != (1, n_classes):
        given = f"a {type(scores).__name__}" if found is None else f"scores of shape {found}"
        raise ValueError(
            f"network: {name} gives {given} for one clip; it has to give scores of shape "
            f"{(1, n_classes)}, one for each class of the labels."
        )
