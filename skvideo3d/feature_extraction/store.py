"""The cache of descriptors: a .npy file for each video and layer, shared by any processes."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import warnings
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.flow.storage import FLOW_FOLDER
from skvideo3d.video.atomic_files import AtomicFiles
from skvideo3d.video.claims import Claim, Claims

from .entries import DamagedEntryError, StoredValue, read_entry, write_entry

__all__ = ["Claim", "DescriptorStore", "entry_key", "open_store", "video_digest"]

# Descriptors kept in the process: 256 MiB are 16000 fc6 vectors.
_MEMORY_BYTES = 256 * 2**20
# Videos that failed, of which the process knows the reason.
_N_FAILURES = 100_000
# Seconds between looks at another process's lock.
_POLL = 0.05


class DescriptorStore:
    """Descriptors in a folder, the recent ones in memory too.

    An entry is written in ``parts/`` and renamed into its place, so that a reader sees all of it
    or none. ``readings.jsonl`` gets a line whenever a video is opened to be described: it shows
    what was really decoded, across processes and runs.

    Parameters
    ----------
    folder : path-like
        Made when first written to.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._recent: OrderedDict[str, StoredValue] = OrderedDict()
        self._recent_bytes = 0
        self._failures: OrderedDict[str, VideoDecodeError] = OrderedDict()
        self._guard = threading.Lock()
        self.flow_folder = self.folder / FLOW_FOLDER  # for who keeps flow
        self._claims = Claims(self.folder / "locks")
        self._files = AtomicFiles(self.folder / "parts")
        self._is_unwritable = False

    def get(self, key: str) -> StoredValue | None:
        """Look an entry up.

        Parameters
        ----------
        key : str
            From `entry_key`.

        Returns
        -------
        StoredValue or None
            None where there is no entry, or a damaged one (with a warning).
        """
        with self._guard:
            value = self._recent.get(key)
            if value is not None:
                self._recent.move_to_end(key)
                return value
        path = self._path(key)
        try:
            value = read_entry(key, path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            return None  # another user's entry in a shared folder; it is computed here
        except (OSError, DamagedEntryError) as error:
            warnings.warn(
                f"The stored descriptor {str(path)!r} is damaged ({error}); it is computed anew.",
                UserWarning,
                stacklevel=2,
            )
            return None
        self._remember(key, value)
        return value

    def put(self, key: str, values: NDArray[Any], loss: str = "") -> None:
        """Write an entry.

        Parameters
        ----------
        key : str
            From `entry_key`.
        values : ndarray
            Of numbers, or structured; copied.
        loss : str, default=""
            What of the video could not be read.
        """
        content = write_entry(key, StoredValue(values, loss))
        try:
            self._files.write(self._path(key), content)
        except OSError as error:
            self._warn_unwritable(error)
        self._remember(key, read_entry(key, content))

    def failure(self, key: str) -> VideoDecodeError | None:
        """Look up why a video could not be read.

        Parameters
        ----------
        key : str
            See `note_failure`.

        Returns
        -------
        VideoDecodeError or None
        """
        with self._guard:
            error = self._failures.get(key)
        return None if error is None else type(error)(*error.args)

    def note_failure(self, key: str, error: VideoDecodeError) -> None:
        """Remember that a video cannot be read, for as long as the process lives.

        Not on disk: what fails today because a network or a disk does not answer must not fail for
        ever.

        Parameters
        ----------
        key : str
            Of the video and all that reading it depends on.
        error : VideoDecodeError
        """
        with self._guard:
            # Without its traceback, which keeps frames of the video.
            self._failures[key] = type(error)(*error.args)
            if len(self._failures) > _N_FAILURES:
                self._failures.popitem(last=False)

    def claim(self, digest: str) -> Claim | None:
        """Reserve a video for this caller among all processes that share the folder.

        Parameters
        ----------
        digest : str
            From `video_digest`.

        Returns
        -------
        Claim or None
            None if another has it at the moment.
        """
        try:
            return self._claims.take(digest)
        except OSError as error:
            self._warn_unwritable(error)
            return Claim()

    def wait_for(self, digest: str, stop: threading.Event) -> Claim | None:
        """Reserve a video as soon as nobody else has it.

        Parameters
        ----------
        digest : str
            From `video_digest`.
        stop : threading.Event
            Ends the waiting.

        Returns
        -------
        Claim or None
            None if `stop` was set before.
        """
        while not stop.is_set():
            claim = self.claim(digest)
            if claim is not None:
                return claim
            stop.wait(_POLL)
        return None

    def note_reading(self, name: str) -> None:
        """Write down that a video is opened.

        Parameters
        ----------
        name : str
        """
        # What a full disk cuts off is ended by the next line, which begins with its own end.
        line = "\n" + json.dumps({"video": name, "pid": os.getpid()})
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
            content = (self.folder / "readings.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        names = (_video_of(line) for line in content.split(b"\n"))
        return [name for name in names if name is not None]

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

    def _remember(self, key: str, value: StoredValue) -> None:
        with self._guard:
            previous = self._recent.pop(key, None)
            if previous is not None:
                self._recent_bytes -= previous.values.nbytes
            self._recent_bytes += value.values.nbytes
            self._recent[key] = value
            while self._recent_bytes > _MEMORY_BYTES and len(self._recent) > 1:
                _, oldest = self._recent.popitem(last=False)
                self._recent_bytes -= oldest.values.nbytes


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


def _video_of(line: bytes) -> str | None:
    """Read a line of readings; None for one that is torn or of something else."""
    try:
        return str(json.loads(line)["video"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
