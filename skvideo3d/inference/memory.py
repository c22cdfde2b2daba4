"""Memory for maps: from numpy, which asks the system for huge pages.

A fresh map of 80 MB costs the system 20,000 small pages, which takes longer than most of what is
computed in it; torch's own allocator does not ask for larger ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["empty_map"]


def empty_map(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Give an uninitialised array.

    Parameters
    ----------
    *shape : int
    dtype : {torch.float32, torch.bfloat16}, default=torch.float32

    Returns
    -------
    Tensor
    """
    if dtype == torch.bfloat16:  # numpy has no such type
        return torch.from_numpy(np.empty(shape, np.int16)).view(dtype)
    return torch.from_numpy(np.empty(shape, np.float32))
