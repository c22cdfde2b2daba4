"""A folder of files that processes fill together up to a number of bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Final

from filelock import FileLock, SoftFileLock, Timeout

__all__ = ["DiskBudget"]

_PATIENCE: Final = 60.0  # seconds to wait for a lock that is held for a few milliseconds
# Seconds after which a folder that was full is looked through again: somebody may have tidied up.
_LOOK_AGAIN: Final = 60.0


class DiskBudget:
    """The bytes that files in a folder may take together.

    How many they take stands in a file beside them, so that not every file has to be looked at
    for every one that is written; they are counted at the first request of each process, and again
    where there seem to be too many. Every process may have a bound of its own.

    Parameters
    ----------
    folder : Path
        Made when first written to. Counted are all files in the folders below it.
    max_bytes : int
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._folder = folder
        self._ledger = folder / "bytes"
        self._counted_at: float | None = None

    def extend(self, file: int, n_bytes: int) -> bool:
        """Make a file in the folder longer, if there is room.

        Parameters
        ----------
        file : int
            Its descriptor, open for writing.
        n_bytes : int
            By how much; a hole, to be filled by the caller.

        Returns
        -------
        bool
            Whether it was done.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        with self._locked():
            used = None if self._counted_at is None else self._read()
            if used is None or (used + n_bytes > self.max_bytes and self._is_time_to_count()):
                used = self.count()
            has_room = used + n_bytes <= self.max_bytes
            if has_room:
                os.ftruncate(file, os.fstat(file).st_size + n_bytes)
                used += n_bytes
            self._ledger.write_text(str(used))
        return has_room

    def give_back(self, n_bytes: int) -> None:
        """Tell that a file is gone.

        Parameters
        ----------
        n_bytes : int
            That it had.
        """
        with suppress(OSError), self._locked():
            used = self._read()
            if used is not None:
                self._ledger.write_text(str(max(used - n_bytes, 0)))

    def count(self) -> int:
        """Count the bytes of all files there are.

        Returns
        -------
        int
        """
        self._counted_at = monotonic()
        n_bytes = 0
        for folder, folders, names in os.walk(self._folder):
            if Path(folder) == self._folder:
                names.clear()  # the ledger and its lock
                folders[:] = [name for name in folders if name != "locks"]
            for name in names:
                with suppress(OSError):  # renamed just now
                    n_bytes += os.stat(os.path.join(folder, name)).st_size
        return n_bytes

    def _is_time_to_count(self) -> bool:
        return self._counted_at is None or monotonic() - self._counted_at > _LOOK_AGAIN

    def _read(self) -> int | None:
        try:
            return int(self._ledger.read_text())
        except (OSError, ValueError):  # there is none, or a killed process left half of it
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "bytes.lock", thread_local=False, mode=0o666)
        is_held = True
        try:
            lock.acquire(timeout=_PATIENCE)
            # What filelock takes in place of a lock would outlive its holder.
            if isinstance(lock, SoftFileLock):
                lock.release()
                is_held = False
        except (Timeout, OSError, RuntimeError):
            is_held = False
        # Without a lock the count may be off by what several processes write at the same moment.
        try:
            yield
        finally:
            if is_held:
                lock.release()
