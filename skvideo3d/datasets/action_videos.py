"""A generated data set: video files that show actions, in the shape of scikit-learn's `make_*`."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from skvideo3d.datasets.action_rendering import check_action, check_geometry, iter_action_frames
from skvideo3d.datasets.actions import ACTIONS
from skvideo3d.datasets.h264 import PART, probe_video, write_video
from skvideo3d.exceptions import VideoDecodeError

__all__ = ["make_action_videos"]

MANIFEST: Final = "action_videos.json"

RENDERER: Final = 1
"""Goes up with every change to the pixels, so that files of older versions are not mistaken."""

_DESCR = """\
Generated action videos
-----------------------
{n_videos} H.264 files of {n_frames} frames of {height}x{width} pixels at {fps:g} frames a second,
{n_classes} classes, {n_groups} groups. Two figures and one or two textured shapes perform the
action of the video's class before a textured background.

Position, orientation, size, pose and light are uniformly distributed at every frame of every class
and independent of all else: a single frame is drawn from the same distribution whatever the class,
and only motion tells the classes apart. Figures are therefore in every class, also where they move
as one stiff piece, and upright in none.

A group is a place with its people: its videos share background, textures, colours and shapes, and
it has videos of every class. Within a group the start, speed, direction, camera shake, brightness
and noise vary from video to video.

