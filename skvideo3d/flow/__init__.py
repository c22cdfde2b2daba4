"""Dense optical flow between consecutive frames, for the second stream."""

from .computing import FlowFrame, compute_flow, iter_flow
from .precomputing import PrecomputedFlow, precompute_flow
from .recipe import OpticalFlow

__all__ = [
    "FlowFrame",
    "OpticalFlow",
    "PrecomputedFlow",
    "compute_flow",
    "iter_flow",
    "precompute_flow",
]
