"""Where displays draw; the one place that brings matplotlib."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["axes_or_new", "short_name"]

_MAX_NAME: Final = 48


def axes_or_new(ax: Any = None, figsize: tuple[float, float] | None = None) -> Any:
    """Give the axes to draw on.

    Parameters
    ----------
    ax : matplotlib Axes, default=None
        Returned as they are; None makes a new pyplot figure with one set of axes.
    figsize : (float, float), default=None
        Width and height of a new figure in inches; None is matplotlib's own.

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
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


def short_name(method: str) -> str:
    """Cut a method's name to what leaves room for the drawing.

    Parameters
    ----------
    method : str

    Returns
    -------
    str
        At most 48 characters, the last three of them dots if it was longer.
    """
    return method if len(method) <= _MAX_NAME else f"{method[: _MAX_NAME - 3].rstrip()}..."
