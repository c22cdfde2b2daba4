"""Walking folders of videos: every folder once, without hidden files and our own results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

__all__ = ["is_ours", "mark_as_ours", "walk"]

_MARKER: Final = ".skvideo3d"
"""A folder with a file of this name holds descriptors, tables and pictures of ours."""


def mark_as_ours(folder: str | os.PathLike[str]) -> None:
    """Have a folder of ours left out wherever videos are looked for.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist. One that cannot be written to stays as it is.
    """
    with suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, _MARKER), "ab"):
            pass


def is_ours(folder: str | os.PathLike[str]) -> bool:
    """Tell whether a folder is one of ours.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    bool
    """
    return os.path.exists(os.path.join(folder, _MARKER))


def walk(root: str | os.PathLike[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a folder in the order of names, through links too.

    Parameters
    ----------
    root : path-like

    Yields
    ------
    place : str
        Path of a folder.
    subfolders : list of str
        Names of those inside; taking some away leaves them out.
    files : list of str
        Their names, sorted, without hidden ones, which are what systems note about others.
    """
    top = os.fspath(root).rstrip(os.sep) or os.sep
    # The real folders that each lies in: a link to one of them would lead in circles.
    above: dict[str, frozenset[str]] = {os.path.dirname(top): frozenset()}
    for place, subfolders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(place)
        around = above[os.path.dirname(place)]
        if real in around or _MARKER in files:
            subfolders.clear()
            continue
        above[place] = around | {real}
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield place, subfolders, sorted(name for name in files if not name.startswith("."))
