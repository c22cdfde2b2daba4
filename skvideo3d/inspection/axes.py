"""Where displays draw; the one place that brings matplotlib."""

from __future__ import annotations

from typing import Any

__all__ = ["axes_or_new"]


def axes_or_new(ax: Any = None) -> Any:
    """Give the axes to draw on.

    Parameters
    ----------
    ax : matplotlib Axes, default=None
        Returned as they are; None makes a new pyplot figure with one set of axes.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Drawing needs the package matplotlib, which is not installed: "
            "pip install 'skvideo3d[plot]'."
        ) from error
    return plt.subplots(layout="constrained")[1] if ax is None else ax
