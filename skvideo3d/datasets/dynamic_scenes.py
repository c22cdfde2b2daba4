"""YUPENN and Maryland, scenes that move: a folder for each class, one video left out at a time."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

import numpy as np
from sklearn.model_selection import LeaveOneOut
from sklearn.utils import Bunch

from skvideo3d.datasets.layout import Missing, VideoIndex, check_root, counted

__all__ = ["load_dynamic_scenes"]

_SHOWN: Final = 5


@dataclass(frozen=True)
class _SceneSet:
    title: str
    classes: tuple[str, ...]
    n_videos: int
    """Of each class."""
    source: str


_SETS: Final = {
    "yupenn": _SceneSet(
        title="YUPENN",
        classes=(
            *("beach", "elevator", "forest_fire", "fountain", "highway", "lightning_storm"),
            *("ocean", "railway", "rushing_river", "sky_clouds", "snowing", "street"),
            *("waterfall", "windmill_farm"),
        ),
        n_videos=30,
        source="""\
K. G. Derpanis, M. Lecce, K. Daniilidis, R. P. Wildes: Dynamic scene understanding: the role of
orientation features in space and time in scene classification. CVPR, 2012.""",
    ),
    "maryland": _SceneSet(
        title='Maryland "in the wild"',
        classes=(
            *("avalanche", "boiling_water", "chaotic_traffic", "forest_fire", "fountain"),
            *("iceberg_collapse", "landslide", "smooth_traffic", "tornado", "volcanic_eruption"),
            *("waterfall", "waves", "whirlpool"),
        ),
        n_videos=10,
        source="""\
N. Shroff, P. Turaga, R. Chellappa: Moving vistas: exploiting motion for describing scenes. CVPR,
2010.""",
    ),
}

_DESCR = """\
{title}: dynamic scenes
{rule}
Loaded: {n_videos} of the set's {n_listed} videos, {n_present} of its {n_classes} classes.
{incomplete}Protocol: each video is classified by what was trained on all others.

Classes: {classes}.

Terms: the publisher's page says what the videos may be used for. They are other people's, and none
of them comes with this package.

Source: {source}
"""


def load_dynamic_scenes(
    root: str | os.PathLike[str],
    *,
    name: Literal["yupenn", "maryland"] | None = None,
    missing: Missing = "raise",
    follow_links: bool = False,
) -> Bunch:
    """Load one of the two sets of moving scenes: YUPENN [1]_ or Maryland "in the wild" [2]_.

    Below the folder, at any depth, each class has a folder with its videos: files of any kind,
    folders of frames, or further folders with those. A class folder is known by its letters alone:
    "Sky-Clouds", "sky_cloud" and "SkyClouds" are one. Videos in other folders are not loaded.

    Parameters
    ----------
    root : path-like
        Folder that the set was unpacked into.
    name : {"yupenn", "maryland"} or None, default=None
        Which set it is: 14 classes of 30 videos, or 13 classes of 10. None recognises it by the
        class folders that only one of the two has.
    missing : {"raise", "drop"}, default="raise"
        What to do if a class has fewer videos than in the whole set: refuse, or go on with those
        that are there. More videos than the set has are refused always.
    follow_links : bool, default=False
        Whether links below `root` may lead out of it. Otherwise such links are left out, and a
        warning counts them.

    Returns
    -------
    sklearn.utils.Bunch
        data : list of str
            Absolute paths, class by class.
        target : ndarray of shape (n_videos,), int64
        target_names : list of str
            All classes of the set, in alphabetical order, also those without a video.
        cv : list of (ndarray, ndarray)
            Leave-one-out, the protocol of both sets: all other videos, and the one.
        name : str
            "yupenn" or "maryland".
        n_listed : int
            Videos of the whole set.
        missing : list of str
            Classes that are not complete, such as "beach (12 of 30 videos)".
        unknown_folders : list of str
            If classes are not complete, folders below `root` with videos, but of no class: their
            names may be misspelt.
        DESCR : str

    Raises
    ------
    ValueError
        If there is no such folder, the set cannot be recognised, a class has fewer videos than it
        should (see `missing`) or more, or there are fewer than two videos.

    References
    ----------
    .. [1] Derpanis et al., "Dynamic scene understanding: the role of orientation features in space
       and time in scene classification", CVPR 2012.
    .. [2] Shroff, Turaga, Chellappa, "Moving vistas: exploiting motion for describing scenes",
       CVPR 2010.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for place in ("Beach", "Sky-Clouds"):
    ...         Path(folder, place).mkdir()
    ...         Path(folder, place, "1.mov").touch()
    ...     scenes = load_dynamic_scenes(folder, missing="drop")
    >>> scenes.name, [scenes.target_names[label] for label in scenes.target]
    ('yupenn', ['beach', 'sky_clouds'])
    >>> scenes.cv
    [(array([1]), array([0])), (array([0]), array([1]))]
    """
    if missing not in ("raise", "drop"):
        raise ValueError(f"missing={missing!r}: use 'raise' or 'drop'.")
    if name is not None and name not in _SETS:
        raise ValueError(f"name={name!r} is no such set: use 'yupenn', 'maryland' or None.")
    folder = check_root(root)
    index = VideoIndex(folder, follow_links=follow_links)
    # The folders around each video, the nearest first.
    around = [PurePath(path).relative_to(folder).parts[-2::-1] for path in index.paths]
    chosen: str = name or _recognise(around, str(folder))
    scenes = _SETS[chosen]

    by_letters = {_letters(label): label for label in scenes.classes}
    videos: dict[str, list[str]] = {label: [] for label in scenes.classes}
    strange: set[str] = set()
    for path, names in zip(index.paths, around, strict=True):
        label = next(filter(None, (by_letters.get(_letters(part)) for part in names)), None)
        if label is not None:
            videos[label].append(path)
        else:
            strange.add("/".join(names[::-1]))
    strange.discard("")  # the root itself
    lacking = _check_counts(scenes, videos, index, missing, strange)
    unknown = sorted(strange) if lacking else []

    data = [path for label in scenes.classes for path in videos[label]]
    if len(data) < 2:
        raise ValueError(
            f"{counted(len(data), f'video of {scenes.title} is', f'videos of {scenes.title} are')} "
            f"below {str(folder)!r}; leaving one out takes at least 2."
        )
    counts = [len(videos[label]) for label in scenes.classes]
    n_listed = scenes.n_videos * len(scenes.classes)
    return Bunch(
        data=data,
        target=np.repeat(np.arange(len(counts), dtype=np.int64), counts),
        target_names=list(scenes.classes),
        cv=list(LeaveOneOut().split(data)),
        name=chosen,
        n_listed=n_listed,
        missing=lacking,
        unknown_folders=unknown,
        DESCR=_DESCR.format(
            title=scenes.title,
            rule="-" * len(f"{scenes.title}: dynamic scenes"),
            n_videos=len(data),
            n_listed=n_listed,
            n_present=sum(count > 0 for count in counts),
            n_classes=len(counts),
            incomplete=_tell_incomplete(lacking, unknown),
            classes=", ".join(scenes.classes),
            source=scenes.source,
        ),
    )


def _letters(name: str) -> str:
    """Reduce a folder's name to what its spellings share, whether of one or of many."""
    return re.sub("[^a-z]", "", name.lower()).rstrip("s")


