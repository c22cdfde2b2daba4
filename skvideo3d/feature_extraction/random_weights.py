"""Whether a transformer's numbers come from weights that nobody trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import VideoTransformer

__all__ = ["has_random_weights"]


def has_random_weights(transformer: VideoTransformer) -> bool:
    """Tell whether any of a transformer's networks has random weights.

    Parameters
    ----------
    transformer : VideoTransformer
        Its `weights` may be one, or one for each stream.

    Returns
    -------
    bool

    Examples
    --------
    >>> from skvideo3d import C3DTransformer, I3DTransformer
    >>> has_random_weights(C3DTransformer()), has_random_weights(C3DTransformer(None))
    (False, True)
    >>> has_random_weights(I3DTransformer(("rgb.pt", None), stream="two-stream"))
    True
    """
    weights = transformer.weights
    if isinstance(weights, Mapping):
        return None in weights.values()
    if isinstance(weights, tuple | list):
        return None in weights
    return weights is None
