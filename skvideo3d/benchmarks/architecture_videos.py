"""The videos of the kernel-depth study, and which of them networks are trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import Bunch

from skvideo3d.datasets import ACTIONS, load_ucf101, load_video_folder, make_action_videos
from skvideo3d.datasets.layout import Missing, check_root
from skvideo3d.video.folders import walk

from .results import DataUse

__all__ = ["GENERATED", "StudyVideos", "generated_videos", "own_videos"]

GENERATED: Final[tuple[str, ...]] = (
    "translate_up",
    "translate_down",
    "zoom_in",
    "zoom_out",
    "oscillate_vertically",
    "oscillate_horizontally",
    "still",
    "flicker",
)
"""Actions that a mirror leaves what they are: in training half of the clips are mirrored."""

_TURNED_BY_MIRRORS: Final = {
    *("translate_left", "translate_right"),
    *("rotate_clockwise", "rotate_counterclockwise"),
}
_UCF101_LISTS: Final = {"classInd.txt", "trainlist01.txt", "testlist01.txt"}
_N_FRAMES: Final = 32  # two clips of 16
_N_SCENES: Final = 20
_TEST_SHARE: Final = 4  # a test video to so many that are trained on
_N_FOLDS: Final = 5
_SMALLEST: Final = 32  # that can be generated


@dataclass(frozen=True)
class StudyVideos:
    """Labelled videos and one split of them.

    Parameters
    ----------
    title : str
        What they are.
    videos : list of str
    labels : ndarray of shape (n_videos,), str
    train, test : ndarray of int
        Positions.
    data : DataUse
    note : str
        How they were split.
    """

    title: str
    videos: list[str]
    labels: NDArray[np.str_]
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    data: DataUse
    note: str

    @property
    def test_fold(self) -> NDArray[np.intp]:
        """0 for each test video and -1 for each other, as `PredefinedSplit` wants it."""
        fold = np.full(len(self.videos), -1)
        fold[self.test] = 0
        return fold

    def without(self, failures: dict[int, str], losses: dict[int, str]) -> StudyVideos:
        """Leave out what cannot be read.

        Parameters
        ----------
        failures : dict of int to str
            Position and reason of those that go.
        losses : dict of int to str
            Position of those that can be read in part, and what is lost.

        Returns
        -------
        StudyVideos

        Raises
        ------
        ValueError
            If a class, or one of the two parts, is gone.
        """
        left = np.array([at for at in range(len(self.videos)) if at not in failures], dtype=int)
        used = np.intersect1d(np.r_[self.train, self.test], left)
        place = {at: number for number, at in enumerate(left.tolist())}
        parts = [
            np.array([place[at] for at in part.tolist() if at in place], dtype=int)
            for part in (self.train, self.test)
        ]
        labels = self.labels[left]
        gone = sorted(set(self.labels.tolist()) - set(labels[parts[0]].tolist()))
        if gone or not len(parts[1]):
            what = f"of class {gone[0]!r} to train on" if gone else "to test on"
            why = f" The first that failed: {failures[min(failures)]}" if failures else ""
            raise ValueError(f"no video {what} can be read.{why}")
        data = DataUse(
            n_listed=self.data.n_listed,
            n_missing=self.data.n_missing,
            n_failed=len(failures),
            n_used=len(used),
            missing=self.data.missing,
            failures=[(self.videos[at], why) for at, why in sorted(failures.items())],
            losses=[(self.videos[at], lost) for at, lost in sorted(losses.items())],
        )
        videos = [self.videos[at] for at in left]
        return StudyVideos(self.title, videos, labels, parts[0], parts[1], data, self.note)


def generated_videos(
    folder: Path,
    n_videos: int,
    size: tuple[int, int],
    *,
    classes: int | Sequence[str] | None = None,
    n_jobs: int | None = None,
) -> StudyVideos:
    """Generate videos whose classes no single frame gives away; those to test on in other scenes.

    Parameters
    ----------
    folder : Path
        Where they go, and stay.
    n_videos : int
        To train on; a quarter as many to test on.
    size : (int, int)
        Height and width that they need.
    classes : int or sequence of str, optional
        Actions, or the first so many of `GENERATED`.
    n_jobs : int, optional

    Returns
    -------
    StudyVideos

    Raises
    ------
    ValueError
        If an action turns into another one when it is mirrored, or there are too few videos.
    """
    names = _actions(classes)
    if n_videos < len(names):
        raise ValueError(
            f"n_videos={n_videos!r} (--videos) of {len(names)} classes: give {len(names)} or more."
        )
    height, width = (max(_SMALLEST, side + side % 2) for side in size)
    parts = []
    for seed, (part, count) in enumerate(
        (("train", n_videos), ("test", max(n_videos // _TEST_SHARE, len(names))))
    ):
        parts.append(
            make_action_videos(
                count,
                classes=names,
                n_groups=_N_SCENES,
                n_frames=_N_FRAMES,
                size=(height, width),
                random_state=seed,
                folder=folder / f"{part}-{height}x{width}-{len(names)}",
                n_jobs=n_jobs,
            )
        )
    train, test = parts
    videos = [*train.data, *test.data]
    labels = np.array([names[label] for part in parts for label in part.target])
    return StudyVideos(
        title=f"generated videos, {len(names)} classes",
        videos=videos,
        labels=labels,
        train=np.arange(n_videos),
        test=np.arange(n_videos, len(videos)),
        data=_all_used(videos),
        note=f"Trained on {n_videos} videos and tested on {len(test.data)} of other scenes.",
    )


def own_videos(
    root: str | os.PathLike[str],
    *,
    split: int = 1,
    classes: int | Sequence[str] | None = None,
    lists: str | os.PathLike[str] | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
    **patterns: Any,
) -> StudyVideos:
    """Load UCF101 with one of its splits, or a folder of videos and split it.

    Parameters
    ----------
    root : path-like
        UCF101 if its lists are below it.
    split : int, default=1
        Of UCF101.
    classes, follow_links
        See `load_video_folder`.
    lists, missing
        Of UCF101; see `load_ucf101`.
    **patterns
        "labels", "groups" and "pattern" of `load_video_folder`; for a folder of videos.

    Returns
    -------
    StudyVideos

    Raises
    ------
    ValueError
        If the folder does not hold what it should, or a class has too few videos to be split.
    """
    folder = check_root(root)
    given = {name: pattern for name, pattern in patterns.items() if pattern is not None}
    if not given and (lists is not None or _has_ucf101_lists(folder, follow_links=follow_links)):
        videos = load_ucf101(
            folder,
            lists=lists,
            classes=classes,
            splits=[split],
            missing=missing,
            follow_links=follow_links,
        )
        ((train, test),) = videos.cv
        n_classes = len(np.unique(videos.target))
        title, note = f"UCF101, {n_classes} classes", f"UCF101's split {split}."
    else:
        videos = load_video_folder(folder, classes=classes, follow_links=follow_links, **given)
        train, test, note = _split(videos)
        title = f"{folder.name}, {len(videos.target_names)} classes"
    names = np.array(videos.target_names)
    data = _all_used(videos.data)
    data.n_listed = videos.get("n_listed", data.n_listed)
    data.missing = list(videos.get("missing", []))
    data.n_missing = data.n_listed - len(videos.data)
    return StudyVideos(title, list(videos.data), names[videos.target], train, test, data, note)


def _actions(classes: int | Sequence[str] | None) -> list[str]:
    if classes is None:
        return list(GENERATED)
    if isinstance(classes, int):
        if not 2 <= classes <= len(GENERATED):
            raise ValueError(
                f"classes={classes} (--classes): give 2 to {len(GENERATED)}, or names."
            )
        return list(GENERATED[:classes])
    names = list(classes)
    turned = sorted(_TURNED_BY_MIRRORS.intersection(names))
    if turned:
        raise ValueError(
            f"classes={names!r} (--classes): half of the clips are mirrored in training, and "
            f"mirrored {turned[0]!r} is another class; choose of "
            f"{', '.join(name for name in ACTIONS if name not in _TURNED_BY_MIRRORS)}."
        )
    return names


def _all_used(videos: Sequence[str]) -> DataUse:
    return DataUse(n_listed=len(videos), n_missing=0, n_failed=0, n_used=len(videos))


def _has_ucf101_lists(folder: Path, *, follow_links: bool) -> bool:
    places = walk(folder, follow_links=follow_links, left_out=[])
    return any(set(files) >= _UCF101_LISTS for _, _, files in places)


def _split(videos: Bunch) -> tuple[NDArray[np.intp], NDArray[np.intp], str]:
    """Take a fifth of each class for testing, or of its groups."""
    y, groups = videos.target, videos.get("groups")
    unit = "video" if groups is None else "group"
    members = np.arange(len(y)) if groups is None else groups
    sizes = {
        name: len(np.unique(members[y == label])) for label, name in enumerate(videos.target_names)
    }
    smallest = min(sizes, key=lambda name: sizes[name])
    if len(sizes) < 2 or sizes[smallest] < 2:
        what = (
            f"has one {unit}, and one to train on and one to test on are needed"
            if len(sizes) > 1
            else "is the only class"
        )
        raise ValueError(
            f"class {smallest!r} {what}: add some, or choose others with classes= (--classes)."
        )
    n_folds = min(_N_FOLDS, sizes[smallest])
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    train, test = next(splitter(n_folds, shuffle=True, random_state=0).split(y, y, groups))
    note = f"A {'half' if n_folds == 2 else f'1/{n_folds}'} of the {unit}s was tested on."
    return train, test, note
