"""ASLAN, pairs of videos that show the same action or not: View 2 of its benchmark."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skvideo3d.datasets.layout import Missing, VideoIndex, check_root, keep_present
from skvideo3d.datasets.matlab import read_numbers

__all__ = ["load_aslan"]

_LISTS: Final = "View2.mat"
_VARIABLE: Final = "action_splits_pairs"

_DESCR = """\
ASLAN, the action similarity labeling challenge, View 2
-------------------------------------------------------
Loaded: {n_pairs} of {n_listed_pairs} pairs of videos in {n_splits} splits, {n_same} of them of the
same action; {n_videos} of the {n_listed} different videos that the pairs name.

The whole benchmark has 10 splits of 300 pairs that show the same action and 300 that do not, out of
3697 samples of 432 actions collected from the web. A split's actions are in no other split. The
protocol trains on nine splits, tests on the tenth, and reports the mean over the ten.

Terms: the publisher's page says what the videos may be used for. They are other people's, and none
of them comes with this package.

Source: O. Kliper-Gross, T. Hassner, L. Wolf: The action similarity labeling challenge. IEEE
Transactions on Pattern Analysis and Machine Intelligence 34(3), 615-621, 2012.
"""


def load_aslan(
    root: str | os.PathLike[str], *, missing: Missing = "raise", follow_links: bool = False
) -> Bunch:
    """Load the pairs of ASLAN's View 2 [1]_.

    The folder holds, at any depth, ``View2.mat`` and the samples, which are named by four digits as
    in ``ASLAN_AVI/0001.avi``. Where both ``ASLAN_AVI`` and ``ASLAN_MP4`` are unpacked, the first is
    taken.

    Parameters
    ----------
    root : path-like
        Folder that the set was unpacked into.
    missing : {"raise", "drop"}, default="raise"
        What to do about samples that pairs name and the folder lacks: refuse, or go on without
        their pairs.
    follow_links : bool, default=False
        Whether links below `root` may lead out of it. Otherwise such links are left out, and a
        warning counts them.

    Returns
    -------
    sklearn.utils.Bunch
        data : list of (str, str)
            The paths of each pair, all pairs of the first split first.
        target : ndarray of shape (n_pairs,), int64
            1 for the same action, 0 for different ones.
        target_names : list of str
            "not-same" and "same".
        groups : ndarray of shape (n_pairs,), int64
            The split of each pair, from 0.
        cv : list of (ndarray, ndarray)
            For each split the pairs of the others, to train on, and its own, to test on.
        actions : ndarray of shape (n_pairs, 2), int64
            What the two videos show, as the set numbers its actions.
        videos : list of str
            The different paths, sorted.
        n_listed, n_listed_pairs : int
            Different videos and pairs that the set's list has.
        missing : list of str
            Videos that were not there.
        DESCR : str

    Raises
    ------
    ValueError
        If there is no such folder, no list in it, or one that is damaged; if videos are missing;
        or if with ``missing="drop"`` a split has no pair left.

    References
    ----------
    .. [1] Kliper-Gross, Hassner, Wolf, "The action similarity labeling challenge", TPAMI 2012.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from scipy.io import savemat
    >>> pairs = np.array([[[1, 2, 1, 7, 7]], [[1, 3, 0, 7, 9]]]).transpose(1, 2, 0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     savemat(Path(folder, "View2.mat"), {"action_splits_pairs": pairs})
    ...     for name in ("0001.avi", "0002.avi", "0003.avi"):
    ...         Path(folder, name).touch()
    ...     aslan = load_aslan(folder)
    >>> [(Path(a).name, Path(b).name) for a, b in aslan.data]
    [('0001.avi', '0002.avi'), ('0001.avi', '0003.avi')]
    >>> aslan.target, aslan.groups
    (array([1, 0]), array([0, 1]))
    """
    folder = check_root(root)
    index = VideoIndex(folder, follow_links=follow_links)
    pairs, split = _read_pairs(_find_lists(index))
    n_splits = int(split[-1]) + 1
    samples = np.unique(pairs[:, :2])
    names = [f"{sample:04d}.avi" for sample in samples]
    paths = [_find_sample(index, name) for name in names]
    present = keep_present(names, paths, missing, index)

    is_there = np.isin(pairs[:, :2], samples[present])
    kept = is_there[:, 0] & is_there[:, 1]
    for number in range(n_splits):
        if not kept[split == number].any():
            raise ValueError(
                f"no pair of split {number + 1} has both its videos below {str(folder)!r}; fetch "
                "more of the set."
            )
    n_listed_pairs = len(pairs)
    pairs, split = pairs[kept], split[kept]
    where = dict(zip(samples.tolist(), paths, strict=True))
    videos = sorted({str(where[sample]) for sample in pairs[:, :2].ravel().tolist()})
    return Bunch(
        data=[(str(where[a]), str(where[b])) for a, b in pairs[:, :2].tolist()],
        target=pairs[:, 2].copy(),
        target_names=["not-same", "same"],
        groups=split,
        cv=[(np.flatnonzero(split != k), np.flatnonzero(split == k)) for k in range(n_splits)],
        actions=pairs[:, 3:].copy(),
        videos=videos,
        n_listed=len(names),
        n_listed_pairs=n_listed_pairs,
        missing=[name for name, path in zip(names, paths, strict=True) if path is None],
        DESCR=_DESCR.format(
            n_pairs=len(pairs),
            n_listed_pairs=n_listed_pairs,
            n_splits=n_splits,
            n_same=int(pairs[:, 2].sum()),
            n_videos=len(videos),
            n_listed=len(names),
        ),
    )


def _find_sample(index: VideoIndex, name: str) -> str | None:
    # A folder counts only where several files have the name, and then has to fit.
    return index.find(f"ASLAN_AVI/{name}") or index.find(f"ASLAN_MP4/{name}") or index.find(name)


def _find_lists(index: VideoIndex) -> str:
    named = [path for path in index.matrices if os.path.basename(path) == _LISTS]
    found = sorted({os.path.realpath(path) for path in named})
    if not found:
        raise ValueError(
            f"there is no {_LISTS} below {str(index.root)!r}. It lists the pairs: fetch it from "
            f"the benchmark's page and put it there.{index.hints()}"
        )
    if len(found) > 1:
        raise ValueError(
            f"{_LISTS} is there more than once: {found[0]!r} and {found[1]!r}; keep one of them."
        )
    return found[0]


def _read_pairs(path: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read the five columns of every pair, the first split's pairs first, and the splits."""
    again = f"fetch {_LISTS} of the benchmark's page again."
    table = read_numbers(path, _VARIABLE, again)
    if table.ndim != 3 or table.shape[1] != 5 or table.shape[2] < 2:
        raise ValueError(
            f"{_VARIABLE!r} of {path!r} is of shape {table.shape}; it has to be numbers of shape "
            f"(pairs, 5, splits) with at least 2 splits: {again}"
        )
    n_pairs, _, n_splits = table.shape
    if not n_pairs:
        raise ValueError(f"{_VARIABLE!r} of {path!r} has no pairs: {again}")
    rows = table.transpose(2, 0, 1).reshape(-1, 5)
    is_whole = np.isfinite(rows) & (rows == np.floor(rows)) & (np.abs(rows) < 2**53)
    for wrong, reason in (
        (~is_whole.all(axis=1), "a value that is no whole number"),
        ((rows[:, :2] < 1).any(axis=1), "a sample below 1 (samples count from 1)"),
        (~np.isin(rows[:, 2], (0, 1)), "a label that is neither 0 (not same) nor 1 (same)"),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            values = ", ".join(f"{value:g}" for value in rows[first])
            raise ValueError(
                f"{_VARIABLE!r} of {path!r}, split {first // n_pairs + 1}, pair "
                f"{first % n_pairs + 1}, has {reason}: {values}; {again}"
            )
    return rows.astype(np.int64), np.repeat(np.arange(n_splits, dtype=np.int64), n_pairs)
