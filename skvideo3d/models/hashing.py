"""What a file is known by: its hashes, taken once while it stays as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

from skvideo3d.exceptions import CheckpointError

__all__ = ["FileState", "file_state", "git_blob_of", "sha256_of", "unchanged"]

_CHUNK = 1 << 20


class FileState(NamedTuple):
    """What the file system notes about a file, and changes whenever its content does.

    Parameters
    ----------
    device, inode : int
        Another file under the same name has another inode.
    size, mtime_ns : int
    ctime_ns : int
        Of the last change of content, name or rights; no program can set it.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def file_state(path: str | os.PathLike[str]) -> FileState:
    """Ask the file system about a file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    FileState
    """
    stat = os.stat(path)
    return FileState(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@contextmanager
def unchanged(path: str | os.PathLike[str]) -> Iterator[None]:
    """Refuse a file that is changed or replaced between its hashing and its reading.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    CheckpointError
        At the end, if the file is another than at the beginning.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "weights")
    ...     _ = path.write_bytes(b"one")
    ...     with unchanged(path):
    ...         found = sha256_of(path), path.read_bytes()
    >>> found[1]
    b'one'
    """
    before = file_state(path)
    yield
    try:
        same = file_state(path) == before
    except FileNotFoundError:
        same = False
    if not same:
        raise CheckpointError(
            f"'{path}' was changed or replaced while it was read, so it is not known what was "
            "read. Try again when nothing writes to it any more."
        )


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Compute the SHA-256 of a file, once in a process while the file stays as it is.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str
        In hexadecimal.
    """
    return _digest("sha256", os.path.abspath(path), file_state(path))


def git_blob_of(path: str | os.PathLike[str]) -> str:
    """Compute the id that git gives to a file's content, once while the file stays as it is.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str
        In hexadecimal.

    Examples
    --------
    What ``echo hello | git hash-object --stdin`` prints:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "hello")
    ...     _ = path.write_bytes(b"hello" + bytes([10]))
    ...     git_blob_of(path)
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    return _digest("git", os.path.abspath(path), file_state(path))


@lru_cache(maxsize=64)
def _digest(kind: str, path: str, state: FileState) -> str:
    digest = hashlib.sha256()
    if kind == "git":
        digest = hashlib.sha1(b"blob %d\0" % state.size, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()
