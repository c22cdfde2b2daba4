"""Sets whose lists say which videos each of their splits trains on and tests on."""

from __future__ import annotations

import difflib
import filecmp
import os
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skvideo3d.datasets.layout import Missing, VideoIndex, check_root, counted, keep_present
from skvideo3d.datasets.texts import read_text

__all__ = [
    "TEST",
    "TRAIN",
    "UNUSED",
    "Split",
    "check_whole",
    "choose_classes",
    "choose_splits",
    "find_lists",
    "find_videos",
    "read_list",
    "split_bunch",
]

Split = tuple[NDArray[np.intp], NDArray[np.intp]]

# What a split does with a video; HMDB51's lists have these numbers.
UNUSED: Final = 0
TRAIN: Final = 1
TEST: Final = 2

_SHOWN: Final = 5
_LONGEST_LINE: Final = 8192


def find_lists(
    index: VideoIndex,
    lists: str | os.PathLike[str] | None,
    lacking: Callable[[AbstractSet[str]], list[str] | None],
    archive: str,
) -> tuple[str, set[str]]:
    """Find the folder with the lists, at any depth.

    Parameters
    ----------
    index : VideoIndex
        Of the set, searched if `lists` is None.
    lists : path-like or None
        Folder to search instead.
    lacking : callable
        Takes the names of the text files of a folder and returns those of the lists that are not
        among them, or None if none is.
    archive : str
        The publisher's name of the archive that the lists come in.

    Returns
    -------
    folder : str
        Absolute path.
    names : set of str
        Of the text files in it.

    Raises
    ------
    ValueError
        If the lists are not there, not complete, or there in different versions.
    """
    place = index
    if lists is not None:
        place = VideoIndex(check_root(lists), follow_links=index.follow_links)
    folders: dict[str, set[str]] = {}
    for path in place.texts:
        folder, name = os.path.split(path)
        folders.setdefault(folder, set()).add(name)
    gaps = {folder: lacking(names) for folder, names in folders.items()}
    found = {folder: gap for folder, gap in gaps.items() if gap is not None}
    if not found:
        raise ValueError(
            f"the lists of the splits are not below {str(place.root)!r}. They come in {archive}: "
            "unpack it there, or say with lists= (--lists) which folder they are in."
        )
    complete = [folder for folder, gap in found.items() if not gap]
    if not complete:
        folder, gap = min(found.items(), key=lambda item: len(item[1]))
        raise ValueError(
            f"the lists of the splits in {folder!r} lack {counted(len(gap), 'file')}: "
            f"{_shorten(gap)}. Unpack {archive} again."
        )
    first = complete[0]
    for other in complete[1:]:
        if folders[other] != folders[first] or filecmp.cmpfiles(
            first, other, sorted(folders[first]), shallow=False
        )[0] != sorted(folders[first]):
            raise ValueError(
                f"lists of the splits are in {first!r} and, different ones, in {other!r}; say with "
                "lists= (--lists) which folder to use."
            )
    return first, folders[first]


def read_list(path: str) -> list[tuple[str, str]]:
    """Read the lines that are not blank.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of (str, str)
        Where the line is, for errors, and the line, without blanks around it.

    Raises
    ------
    ValueError
        As `read_text`, or if a line is longer than any name.
    """
    text = read_text(path, "the list", "unpack the lists again")
    lines = list(enumerate(map(str.strip, text.split("\n")), start=1))
    for number, line in lines:
        if len(line) > _LONGEST_LINE:  # patterns would take for ever over it
            raise ValueError(
                f"{path!r}, line {number}, has {len(line)} characters, more than any name of a "
                "file; unpack the lists again."
            )
    return [(f"{path!r}, line {number}", line) for number, line in lines if line]


def check_whole(named: Mapping[str, AbstractSet[str]], archive: str) -> None:
    """Refuse lists that are cut short: every split names all videos, also those it does not use.

    Parameters
    ----------
    named : mapping of str to set of str
        What to call each split's lists, and the videos that they name.
    archive : str
        The publisher's name of the archive that the lists come in.

    Raises
    ------
    ValueError
        If there are videos that one split names and another does not.

    Examples
    --------
    >>> check_whole({"list1.txt": {"a.avi", "b.avi"}, "list2.txt": {"b.avi", "a.avi"}}, "lists.zip")
    """
    together = set().union(*named.values())
    for name, videos in named.items():
        lacking = sorted(together - videos)
        if lacking:
            raise ValueError(
                f"{name}: without {len(lacking)} of the {len(together)} videos that the lists "
                f"of all splits name: {_shorten(lacking)}. The file may be cut short; unpack "
                f"{archive} again."
            )


def choose_classes(names: Sequence[str], classes: int | Sequence[str] | None) -> list[str]:
    """Choose classes of a set.

    Parameters
    ----------
    names : sequence of str
        All classes, in the set's order.
    classes : int, sequence of str or None
        How many from the first, or which; None is all.

    Returns
    -------
    list of str
        In the set's order.

    Raises
    ------
    ValueError
        If there are no such classes, or none is chosen.

    Examples
    --------
    >>> choose_classes(["Archery", "Biking", "Diving"], ["Diving", "Archery"])
    ['Archery', 'Diving']
    >>> choose_classes(["Archery", "Biking", "Diving"], 2)
    ['Archery', 'Biking']
    """
    if classes is None:
        return list(names)
    if isinstance(classes, int | np.integer):
        if isinstance(classes, bool) or not 1 <= classes <= len(names):
            raise ValueError(
                f"classes={classes!r}: choose from 1 to {len(names)}, or give names (--classes)."
            )
        return list(names[:classes])
    if isinstance(classes, str):
        raise ValueError(f"classes={classes!r} is one word: give a list, such as [{classes!r}].")
    if not len(classes):
        raise ValueError(
            f"classes={classes!r} chooses none: give names (--classes), or None for all."
        )
    by_lower = {name.lower(): name for name in names}
    for name in classes:
        if name not in names:
            close = difflib.get_close_matches(str(name).lower(), by_lower, n=3)
            hint = " or ".join(repr(by_lower[match]) for match in close)
            raise ValueError(
                f"classes= (--classes): {name!r} is none of the "
                f"{counted(len(names), 'class', 'classes')}. "
                + (f"Did you mean {hint}?" if hint else f"They are {_shorten(names)}.")
            )
    return [name for name in names if name in set(classes)]


