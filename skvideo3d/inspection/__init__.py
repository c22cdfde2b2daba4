"""Displays: what was measured, as plots in scikit-learn's style."""

from skvideo3d.inspection.axes import axes_or_new
from skvideo3d.inspection.comparison import ComparisonDisplay
from skvideo3d.inspection.curves import CompactnessDisplay, RocComparisonDisplay
from skvideo3d.inspection.training_curves import TrainingCurveDisplay

__all__ = [
    "CompactnessDisplay",
    "ComparisonDisplay",
    "RocComparisonDisplay",
    "TrainingCurveDisplay",
    "axes_or_new",
]
