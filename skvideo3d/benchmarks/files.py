"""The files of a result: each there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from skvideo3d.video.folders import mark_as_ours

__all__ = ["replace_file", "replace_files"]


def replace_files(folder: str | os.PathLike[str], contents: Mapping[str, bytes]) -> list[Path]:
    """Write the files of a result into a folder.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist, and marked as ours: its pictures are no frames of a video, if it
        lies among videos.
    contents : mapping of str to bytes
        By the names of the files.

    Returns
    -------
    list of pathlib.Path
        What was written.
    """
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    mark_as_ours(home)
    for name, content in contents.items():
        replace_file(home / name, content)
    return [home / name for name in contents]


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        What is there is replaced.
    content : bytes
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
