"""HMDB51, actions in films and videos of the web: its classes and three splits."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from sklearn.utils import Bunch

from skvideo3d.datasets.layout import Missing, VideoIndex, check_root
from skvideo3d.datasets.splits import (
    check_whole,
    choose_classes,
    find_lists,
    read_list,
    split_bunch,
)
from skvideo3d.datasets.texts import shown

__all__ = ["load_hmdb51"]

_ARCHIVE: Final = "test_train_splits.rar"
_SPLITS: Final = (1, 2, 3)
_AGAIN: Final = f"Unpack {_ARCHIVE} again, or mend the line."

# Without the hidden files that some systems add to each.
_LIST = re.compile(r"(?P<label>[^.].*)_test_split[123]\.txt")
# Names have any characters. The flag is what `splits` calls UNUSED, TRAIN and TEST.
_VIDEO = re.compile(r"(?P<name>.*\S)\s+(?P<flag>[012])")

_DESCR = """\
HMDB51: actions in films and videos of the web
----------------------------------------------
Loaded: {n_videos} of {n_listed} listed videos, {n_classes} of {n_all_classes} classes, and {splits}
to train on {n_train} and test on {n_test} of them.

The whole lists have 6766 videos of 51 classes. Each split trains on 70 and tests on 30 of a class
and leaves the others out. The protocol reports the mean accuracy over the three splits.

Terms: by the publisher's page, https://serre-lab.clps.brown.edu/resource/
hmdb-a-large-human-motion-database/, the set is licensed under Creative Commons Attribution 4.0
International (CC BY 4.0). None of its videos comes with this package.

Source: H. Kuehne, H. Jhuang, E. Garrote, T. Poggio, T. Serre: HMDB: a large video database for
human motion recognition. ICCV, 2011.
"""


def load_hmdb51(
    root: str | os.PathLike[str],
    *,
    lists: str | os.PathLike[str] | None = None,
    classes: int | Sequence[str] | None = None,
    splits: Sequence[int] | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
) -> Bunch:
    r"""Load the videos of HMDB51 [1]_ and its three splits.

    The folder holds, at any depth, the videos and the lists: ``hmdb51_org.rar`` with the archives
    inside it, and ``test_train_splits.rar``, unpacked. Videos are known by their file names; they
    may lie in one folder, have another ending, or be folders of frames.

    Parameters
    ----------
    root : path-like
        Folder that the set was unpacked into.
    lists : path-like, default=None
        Folder with ``brush_hair_test_split1.txt`` and the other lists, if it is not below `root`.
    classes : int or sequence of str, default=None
        The first so many classes, or those of these names; None is all 51.
    splits : sequence of int, default=None
        Which of the splits 1, 2 and 3 `cv` has; videos that none of these uses are left out. None
        is all three, and all videos.
    missing : {"raise", "drop"}, default="raise"
        What to do about videos that the lists name and the folder lacks: refuse, or go on without
        them.
    follow_links : bool, default=False
        Whether links below `root` may lead out of it. Otherwise such links are left out, and a
        warning counts them.

    Returns
    -------
    sklearn.utils.Bunch
        data : list of str
            Absolute paths, class by class, in the order of the lists; also of those videos that no
            split uses.
        target : ndarray of shape (n_videos,), int64
            Positions in `target_names`.
        target_names : list of str
            The classes in alphabetical order, also those without a video.
        cv : list of (ndarray, ndarray)
            The three splits: positions of the videos to train on, and to test on.
        splits : list of int
            Their numbers.
        n_listed : int
            Videos that the lists have of the chosen classes.
        missing : list of str
            Videos that were not there, such as "wave/name.avi".
        DESCR : str

    Raises
    ------
    ValueError
        If there is no such folder; the lists are not there, not complete or damaged; there is no
        such class; or videos are missing, with ``missing="drop"`` all those that a split would
        train on or test on.

    References
    ----------
    .. [1] Kuehne, Jhuang, Garrote, Poggio, Serre, "HMDB: A Large Video Database for Human Motion
       Recognition", ICCV 2011.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a_wave_1.avi", "b_wave_2.avi", "c_wave_3.avi"):
    ...         Path(folder, name).touch()
    ...     for split in (1, 2, 3):
    ...         lines = "a_wave_1.avi 2\nb_wave_2.avi 0\nc_wave_3.avi 1"
    ...         _ = Path(folder, f"wave_test_split{split}.txt").write_text(lines)
    ...     videos = load_hmdb51(folder)
    >>> [Path(path).name for path in videos.data], videos.target_names
    (['a_wave_1.avi', 'b_wave_2.avi', 'c_wave_3.avi'], ['wave'])
    >>> videos.cv[0]
    (array([2]), array([0]))
    """
    index = VideoIndex(check_root(root), follow_links=follow_links)
    folder, lists_there = find_lists(index, lists, _lacking, _ARCHIVE)
    all_classes = sorted(_labels(lists_there))
    chosen = choose_classes(all_classes, classes)

    labels: dict[str, str] = {}
    named: list[dict[str, int]] = [{} for _ in _SPLITS]
    for label in chosen:
        paths = [os.path.join(folder, _list_name(label, number)) for number in _SPLITS]
        of_class = [_read_split(path, label) for path in paths]
        lists_of = {repr(path): set(uses) for path, uses in zip(paths, of_class, strict=True)}
        check_whole(lists_of, _ARCHIVE)
        for split, uses in zip(named, of_class, strict=True):
            split.update(uses)
        labels.update(dict.fromkeys(of_class[0], label))
    videos, _ = split_bunch(
        named,
        labels,
        chosen,
        splits,
        missing=missing,
        index=index,
        descr=_DESCR,
        n_all_classes=len(all_classes),
    )
    return videos


def _list_name(label: str, number: int) -> str:
    return f"{label}_test_split{number}.txt"


def _labels(names: Sequence[str] | AbstractSet[str]) -> set[str]:
    return {match["label"] for name in names if (match := _LIST.fullmatch(name))}


def _lacking(there: AbstractSet[str]) -> list[str] | None:
    wanted = [_list_name(label, k) for label in sorted(_labels(there)) for k in _SPLITS]
    return [name for name in wanted if name not in there] if wanted else None


def _read_split(path: str, label: str) -> dict[str, int]:
    """Read what a split does with each video of a class."""
    uses: dict[str, int] = {}
    for where, line in read_list(path):
        match = _VIDEO.fullmatch(line)
        if match is None:
            raise ValueError(f"{where}, is {shown(line)}, not a name and 0, 1 or 2. {_AGAIN}")
        name = f"{label}/{match['name']}"
        if name in uses:
            raise ValueError(f"{where}, has {match['name']!r} for the second time. {_AGAIN}")
        uses[name] = int(match["flag"])
    if not uses:
        raise ValueError(f"{path!r} is empty. Unpack {_ARCHIVE} again.")
    return uses
