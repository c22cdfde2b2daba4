"""What a figure depends on beside the code: versions of the libraries, and the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from skvideo3d import __version__

__all__ = ["machine", "versions"]


def versions(*more: str) -> dict[str, str]:
    """Say which versions of the libraries run.

    Parameters
    ----------
    *more : str
        Names of further distributions.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> list(versions("skorch"))
    ['skvideo3d', 'scikit-learn', 'torch', 'numpy', 'skorch', 'python']
    """
    names = ("scikit-learn", "torch", "numpy", *more)
    return {
        "skvideo3d": __version__,
        **{name: _version(name) for name in names},
        "python": platform.python_version(),
    }


def machine(device: str = "") -> str:
    """Say what kind of machine this is.

    Parameters
    ----------
    device : str, default=""
        What torch calls the one in use, where it matters.

    Returns
    -------
    str
    """
    named = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return f"{named}, {device}" if device else named


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # vendored, or on the path without having been installed
        return "unknown"