def choose_splits(
    splits: Sequence[int] | None, named: Sequence[Mapping[str, int]]
) -> tuple[list[int], set[str]]:
    """Choose official splits.

    Parameters
    ----------
    splits : sequence of int or None
        Numbers, counted from 1; None is all.
    named : sequence of mapping of str to int
        For each split the videos that its lists name, and what it does with them.

    Returns
    -------
    numbers : list of int
    names : set of str
        The videos that are listed; of some splits those alone that these use.

    Raises
    ------
    ValueError
        If there is no such split, or none is chosen.
    """
    if splits is None:
        return list(range(1, len(named) + 1)), set().union(*named)
    numbers = sorted({splits} if isinstance(splits, int) else set(splits))
    if not numbers or not set(numbers) <= set(range(1, len(named) + 1)):
        raise ValueError(f"splits={splits!r}: choose from 1 to {len(named)} (--splits).")
    used = {name for k in numbers for name, use in named[k - 1].items() if use != UNUSED}
    return numbers, used


def find_videos(
    names: Sequence[str],
    uses: Mapping[int, Sequence[int]],
    missing: Missing,
    index: VideoIndex,
) -> tuple[list[int], list[str], list[Split]]:
    """Find the listed videos, and reduce the splits to those that are there.

    Parameters
    ----------
    names : sequence of str
        As the lists have them.
    uses : mapping of int to sequence of int
        For the number of each split and each video `UNUSED`, `TRAIN` or `TEST`.
    missing : {"raise", "drop"}
    index : VideoIndex

    Returns
    -------
    present : list of int
        Positions of the videos that are there.
    data : list of str
        Their paths.
    cv : list of (ndarray, ndarray)
        Of each split, positions in `data`.

    Raises
    ------
    ValueError
        If videos are missing and may not be, or none is left for a part of a split.
    """
    paths = [index.find(name) for name in names]
    present = keep_present(names, paths, missing, index)
    cv: list[Split] = []
    for number, use in uses.items():
        left = np.asarray(use)[present]
        for part, word in ((TRAIN, "train on"), (TEST, "test on")):
            if not (left == part).any():
                raise ValueError(
                    f"split {number} has no video to {word}: none of the {list(use).count(part)} "
                    f"that its list names is below {str(index.root)!r}. Fetch more of the set, or "
                    "choose with classes= (--classes) such as are there."
                )
        cv.append((np.flatnonzero(left == TRAIN), np.flatnonzero(left == TEST)))
    return present, [str(paths[i]) for i in present], cv


def split_bunch(
    listed: Sequence[Mapping[str, int]],
    labels: Mapping[str, str],
    classes: Sequence[str],
    splits: Sequence[int] | None,
    *,
    missing: Missing,
    index: VideoIndex,
    descr: str,
    n_all_classes: int,
) -> tuple[Bunch, list[str]]:
    """Put together what a set with official splits gives.

    Parameters
    ----------
    listed : sequence of mapping of str to int
        For each split the videos that its lists name, and what it does with them.
    labels : mapping of str to str
        The class of each video, in the set's order.
    classes : sequence of str
        Those chosen.
    splits : sequence of int or None
        See `choose_splits`.
    missing : {"raise", "drop"}
    index : VideoIndex
    descr : str
        The set's `DESCR`, with places for numbers.
    n_all_classes : int

    Returns
    -------
    videos : Bunch
        With `data`, `target`, `target_names`, `cv`, `splits`, `n_listed`, `missing` and `DESCR`.
    names : list of str
        What the lists call the videos of `data`.

    Raises
    ------
    ValueError
        See `choose_splits` and `find_videos`.
    """
    numbers, used = choose_splits(splits, listed)
    place = {label: i for i, label in enumerate(classes)}
    names = [name for name, label in labels.items() if name in used and label in place]
    names.sort(key=lambda name: place[labels[name]])
    uses = {k: [listed[k - 1].get(name, UNUSED) for name in names] for k in numbers}
    present, data, cv = find_videos(names, uses, missing, index)
    there = [names[i] for i in present]
    is_there = set(there)
    videos = Bunch(
        data=data,
        target=np.array([place[labels[name]] for name in there], dtype=np.int64),
        target_names=list(classes),
        cv=cv,
        splits=numbers,
        n_listed=len(names),
        missing=[name for name in names if name not in is_there],
        DESCR=descr.format(
            n_videos=len(data),
            n_listed=len(names),
            n_classes=len(classes),
            n_all_classes=n_all_classes,
            splits=counted(len(cv), "split"),
            n_train=", ".join(str(len(train)) for train, _ in cv),
            n_test=", ".join(str(len(test)) for _, test in cv),
        ),
    )
    return videos, there


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