def _recognise(around: list[tuple[str, ...]], root: str) -> str:
    found = {_letters(part) for names in around for part in names}
    own = {
        name: {_letters(label) for label in scenes.classes}
        - {_letters(label) for other in _SETS if other != name for label in _SETS[other].classes}
        for name, scenes in _SETS.items()
    }
    fitting = [name for name in own if own[name] & found]
    if len(fitting) > 1:
        raise ValueError(
            f"below {root!r} are class folders of both YUPENN and Maryland; give the narrower "
            "folder as root (--data)."
        )
    if not fitting:
        raise ValueError(
            f"{root!r} cannot be recognised as YUPENN or Maryland: none of the folders with videos "
            "below it has the name of a class that only one of them has, such as 'Beach' or "
            "'Avalanche'. Give the folder the set was unpacked into, or pass name='yupenn' "
            "(--set yupenn) or name='maryland' (--set maryland)."
        )
    return fitting[0]


def _check_counts(
    scenes: _SceneSet,
    videos: dict[str, list[str]],
    index: VideoIndex,
    missing: Missing,
    strange: set[str],
) -> list[str]:
    """Name the classes that lack videos, unless that is not allowed."""
    root = str(index.root)
    for label, paths in videos.items():
        if len(paths) > scenes.n_videos:
            raise ValueError(
                f"{label!r} has {len(paths)} videos below {root!r}, and {scenes.n_videos} in "
                f"{scenes.title}: this is another set, or more than one. Give the narrower folder "
                "as root (--data), or remove what does not belong, such as second copies."
            )
    lacking = [
        f"{label} ({len(paths)} of {scenes.n_videos} videos)"
        for label, paths in videos.items()
        if len(paths) < scenes.n_videos
    ]
    if lacking and missing == "raise":
        hint = ""
        if strange:
            hint += f" Folders of no class: {_shorten(sorted(strange))}; rename misspelt ones."
        hint += index.hints()
        have = "has" if len(lacking) == 1 else "have"
        raise ValueError(
            f"{scenes.title} has {scenes.n_videos} videos of each class; below {root!r} "
            f"{len(lacking)} of the {len(videos)} classes {have} fewer: {_shorten(lacking)}.{hint} "
            "Pass missing='drop' (--missing drop) to go on with the videos that are there."
        )
    return lacking


def _tell_incomplete(lacking: list[str], unknown: list[str]) -> str:
    told = f"Not complete: {', '.join(lacking)}.\n" if lacking else ""
    if unknown:
        told += f"Folders of no class, perhaps misspelt: {', '.join(unknown)}.\n"
    return told


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
