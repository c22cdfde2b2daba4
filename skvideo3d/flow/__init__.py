"""Dense optical flow between consecutive frames."""

from .recipe import OpticalFlow

__all__ = ["OpticalFlow"]
