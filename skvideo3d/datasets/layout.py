"""Where the videos of a data set lie, however unpacked, and what to do about missing ones."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from skvideo3d.video.folders import tell_left_out, walk
from skvideo3d.video.naming import IMAGE_SUFFIXES, VIDEO_SUFFIXES

__all__ = ["Missing", "VideoIndex", "check_root", "counted", "keep_present"]

Missing = Literal["raise", "drop"]

_ARCHIVE_SUFFIXES = frozenset({".rar", ".zip", ".tar", ".tgz", ".gz", ".7z"})
_OF_INTEREST = _ARCHIVE_SUFFIXES.union(VIDEO_SUFFIXES, IMAGE_SUFFIXES, {".txt", ".mat"})
_SHOWN = 5


def check_root(root: str | os.PathLike[str]) -> Path:
    """Refuse what is no folder.

    Parameters
    ----------
    root : path-like

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    path = Path(os.path.abspath(os.path.expanduser(root)))
    if not path.exists():
        raise ValueError(f"the folder {str(root)!r} does not exist; check the path.")
    if not path.is_dir():
        raise ValueError(f"{str(root)!r} is no folder; give the one the set was unpacked into.")
    return path


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many there are.

    Parameters
    ----------
    number : int
    one : str
        What there is, as it is said of one.
    many : str or None, default=None
        As it is said of any other number; None puts an s after it.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "video"), counted(0, "video"), counted(2, "class has", "classes have")
    ('1 video', '0 videos', '2 classes have')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


class VideoIndex:
    """The video files and folders of frames below a folder, at any depth, found by name.

    Parameters
    ----------
    root : Path
        From `check_root`.
    follow_links : bool, default=False
        Whether links may lead out of the folder. Otherwise a warning counts those that do.
    """

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        self.root = root
        self.follow_links = follow_links
        self.archives: list[str] = []
        """Archives that lie below the folder, which may want unpacking."""
        self.paths: list[str] = []
        """All videos, sorted."""
        self.texts: list[str] = []
        """All text files, among which the lists of a set may be, sorted."""
        self.matrices: list[str] = []
        """All MATLAB files, sorted."""
        left_out: list[str] = []
        n_before = 0
        for place, subfolders, visible in walk(root, follow_links=follow_links, left_out=left_out):
            suffixes = [_suffix(name) for name in visible]
            here, n_before = left_out[n_before:], len(left_out)
            for name, suffix in zip(visible, suffixes, strict=True):
                if suffix in (".txt", ".mat"):
                    lists = self.texts if suffix == ".txt" else self.matrices
                    lists.append(os.path.join(place, name))
            has_images = not set(suffixes).isdisjoint(IMAGE_SUFFIXES)
            # Frames of one video, and not a picture that lies beside the folders of a set.
            if has_images and not subfolders and set(suffixes).isdisjoint(VIDEO_SUFFIXES):
                # Its reader would follow the links among its frames.
                if not any(_suffix(path) in IMAGE_SUFFIXES for path in here):
                    self.paths.append(place)
                continue
            for name, suffix in zip(visible, suffixes, strict=True):
                if suffix in VIDEO_SUFFIXES:
                    self.paths.append(os.path.join(place, name))
                elif suffix in _ARCHIVE_SUFFIXES:
                    self.archives.append(os.path.join(place, name))
        self.paths.sort()
        self.texts.sort()
        self.matrices.sort()
        self._links = tell_left_out(
            [path for path in left_out if _suffix(path) in _OF_INTEREST or os.path.isdir(path)],
            root,
        )
        if self._links:
            # From here over the loader to whoever called it.
            warnings.warn(self._links, UserWarning, stacklevel=3)

    def hints(self) -> str:
        """Tell, after a blank, why videos may be missing; empty if there is no reason.

        Returns
        -------
        str
            Of archives that may want unpacking, and of links that were not followed.
        """
        hint = f" {self._links}" if self._links else ""
        if not self.archives:
            return hint
        lie = counted(len(self.archives), "archive lies", "archives lie")
        them = "it" if len(self.archives) == 1 else "them"
        return f" {lie} there, such as {self.archives[0]!r}: unpack {them}.{hint}"

    def find(self, name: str) -> str | None:
        """Find the video that a list calls by `name`.

        Parameters
        ----------
        name : str
            Such as "Archery/v_Archery_g01_c01.avi". Its ending and the case of its letters do not
            matter, and its folder only where several videos share the file name.

        Returns
        -------
        str or None
            Absolute path; None if there is none.

        Raises
        ------
        ValueError
            If several files could be meant.
        """
        folder, _, file = name.replace("\\", "/").rpartition("/")
        found = self._by_stem.get(_stem(file), [])
        if len(found) > 1 and folder:
            inside = folder.rpartition("/")[2].lower()
            found = [p for p in found if os.path.basename(os.path.dirname(p)).lower() == inside]
        if len(found) > 1:
            raise ValueError(
                f"{name!r} could be {found[0]!r} or {found[1]!r}; give the narrower folder "
                "as root (--data)."
            )
        return found[0] if found else None

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = {}
        for path in self.paths:
            is_folder = os.path.splitext(path)[1].lower() not in VIDEO_SUFFIXES
            name = os.path.basename(path)
            stems.setdefault(name.lower() if is_folder else _stem(name), []).append(path)
        return stems


def keep_present(
    names: Sequence[str], paths: Sequence[str | None], missing: Missing, index: VideoIndex
) -> list[int]:
    """Decide what to do about videos that the lists name and the disk lacks.

    Parameters
    ----------
    names : sequence of str
        As the lists have them.
    paths : sequence of str or None
        Where they are, from ``VideoIndex.find``.
    missing : {"raise", "drop"}
    index : VideoIndex
        Where they were looked for.

    Returns
    -------
    list of int
        Positions of those that are there.

    Raises
    ------
    ValueError
        If some are missing and `missing` is "raise", or all are; or `missing` is neither word.
    """
    if missing not in ("raise", "drop"):
        raise ValueError(f"missing={missing!r}: use 'raise' or 'drop'.")
    lacking = [name for name, path in zip(names, paths, strict=True) if path is None]
    present = [i for i, path in enumerate(paths) if path is not None]
    if lacking and (missing == "raise" or not present):
        shown = ", ".join(lacking[:_SHOWN]) + (", ..." if len(lacking) > _SHOWN else "")
        hint = index.hints()
        if not hint and not index.paths:
            hint = " There is no video below it at all: give the folder the set was unpacked into."
        if present:
            hint += " Or pass missing='drop' (--missing drop) to go on with the others."
        raise ValueError(
            f"{len(lacking)} of the {counted(len(names), 'listed video')} "
            f"{'is' if len(lacking) == 1 else 'are'} not below {str(index.root)!r}: {shown}.{hint}"
        )
    return present


def _stem(name: str) -> str:
    """Cut the ending off, and only a video's: names such as HMDB51's have dots inside."""
    stem, suffix = os.path.splitext(name)
    return (stem if suffix.lower() in VIDEO_SUFFIXES else name).lower()


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()
