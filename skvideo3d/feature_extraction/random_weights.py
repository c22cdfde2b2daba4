"""Whether a transformer's numbers come from weights that nobody trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import VideoTransformer

__all__ = ["has_random_weights"]


def has_random_weights(transformer: VideoTransformer) -> bool:
    """Tell whether any of a transformer's networks has random weights.

    Parameters
    ----------
    transformer : VideoTransformer
        Of weights for each stream only those count that it uses.

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
    >>> has_random_weights(I3DTransformer(("rgb.pt", None), stream="rgb"))
    False
    """
    return None in transformer._used_weights()
