"""The cache of descriptors: a .npy file for each video and layer, shared by any processes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import warnings
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

__all__ = ["Claim", "DescriptorStore", "entry_key", "open_store", "video_digest"]

# Descriptors kept in the process: 256 MiB are 16000 fc6 vectors.
_MEMORY_BYTES = 256 * 2**20
# Videos share lock files by the start of their digest, so that there are never more than these.
_N_LOCKS = 4096


class DescriptorStore:
    """Descriptors in a folder, the recent ones in memory too.

    An entry is written beside its place and renamed into it, so that a reader sees all of it or
    none. ``readings.jsonl`` gets a line whenever a video is opened to be described: it shows what
    was really decoded, across processes and runs.

    Parameters
    ----------
    folder : path-like
        Made when first written to.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._recent: OrderedDict[str, NDArray[Any]] = OrderedDict()
        self._recent_bytes = 0
        self._guard = threading.Lock()
        self._is_unwritable = False

    def get(self, key: str) -> NDArray[Any] | None:
        """Look an entry up.

        Parameters
        ----------
        key : str
            From `entry_key`.

        Returns
        -------
        ndarray or None
            Read-only; None where there is no entry, or a damaged one (with a warning).
        """
        with self._guard:
            value = self._recent.get(key)
            if value is not None:
                self._recent.move_to_end(key)
                return value
        path = self._path(key)
        try:
            value = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            return None
        except PermissionError:
            return None  # another user's entry in a shared folder; it is computed here
        except (OSError, ValueError, EOFError) as error:
            warnings.warn(
                f"The stored descriptor {str(path)!r} is damaged ({error}); it is computed anew.",
                stacklevel=2,
            )
            return None
        return self._remember(key, value)

    def put(self, key: str, value: NDArray[Any]) -> None:
        """Write an entry.

        Parameters
        ----------
        key : str
            From `entry_key`.
        value : ndarray
            Of numbers, or structured; copied.
        """
        path = self._path(key)
        # Not mkstemp, whose files nobody else may read: the folder may be shared.
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "xb") as file:
                np.save(file, value, allow_pickle=False)
            os.replace(temporary, path)
        except OSError as error:
            self._warn_unwritable(error)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._remember(key, value.copy())

    def claim(self, digest: str) -> Claim | None:
        """Reserve a video for this caller among all processes that share the folder.

        Parameters
        ----------
        digest : str
            From `video_digest`.

        Returns
        -------
        Claim or None
            None if another has it at the moment. The operating system frees the claims of a
            process that dies.
        """
        folder = self.folder / "locks"
        slot = int(digest[:8], 16) % _N_LOCKS
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{slot:03x}.lock", thread_local=False, mode=0o666)
            lock.acquire(timeout=0)
        except Timeout:
            return None
        except OSError as error:
            self._warn_unwritable(error)
            return Claim(None)
        return Claim(lock)

    def note_reading(self, name: str) -> None:
        """Write down that a video is opened.

        Parameters
        ----------
        name : str
        """
        line = json.dumps({"video": name, "pid": os.getpid()}) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # One write of one short line in append mode does not mix with those of others.
            with open(self.folder / "readings.jsonl", "ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            self._warn_unwritable(error)

    def readings(self) -> list[str]:
        """Give the names of all videos that were opened, in order, one for each time."""
        try:
            text = (self.folder / "readings.jsonl").read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line)["video"] for line in text.splitlines()]

    def _warn_unwritable(self, error: OSError) -> None:
        """Tell once that nothing can be kept: the numbers do not depend on it."""
        if not self._is_unwritable:
            self._is_unwritable = True
            warnings.warn(
                f"The descriptor store {str(self.folder)!r} cannot be written to "
                f"({error.strerror or error}): descriptors are computed, and not kept there. Free "
                "space, mend the permissions, or use another memory=.",
                UserWarning,
                stacklevel=3,
            )

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.npy"

    def _remember(self, key: str, value: NDArray[Any]) -> NDArray[Any]:
        value.flags.writeable = False
        with self._guard:
            previous = self._recent.pop(key, None)
            self._recent_bytes += value.nbytes - (previous.nbytes if previous is not None else 0)
            self._recent[key] = value
            while self._recent_bytes > _MEMORY_BYTES and len(self._recent) > 1:
                _, oldest = self._recent.popitem(last=False)
                self._recent_bytes -= oldest.nbytes
        return value


class Claim:
    """A video reserved for one caller, until `release`; in name only without a lock."""

    def __init__(self, lock: FileLock | None) -> None:
        self._lock = lock

    def release(self) -> None:
        """Let others have the video."""
        if self._lock is not None:
            self._lock.release()


@lru_cache(maxsize=16)
def open_store(folder: str) -> DescriptorStore:
    """Open a folder; the same object for the same folder, so that its memory is shared.

    Parameters
    ----------
    folder : str
        Absolute.

    Returns
    -------
    DescriptorStore
    """
    return DescriptorStore(folder)


def video_digest(identity: tuple[Any, ...]) -> str:
    """Shorten the identity of a video.

    Parameters
    ----------
    identity : tuple
        From ``VideoSource.identity()``.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(repr(identity).encode(errors="surrogateescape")).hexdigest()


def entry_key(digest: str, fingerprint: str) -> str:
    """Name the entry of a video under given settings.

    Parameters
    ----------
    digest : str
        From `video_digest`.
    fingerprint : str
        From ``DescriptorSpec.fingerprints()``.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(f"{digest}|{fingerprint}".encode()).hexdigest()
