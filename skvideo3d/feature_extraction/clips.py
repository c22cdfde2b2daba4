"""What `transform_clips` gives for a video: descriptors that still know their time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClipDescriptors"]


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
