"""UCF101, actions in videos of the web: its classes, groups and three splits."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np
from sklearn.utils import Bunch

from skvideo3d.datasets.layout import Missing, VideoIndex, check_root
from skvideo3d.datasets.splits import (
    TEST,
    TRAIN,
    check_whole,
    choose_classes,
    find_lists,
    read_list,
    split_bunch,
)
from skvideo3d.datasets.texts import shown

__all__ = ["load_ucf101"]

_ARCHIVE: Final = "UCF101TrainTestSplits-RecognitionTask.zip"
_CLASSES: Final = "classInd.txt"
_SPLITS: Final = (1, 2, 3)
_PARTS: Final = {"trainlist": TRAIN, "testlist": TEST}
_AGAIN: Final = f"Unpack {_ARCHIVE} again, or mend the line."

# The file's own spelling of the class may differ: HandstandPushups/v_HandStandPushups_g01_c01.avi.
_VIDEO = re.compile(
    r"(?P<name>(?P<label>[^/\\]+)[/\\].*_g(?P<group>[0-9]{1,9})_c\d+\.\w+)(?: +(?P<n>[0-9]{1,9}))?"
)

_DESCR = """\
UCF101: actions in videos of the web
------------------------------------
Loaded: {n_videos} of {n_listed} listed videos, {n_classes} of {n_all_classes} classes, and {splits}
to train on {n_train} and test on {n_test} of them.

The whole set has 13320 videos of 101 classes. Videos that were cut from the same original are a
group; each class has 25, and none is in both parts of a split. The protocol reports the mean
accuracy over the three splits.

Terms: the publisher's page, https://www.crcv.ucf.edu/data/UCF101.php, says what the videos may be
used for. They are other people's, and none of them comes with this package.