Classes: {classes}.
"""


def make_action_videos(
    n_videos: int = 40,
    *,
    classes: int | Sequence[str] | NDArray[np.str_] = 8,
    n_groups: int = 5,
    n_frames: int = 40,
    size: tuple[int, int] = (120, 160),
    fps: float = 25.0,
    gop: int = 1,
    random_state: int | np.random.RandomState | None = None,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
) -> Bunch:
    """Write a data set of small videos whose classes differ by motion and by nothing else.

    Things travel in four directions, turn, grow and shrink, oscillate, bounce, wave their arms,
    kick, dance, flicker or keep still (`skvideo3d.datasets.ACTIONS`). What a single frame shows is
    distributed in the same way in every class; texture, colour, background, size, speed, camera
    shake and noise vary within each. Video `i` is of class ``i % n_classes`` and of group
    ``i // n_classes % n_groups``: every run of `n_classes` videos is one group with all classes.

    Parameters
    ----------
    n_videos : int, default=40
        Number of files. Video `i` does not depend on it: a data set can be made longer later.
    classes : int or sequence or ndarray of str, default=8
        Names of actions; `target` counts in their order. A number takes that many from the
        beginning of `ACTIONS`, at most 16.
    n_groups : int, default=5
        Number of scenes that videos share, for grouped cross-validation.
    n_frames : int, default=40
        Frames of every video.
    size : (int, int), default=(120, 160)
        Height and width in pixels, even and at least 32.
    fps : float, default=25.0
        Frames per second; speeds are fixed per second. Files hold it as a fraction, whose
        denominator is at most 1001.
    gop : int, default=1
        Frames from one key frame to the next. With 1 each frame is compressed by itself; with more
        the files are smaller, and how well a frame is compressed tells a little about the motion.
    random_state : int, RandomState instance or None, default=None
        Decides everything. The same integer gives the same bytes on the same machine and library
        versions.
    folder : str or path-like, default=None
        Where the files go; made if it does not exist. Files that an earlier call with the same
        parameters left there are kept. None makes a new temporary folder, which is yours to delete.
    n_jobs : int, default=None
        Processes that draw and write at the same time; see `joblib.Parallel`.

    Returns
    -------
    sklearn.utils.Bunch
        With `data` (list of n_videos paths, str), `target` (ndarray of shape (n_videos,), int64),
        `target_names` (list of str), `groups` (ndarray of shape (n_videos,), int64), `folder` (str)
        and `DESCR` (str).

    Raises
    ------
    ValueError
        If a parameter has no meaning, as an unknown action, an odd size, or a rate that a file
        would not hold.
    FileExistsError
        If `folder` holds anything else than this data set; nothing is overwritten.

    Examples
    --------
    >>> import tempfile
    >>> from skvideo3d.datasets import make_action_videos
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     videos = make_action_videos(
    ...         4, classes=["bounce", "still"], n_groups=2, n_frames=16, size=(48, 64),
    ...         random_state=0, folder=folder,
    ...     )
    >>> videos.target, videos.groups
    (array([0, 1, 0, 1]), array([0, 0, 1, 1]))
    >>> videos.target_names
    ['bounce', 'still']
    """
    names = _check_classes(classes)
    for name, value in (("n_videos", n_videos), ("n_groups", n_groups), ("gop", gop)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}={value!r} is not a count; pass a whole number from 1 up.")
    check_geometry(n_frames, size, fps)
    _check_rate(fps)
    if any(side % 2 for side in size):
        raise ValueError(f"size={size!r} is odd; H.264 in 4:2:0 needs an even height and width.")
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    recipe = {
        "renderer": RENDERER,
        "classes": names,
        "n_groups": int(n_groups),
        "n_frames": int(n_frames),
        "size": [int(side) for side in size],
        "fps": float(fps),
        "gop": int(gop),
        "seed": seed,
    }
    home = Path(tempfile.mkdtemp(prefix="skvideo3d-") if folder is None else folder).absolute()
    _claim(home, recipe)

    number = np.arange(n_videos, dtype=np.int64)
    target, groups = number % len(names), number // len(names) % n_groups
    paths = [home / f"action-{i:05d}.mp4" for i in number]
    missing = [i for i in number if not _is_whole(paths[i], recipe)]
    Parallel(n_jobs=n_jobs)(
        delayed(_write)(paths[i], int(i), names[target[i]], int(groups[i]), recipe) for i in missing
    )
    return Bunch(
        data=[str(path) for path in paths],
        target=target,
        target_names=names,
        groups=groups,
        folder=str(home),
        DESCR=_DESCR.format(
            n_videos=n_videos,
            n_frames=n_frames,
            height=size[0],
            width=size[1],
            fps=fps,
            n_classes=len(names),
            n_groups=n_groups,
            classes=", ".join(names),
        ),
    )


def _check_rate(fps: float) -> None:
    # What the encoder makes of a rate, and the 32 bits that mp4 has for its parts.
    held = Fraction(float(fps)).limit_denominator(1001)
    if abs(held - Fraction(float(fps))) > fps / 1000 or held.numerator >= 1 << 31:
        raise ValueError(
            f"fps={fps!r} is no rate that an mp4 file holds; pass one from 0.001 up to some "
            "thousand frames a second, as 25.0."
        )


def _check_classes(classes: int | Sequence[str] | NDArray[np.str_]) -> list[str]:
    if isinstance(classes, np.ndarray):
        classes = classes.tolist()
    if isinstance(classes, int | np.integer) and not isinstance(classes, bool):
        if not 1 <= classes <= len(ACTIONS):
            raise ValueError(
                f"classes={classes} is out of range: there are {len(ACTIONS)} actions. Pass 1 to "
                f"{len(ACTIONS)}, or names."
            )
        return list(ACTIONS)[:classes]
    if isinstance(classes, str) or not isinstance(classes, Sequence) or not len(classes):
        raise ValueError(
            f"classes={classes!r} is neither a number nor a list of names. Pass, say, "
            "classes=['translate_left', 'translate_right']."
        )
    for name in classes:
        check_action(name)
    if len(set(classes)) < len(classes):
        twice = sorted({name for name in classes if list(classes).count(name) > 1})
        raise ValueError(f"classes names {', '.join(twice)} more than once; each is one class.")
    return list(classes)


def _claim(home: Path, recipe: dict[str, Any]) -> None:
    """Make the folder this data set's, unless it is already something else's."""
    manifest = home / MANIFEST
    if home.exists() and not home.is_dir():
        raise FileExistsError(f"'{home}' is a file; pass another name as folder.")
    home.mkdir(parents=True, exist_ok=True)
    if not manifest.exists():
        others = sorted(item.name for item in home.iterdir() if not item.name.endswith(PART))
        # The second look is for a process that claimed the folder in between.
        if others and not manifest.exists():
            raise FileExistsError(
                f"'{home}' holds other things ({', '.join(others[:3])}"
                f"{', ...' if len(others) > 3 else ''}) and no generated videos. "
                "Pass a new or empty folder."
            )
    if not manifest.exists():
        part = home / f"{MANIFEST}.{os.getpid()}{PART}"
        part.write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
        os.replace(part, manifest)
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        different = [key for key in recipe if found.get(key) != recipe[key]]
    except (ValueError, AttributeError) as error:
        raise FileExistsError(
            f"'{manifest}' is damaged ({error}), so what the folder holds is unknown. Delete the "
            "folder or pass another one."
        ) from error
    if different:
        was = "; ".join(f"{key} was {found.get(key)!r}, is {recipe[key]!r}" for key in different)
        raise FileExistsError(
            f"'{home}' holds videos made with other parameters: {was}. Pass another folder, or "
            "delete this one. (The seed is drawn from random_state; without an integer it always "
            "differs.)"
        )


def _is_whole(path: Path, recipe: dict[str, Any]) -> bool:
    """Whether a file is there already; mp4 keeps its index last, so a cut file does not open."""
    if not path.exists():
        return False
    try:
        if probe_video(path) == (recipe["n_frames"], *recipe["size"]):
            return True
    except VideoDecodeError:
        warnings.warn(f"'{path}' was damaged and is written again.", stacklevel=3)
        return False
    raise FileExistsError(
        f"'{path}' is a video, but not the one that belongs there. Move it away, or pass another "
        "folder."
    )


def _write(path: Path, number: int, action: str, group: int, recipe: dict[str, Any]) -> None:
    frames = iter_action_frames(
        action,
        (recipe["seed"], number),
        scene_seed=(recipe["seed"], group),
        n_frames=recipe["n_frames"],
        size=tuple(recipe["size"]),
        fps=recipe["fps"],
    )
    write_video(path, frames, fps=recipe["fps"], gop=recipe["gop"])
