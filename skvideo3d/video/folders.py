"""Walking folders of videos: every folder once, without hidden files and our own results."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

__all__ = ["is_ours", "leads_out", "mark_as_ours", "tell_left_out", "walk"]

_MARKER: Final = ".skvideo3d"
"""A folder with a file of this name holds descriptors, tables and pictures of ours."""
_MOST_WAYS: Final = 1000
"""To one folder: a dozen folders that link to each other have millions of ways through them."""


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


def walk(
    root: str | os.PathLike[str],
    *,
    follow_links: bool = False,
    left_out: list[str] | None = None,
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a folder in the order of names.

    Parameters
    ----------
    root : path-like
        May itself be a link.
    follow_links : bool, default=False
        Whether links may lead out of `root`; those that lead to what is in it are followed anyway.
    left_out : list of str, optional
        Where the paths of links that lead out of `root` are appended, unless they are followed.

    Yields
    ------
    place : str
        Path of a folder.
    subfolders : list of str
        Names of those inside; taking some away leaves them out.
    files : list of str
        Their names, sorted, without hidden ones, which are what systems note about others.

    Raises
    ------
    ValueError
        If links inside lead to each other in so many ways that there would be no end.
    """
    top = os.fspath(root).rstrip(os.sep) or os.sep
    inside = os.path.realpath(top)
    # With each place the real folders that it lies in: a link to one of them leads in circles.
    waiting: list[tuple[str, frozenset[str]]] = [(top, frozenset())]
    visits: Counter[str] = Counter()
    while waiting:
        place, around = waiting.pop()
        real = os.path.realpath(place)
        if real in around or is_ours(place):
            continue
        visits[real] += 1
        if visits[real] > _MOST_WAYS:
            raise ValueError(
                f"links below {top!r} lead to {real!r} in more than {_MOST_WAYS} ways; take away "
                "those that lead from one to the other."
            )
        subfolders: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(place) as found:
                entries = [entry for entry in found if not entry.name.startswith(".")]
        except OSError:
            continue  # not ours to read, or gone
        for entry in entries:
            if follow_links or not leads_out(entry, inside):
                (subfolders if _is_folder(entry) else files).append(entry.name)
            elif left_out is not None:
                left_out.append(entry.path)
        subfolders.sort()
        yield place, subfolders, sorted(files)
        around |= {real}
        waiting += [(os.path.join(place, name), around) for name in reversed(subfolders)]


def leads_out(entry: os.DirEntry[str], inside: str) -> bool:
    """Tell whether what a folder holds is a link to somewhere else.

    Parameters
    ----------
    entry : DirEntry
    inside : str
        Real path of the folder that links may lead into.

    Returns
    -------
    bool
    """
    if not entry.is_symlink():
        return False
    try:
        return os.path.commonpath([os.path.realpath(entry.path), inside]) != inside
    except ValueError:  # on another drive
        return True


def tell_left_out(left_out: list[str], root: str | os.PathLike[str]) -> str:
    """Say which links were not followed, and what to do about it.

    Parameters
    ----------
    left_out : list of str
        From `walk`.
    root : path-like
        What was walked.

    Returns
    -------
    str
        Empty if there are none.
    """
    if not left_out:
        return ""
    first = min(left_out)
    one = len(left_out) == 1
    return (
        f"{len(left_out)} link{'' if one else 's'} below {os.fspath(root)!r} "
        f"{'leads' if one else 'lead'} out of it and {'was' if one else 'were'} left out, "
        f"{'' if one else 'the first '}{first!r} to {os.path.realpath(first)!r}. If the folder was "
        "made by somebody you trust, such as a collection of links of your own, follow them with "
        "follow_links=True (--follow-links); or give the folder that they lead to."
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