Source: K. Soomro, A. R. Zamir, M. Shah: UCF101: a dataset of 101 human actions classes from videos
in the wild. CRCV-TR-12-01, University of Central Florida, 2012.
"""


def load_ucf101(
    root: str | os.PathLike[str],
    *,
    lists: str | os.PathLike[str] | None = None,
    classes: int | Sequence[str] | None = None,
    splits: Sequence[int] | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
) -> Bunch:
    r"""Load the videos of UCF101 [1]_ and its three splits for recognition.

    The folder holds, at any depth, the videos and the lists: ``UCF101.rar`` and
    ``UCF101TrainTestSplits-RecognitionTask.zip``, unpacked. Videos are known by their file names;
    they may lie in one folder, have another ending, or be folders of frames.

    Parameters
    ----------
    root : path-like
        Folder that the set was unpacked into.
    lists : path-like, default=None
        Folder with ``classInd.txt``, ``trainlist01.txt`` and the other lists, if it is not below
        `root`.
    classes : int or sequence of str, default=None
        The first so many classes, or those of these names; None is all 101.
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
            Absolute paths, class by class, by group and clip.
        target : ndarray of shape (n_videos,), int64
            Positions in `target_names`.
        target_names : list of str
            The classes in the official order, also those without a video.
        groups : ndarray of shape (n_videos,), int64
            1 to 25, the number in the file name. Two videos come from one original if both their
            class and their number are the same.
        cv : list of (ndarray, ndarray)
            The three splits: positions of the videos to train on, and to test on.
        splits : list of int
            Their numbers.
        n_listed : int
            Videos that the lists have of the chosen classes.
        missing : list of str
            Videos that were not there.
        DESCR : str

    Raises
    ------
    ValueError
        If there is no such folder; the lists are not there, not complete or damaged; there is no
        such class; or videos are missing, with ``missing="drop"`` all those that a split would
        train on or test on.

    References
    ----------
    .. [1] Soomro, Zamir, Shah, "UCF101: A Dataset of 101 Human Actions Classes From Videos in The
       Wild", CRCV-TR-12-01, 2012.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> names = [f"Archery/v_Archery_g0{group}_c01.avi" for group in (1, 2, 3)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "classInd.txt").write_text("1 Archery")
    ...     for split, name in enumerate(names, start=1):
    ...         Path(folder, Path(name).name).touch()
    ...         train = [f"{other} 1" for other in names if other != name]
    ...         _ = Path(folder, f"trainlist0{split}.txt").write_text("\n".join(train))
    ...         _ = Path(folder, f"testlist0{split}.txt").write_text(name)
    ...     videos = load_ucf101(folder)
    >>> videos.target_names, videos.target, videos.groups
    (['Archery'], array([0, 0, 0]), array([1, 2, 3]))
    >>> videos.cv[0]
    (array([1, 2]), array([0]))
    """
    index = VideoIndex(check_root(root), follow_links=follow_links)
    folder, _ = find_lists(index, lists, _lacking, _ARCHIVE)
    all_classes = _read_classes(os.path.join(folder, _CLASSES))
    chosen = choose_classes(all_classes, classes)

    groups: dict[str, int] = {}
    labels: dict[str, str] = {}
    named = [_read_split(folder, number, all_classes, groups, labels) for number in _SPLITS]
    lists_of = [
        " and ".join(repr(os.path.join(folder, _list_name(part, number))) for part in _PARTS)
        for number in _SPLITS
    ]
    check_whole({name: set(split) for name, split in zip(lists_of, named, strict=True)}, _ARCHIVE)
    videos, names = split_bunch(
        named,
        dict(sorted(labels.items())),
        chosen,
        splits,
        missing=missing,
        index=index,
        descr=_DESCR,
        n_all_classes=len(all_classes),
    )
    videos.groups = np.array([groups[name] for name in names], dtype=np.int64)
    return videos


def _list_name(part: str, number: int) -> str:
    return f"{part}{number:02d}.txt"


def _lacking(there: AbstractSet[str]) -> list[str] | None:
    wanted = [_CLASSES, *(_list_name(part, number) for part in _PARTS for number in _SPLITS)]
    lacking = [name for name in wanted if name not in there]
    return lacking if len(lacking) < len(wanted) else None


def _read_classes(path: str) -> list[str]:
    """Read "1 ApplyEyeMakeup" and so on, which have to be in order."""
    names: list[str] = []
    for where, line in read_list(path):
        number, _, name = line.partition(" ")
        name = name.strip()
        if number != str(len(names) + 1) or not name or name in names:
            raise ValueError(
                f"{where}, is {shown(line)}; the number {len(names) + 1} and the name of another "
                f"class have to be there. {_AGAIN}"
            )
        names.append(name)
    if not names:
        raise ValueError(f"{path!r} is empty. Unpack {_ARCHIVE} again.")
    return names


def _read_split(
    folder: str,
    number: int,
    all_classes: list[str],
    groups: dict[str, int],
    labels: dict[str, str],
) -> dict[str, int]:
    """Read both lists of a split into what each video is for; add its group and its class."""
    uses: dict[str, int] = {}
    for part, use in _PARTS.items():
        for where, line in read_list(os.path.join(folder, _list_name(part, number))):
            match = _VIDEO.fullmatch(line)
            if match is None or (use == TRAIN and match["n"] is None):
                form = "Class/v_Class_g01_c01.avi" + (" 1" if use == TRAIN else "")
                raise ValueError(f"{where}, is {shown(line)}, not as {form!r}. {_AGAIN}")
            name, label = match["name"], match["label"]
            if label not in all_classes:
                raise ValueError(f"{where}: {_CLASSES} has no class {label!r}. {_AGAIN}")
            if match["n"] is not None and int(match["n"]) != all_classes.index(label) + 1:
                raise ValueError(
                    f"{where}, gives {label!r} the number {match['n']}, which {_CLASSES} gives "
                    f"{all_classes.index(label) + 1}. {_AGAIN}"
                )
            if name in uses:
                again = "twice" if uses[name] == use else "to train on and to test on"
                raise ValueError(f"{where}: split {number} has {name!r} {again}. {_AGAIN}")
            uses[name] = use
            groups[name] = int(match["group"])
            labels[name] = label
    return uses
