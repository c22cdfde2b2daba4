"""Videos reserved for one process among all that share a store, never for ever."""

from __future__ import annotations

import errno
import os
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from time import monotonic

from filelock import FileLock, SoftFileLock, Timeout

__all__ = ["Claim", "Claims"]

# Videos share lock files by the start of their digest, so that there are never more than these.
_N_LOCKS = 4096
# Seconds after which a holder shows that it is alive.
_SIGN_OF_LIFE = 30.0
# Seconds without such a sign after which others go on without it: many of its batches, and many
# times what file systems of several machines take to tell each other.
_PATIENCE = 300.0
# What systems and file systems without locks say.
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})


class Claim:
    """A video reserved for one caller, until `release`; in name only without a lock.

    Parameters
    ----------
    lock : FileLock, optional
        Held.
    """

    def __init__(self, lock: FileLock | None = None) -> None:
        self._lock = lock
        self._shown_at = -_SIGN_OF_LIFE
        self.refresh()

    def refresh(self) -> None:
        """Show that the holder is alive; costs next to nothing, for every clip."""
        if self._lock is not None and monotonic() - self._shown_at >= _SIGN_OF_LIFE:
            self._shown_at = monotonic()
            with suppress(OSError):
                os.utime(self._lock.lock_file)

    def release(self) -> None:
        """Let others have the video."""
        if self._lock is not None:
            self._lock.release()


class Claims:
    """Locks in a folder.

    The operating system frees those of a process that dies. A holder that is alive touches its
    file every now and then; where it does not (it was stopped, its machine hangs), the others go
    on without the lock: at worst a video is described twice, with the same result.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    patience : float
        Seconds without a sign of life.
    """

    def __init__(self, folder: Path, *, patience: float = _PATIENCE) -> None:
        self._folder = folder
        self._patience = patience
        self._guard = threading.Lock()
        # When each holder's last sign was first seen, by our own clock: clocks of machines differ.
        self._signs: dict[Path, tuple[int, float]] = {}
        self._has_locks = True
        self._has_warned = False

    def take(self, digest: str) -> Claim | None:
        """Reserve a video.

        Parameters
        ----------
        digest : str
            Of the video, in hexadecimal.

        Returns
        -------
        Claim or None
            None if another has it at the moment.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        if not self._has_locks:
            return Claim()
        path = self._folder / f"{int(digest[:8], 16) % _N_LOCKS:03x}.lock"
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False, mode=0o666)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            is_held = True
        except (OSError, RuntimeError) as error:  # filelock says either of a system without locks
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
                raise
            return self._go_without_locks(str(error))
        else:
            is_held = False
        # What filelock takes in place of a lock would outlive its holder.
        if isinstance(lock, SoftFileLock):
            lock.release()
            return self._go_without_locks(os.strerror(errno.ENOSYS))
        if is_held:
            return Claim() if self._is_stuck(path) else None
        with self._guard:
            self._signs.pop(path, None)
        return Claim(lock)

    def _is_stuck(self, path: Path) -> bool:
        try:
            sign = path.stat().st_mtime_ns
        except OSError:
            return False
        now = monotonic()
        with self._guard:
            known, since = self._signs.setdefault(path, (sign, now))
            if known != sign:
                self._signs[path] = sign, now
                return False
            is_stuck = now - since >= self._patience
            is_news = is_stuck and not self._has_warned
            self._has_warned = self._has_warned or is_stuck
        if is_news:
            warnings.warn(
                f"Another process holds {str(path)!r} and has shown no sign of life for "
                f"{self._patience:g} s: what it is at is described here too. If it hangs, end it.",
                UserWarning,
                stacklevel=4,
            )
        return is_stuck

    def _go_without_locks(self, reason: str) -> Claim:
        with self._guard:
            is_news, self._has_locks = self._has_locks, False
        if is_news:
            warnings.warn(
                f"The file system of {str(self._folder)!r} has no locks ({reason}): several "
                "processes that use it at the same time may describe a video twice, with the same "
                "result.",
                UserWarning,
                stacklevel=4,
            )
        return Claim()
