"""The official splits of a data set, or some of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils import Bunch

from .evaluation import Fold

__all__ = ["choose_splits"]


def choose_splits(
    videos: Bunch, splits: Sequence[int] | None
) -> tuple[Bunch, list[Fold], list[str]]:
    """Reduce a data set to the videos that the chosen splits use.

    HMDB51's splits leave videos out: those that no chosen split uses need not be described.

    Parameters
    ----------
    videos : Bunch
        With `cv`.
    splits : sequence of int or None
        Counted from 1; None is all.

    Returns
    -------
    videos : Bunch
        Without `cv`.
    cv : list of (train, test)
        Positions in it.
    names : list of str
        Of the splits.

    Raises
    ------
    ValueError
        If there is no such split, or none is chosen.
    """
    n_splits = len(videos.cv)
    chosen = list(range(1, n_splits + 1)) if splits is None else sorted(set(splits))
    if not chosen or not set(chosen) <= set(range(1, n_splits + 1)):
        raise ValueError(f"splits={splits!r}: choose from 1 to {n_splits}.")
    cv = [videos.cv[number - 1] for number in chosen]
    used = np.unique(np.concatenate([part for fold in cv for part in fold]))
    place = np.full(len(videos.data), -1)
    place[used] = np.arange(len(used))
    reduced = Bunch(**{name: value for name, value in videos.items() if name != "cv"})
    reduced.data = [videos.data[i] for i in used]
    reduced.target = videos.target[used]
    reduced.n_listed = videos.n_listed - (len(videos.data) - len(used))
    if "groups" in videos:
        reduced.groups = videos.groups[used]
    return (
        reduced,
        [(place[train], place[test]) for train, test in cv],
        [f"split {number}" for number in chosen],
    )
