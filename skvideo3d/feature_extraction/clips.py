"""What `transform_clips` gives for a video: descriptors that still know their time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClipDescriptors", "clip_dtype", "join_layers"]


class ClipDescriptors(NamedTuple):
    """The descriptors of the clips of one video, before pooling and normalisation.

    Parameters
    ----------
    features : ndarray of shape (n_clips, n_features), float32
        The layers in the order asked for, side by side.
    start_frame : ndarray of shape (n_clips,), int64
        Number of each clip's first frame in the video, counted from 0.
    start_time : ndarray of shape (n_clips,), float64
        When that frame is shown, in seconds since the first one; NaN for arrays and folders.
    """

    features: NDArray[np.float32]
    start_frame: NDArray[np.int64]
    start_time: NDArray[np.float64]


def clip_dtype(size: int) -> np.dtype[np.void]:
    """Layout in which the store keeps a clip's values of one layer.

    Parameters
    ----------
    size : int
        Number of values of the layer.

    Returns
    -------
    dtype
    """
    return np.dtype(
        [("start_frame", np.int64), ("start_time", np.float64), ("features", np.float32, (size,))]
    )


def join_layers(layers: Mapping[str, NDArray[Any]]) -> ClipDescriptors:
    """Put the layers of a video's clips side by side.

    Parameters
    ----------
    layers : mapping of str to ndarray of shape (n_clips,), of `clip_dtype`

    Returns
    -------
    ClipDescriptors
    """
    rows = list(layers.values())
    return ClipDescriptors(
        np.concatenate([row["features"] for row in rows], axis=1),
        rows[0]["start_frame"].copy(),
        rows[0]["start_time"].copy(),
    )
