"""A folder of one's own videos, whose classes are subfolders or words in the paths."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skvideo3d.datasets.layout import VideoIndex, check_root, counted
from skvideo3d.datasets.path_patterns import labels_and_groups
from skvideo3d.datasets.splits import choose_classes
from skvideo3d.video.folders import is_ours, leads_out
from skvideo3d.video.naming import natural_key

__all__ = ["load_video_folder"]

_SHOWN: Final = 5

_DESCR = """\
Videos of a folder
------------------
Loaded: {videos} of {classes}{groups}, from {root}.

Classes: {names}.
"""


def load_video_folder(
    root: str | os.PathLike[str],
    *,
    labels: str | Callable[[str], str] | None = None,
    groups: str | Callable[[str], str] | None = None,
    pattern: str | None = None,
    classes: int | Sequence[str] | None = None,
    follow_links: bool = False,
) -> Bunch:
    r"""Load one's own videos, as `sklearn.datasets.load_files` loads texts.

    Each folder in `root` is a class. The videos in it, at any depth, are files, or folders of
    frames: folders that hold images and no further folders. Hidden files and folders are ignored.

    Parameters
    ----------
    root : path-like
        Folder with a folder for each class.
    labels : str or callable, default=None
        What finds the class instead, in the path from `root` with ``/`` between folders: a regular
        expression, of which the first group counts, or all that matches if it has no group, or a
        function of the path.
    groups : str or callable, default=None
        What finds in the same way what videos have in common, such as a person or a recording, and
        should be kept together in cross-validation.
    pattern : str, default=None
        What finds both, in place of `labels` and `groups`: a regular expression with the named
        groups ``label`` and ``group``; "ucf101", "kth" or "trials" for files called like
        ``v_Archery_g01_c02``, ``person07_walking_d2`` or ``A1P2T3`` (action, person, trial); or
        "auto" for the one of these three that fits.
    classes : int or sequence of str, default=None
        The first so many classes, or those of these names; None is all.
    follow_links : bool, default=False
        Whether links below `root` may lead out of it. Otherwise such links are left out, and a
        warning counts them.

    Returns
    -------
    sklearn.utils.Bunch
        data : list of str
            Absolute paths, class by class; numbers in paths are in the order of their values.
        target : ndarray of shape (n_videos,), int64
            Positions in `target_names`.
        target_names : list of str
            The classes, in the same order.
        groups : ndarray of shape (n_videos,), int64
            Positions in `group_names`; only with `groups`, as the next.
        group_names : list of str
        DESCR : str

    Raises
    ------
    ValueError
        If there is no such folder or no video in it; a class has none, or a video no class or no
        group; there is no such class; or `pattern` comes with `labels` or `groups`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("walk/ann_1.avi", "run/ann_10.avi", "run/ann_9.avi", "run/bob_1.avi"):
    ...         Path(folder, name).parent.mkdir(exist_ok=True)
    ...         Path(folder, name).touch()
    ...     videos = load_video_folder(folder, groups="ann|bob")
    >>> [Path(path).name for path in videos.data]
    ['ann_9.avi', 'ann_10.avi', 'bob_1.avi', 'ann_1.avi']
    >>> videos.target_names, videos.target
    (['run', 'walk'], array([0, 0, 0, 1]))
    >>> videos.group_names, videos.groups
    (['ann', 'bob'], array([0, 0, 1, 0]))
    """
    if pattern is not None and (labels is not None or groups is not None):
        raise ValueError(
            f"pattern={pattern!r} (--pattern) finds classes and groups: leave labels= and groups= "
            "out, or give these two alone."
        )
    folder = check_root(root)
    index = VideoIndex(folder, follow_links=follow_links)
    if not index.paths:
        raise ValueError(f"no video is below {str(folder)!r}.{index.hints()} Check the path.")
    # From the root on, and with the separators that patterns are written for.
    inside = [PurePath(path).relative_to(folder).as_posix() for path in index.paths]
    group_of: dict[str, str] = {}
    if pattern is not None:
        found, of_path = labels_and_groups(inside, None if pattern == "auto" else pattern)
        group_of = dict(zip(inside, of_path, strict=True))
    elif labels is None:
        found = _folder_labels(inside, index, classes)
    else:
        found = _apply(labels, inside, "labels")

    names = sorted(set(found), key=natural_key)
    chosen = choose_classes(names, classes)
    order = sorted(
        (i for i, label in enumerate(found) if label in chosen),
        key=lambda i: (chosen.index(found[i]), natural_key(inside[i])),
    )
    videos = Bunch(
        data=[index.paths[i] for i in order],
        target=_codes([found[i] for i in order], chosen),
        target_names=chosen,
    )
    chosen_paths = [inside[i] for i in order]
    of_video: list[str] | None = [group_of[path] for path in chosen_paths] if group_of else None
    if groups is not None:
        of_video = _apply(groups, chosen_paths, "groups")
    if of_video is not None:
        videos.group_names = sorted(set(of_video), key=natural_key)
        videos.groups = _codes(of_video, videos.group_names)
    videos.DESCR = _DESCR.format(
        videos=counted(len(order), "video"),
        classes=counted(len(chosen), "class", "classes"),
        groups="" if of_video is None else f" in {counted(len(videos.group_names), 'group')}",
        root=folder,
        names=", ".join(chosen),
    )
    return videos


def _folder_labels(
    inside: list[str], index: VideoIndex, classes: int | Sequence[str] | None
) -> list[str]:
    """Take the first folder of each path for its class, if all is as it has to be."""
    root = str(index.root)
    loose = [path for path in inside if "/" not in path]
    if loose:
        raise ValueError(
            f"{len(loose)} of the {counted(len(inside), 'video')} below {root!r} "
            f"{'is' if len(loose) == 1 else 'are'} in no class folder: {_shorten(loose)}. Move "
            f"{'it' if len(loose) == 1 else 'them'} into a folder for each class, or pass labels= "
            r"(--labels), a pattern that finds the class in the path, such as '^([a-z]+)'."
        )
    found = [path.partition("/")[0] for path in inside]
    inside_of = os.path.realpath(index.root)
    folders = {
        entry.name
        for entry in os.scandir(index.root)
        if entry.is_dir()
        and not entry.name.startswith(".")
        and not is_ours(entry.path)
        # of those that were left out a warning has told
        and (index.follow_links or not leads_out(entry, inside_of))
    }
    empty = sorted(folders.difference(found), key=natural_key)
    if not isinstance(classes, int | str | None):
        empty = [name for name in empty if name in classes]
    if empty:
        raise ValueError(
            f"{len(empty)} of the {counted(len(folders), 'class folder')} in {root!r} "
            f"{'has' if len(empty) == 1 else 'have'} no video: {_shorten(empty)}."
            f"{index.hints()} Fill or remove {'it' if len(empty) == 1 else 'them'}, or "
            "choose others with classes= (--classes). If classes are not the folders, pass "
            "labels= (--labels), a pattern that finds the class in the path."
        )
    return found


def _apply(pattern: str | Callable[[str], str], inside: list[str], parameter: str) -> list[str]:
    """Find the part of each path that the parameter is after."""
    if callable(pattern):
        found = [pattern(path) for path in inside]
    else:
        try:
            compiled = re.compile(pattern)
        except (re.error, TypeError) as error:
            raise ValueError(
                f"{parameter}={pattern!r} (--{parameter}) is neither a regular "
                f"expression ({error}) nor a function."
            ) from error
        matches = [compiled.search(path) for path in inside]
        found = [match[min(compiled.groups, 1)] if match else "" for match in matches]
    wrong = [
        path
        for path, part in zip(inside, found, strict=True)
        if not (isinstance(part, str) and part)
    ]
    if wrong:
        raise ValueError(
            f"{parameter}={pattern!r} (--{parameter}) finds nothing in the paths of "
            f"{len(wrong)} of the {counted(len(inside), 'video')}: {_shorten(wrong)}. Change it so "
            "that it fits all of them, or move these away."
        )
    return found


def _codes(words: list[str], names: list[str]) -> NDArray[np.int64]:
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[word] for word in words], dtype=np.int64)


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
