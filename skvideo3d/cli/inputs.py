"""What a command's words for videos mean: files, lists of paths, folders of videos or of frames."""

from __future__ import annotations

import codecs
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from skvideo3d.video.folders import tell_left_out, walk
from skvideo3d.video.naming import IMAGE_SUFFIXES, VIDEO_SUFFIXES

__all__ = ["expand"]

_MAX_PATH = 4096  # of the systems that there are
_LIST_SUFFIXES = {".txt", ".lst", ".list"}


def expand(arguments: Sequence[str], *, follow_links: bool = False) -> list[str]:
    """Find the videos that the words of a command line name.

    Parameters
    ----------
    arguments : sequence of str
        Video files, folders, lists (.txt, or - for the standard input) with one path a line.
    follow_links : bool, default=False
        Whether links in a folder may lead out of it.

    Returns
    -------
    list of str
        Paths of files and of folders of frames. A folder without any stands for itself, to be
        refused with the reason, unless it has links that are not followed. Those are counted on
        stderr, and so are files in folders that are taken for no videos.

    Raises
    ------
    ValueError
        If a list does not exist, a word is empty, or there are no videos.
    """
    paths: list[str] = []
    others: Counter[str] = Counter()
    for argument in arguments:
        if not argument:
            raise ValueError("one of the arguments is empty; name video files, folders or lists.")
        if argument == "-":
            if sys.stdin is None:
                raise ValueError("the standard input is closed; give files, folders or a list.")
            paths.extend(_lines(sys.stdin.buffer.read(), "the standard input"))
        elif os.path.isdir(argument):
            paths.extend(_in_folder(argument, others, follow_links=follow_links))
        elif Path(argument).suffix.lower() in _LIST_SUFFIXES:
            paths.extend(_lines(_read_list(Path(argument)), repr(argument)))
        else:
            paths.append(argument)
    if not paths:
        raise ValueError(
            f"no videos in {' '.join(arguments)}; name video files, or a list of them."
        )
    if others:
        kinds = ", ".join(f"{suffix or 'no ending'} {n}" for suffix, n in others.most_common(8))
        print(f"Passed over {others.total()} other files ({kinds}).", file=sys.stderr)
    return paths


def _in_folder(folder: str, others: Counter[str], *, follow_links: bool) -> list[str]:
    """Walk a folder: one with videos gives those, one with only images is itself a video."""
    paths: list[str] = []
    left_out: list[str] = []
    n_before = 0
    for place, _, files in walk(folder, follow_links=follow_links, left_out=left_out):
        here, n_before = left_out[n_before:], len(left_out)
        suffixes = {name: os.path.splitext(name)[1].lower() for name in files}
        videos = sorted(name for name, suffix in suffixes.items() if suffix in VIDEO_SUFFIXES)
        has_images = not set(suffixes.values()).isdisjoint(IMAGE_SUFFIXES)
        if has_images and all(suffixes[name] == ".gif" for name in videos):
            # Its reader would follow the links among its frames. A moving preview beside the frames
            # is none of them.
            if not any(os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES for path in here):
                paths.append(place)
            videos = []
        paths.extend(os.path.join(place, name) for name in videos)
        others.update(
            suffix
            for suffix in suffixes.values()
            if suffix not in VIDEO_SUFFIXES and suffix not in IMAGE_SUFFIXES
        )
    if left_out:
        print(tell_left_out(left_out, folder), file=sys.stderr)
        return paths
    return paths or [folder]


def _read_list(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"the list {str(path)!r} does not exist; check the path.") from None


def _lines(content: bytes, name: str) -> list[str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as Windows writes with >
        text = content.decode("utf-16")
    else:
        # What is no UTF-8 is a path all the same, on systems where paths are bytes.
        text = content.decode("utf-8-sig", errors="surrogateescape")
    if "\0" in text:
        raise ValueError(f"{name} is no list of paths: it has null characters; one path a line.")
    # Not splitlines, which takes characters for line ends that paths may have.
    lines = (line.strip() for line in text.replace("\r", "\n").split("\n"))
    paths = [line for line in lines if line]
    too_long = next((line for line in paths if len(line) > _MAX_PATH), None)
    if too_long is not None:
        raise ValueError(
            f"{name} is no list of paths: {too_long[:60]!r}... has {len(too_long)} characters, and "
            f"no path has more than {_MAX_PATH}."
        )
    return paths
