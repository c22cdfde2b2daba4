"""Files that other processes see whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = ["AtomicFiles"]

# Seconds after which an unfinished file belongs to nobody: a write takes far less.
_ABANDONED = 3600.0


class AtomicFiles:
    """Writes files in a folder of parts and renames them into their place.

    Any number of threads and processes may write the same file: a reader sees all of what one of
    them wrote. What a killed process leaves in the folder of parts is removed when it is old.

    Parameters
    ----------
    parts : Path
        On the same file system as the files; made when first needed.
    """

    def __init__(self, parts: Path) -> None:
        self._parts = parts
        self._is_swept = False

    def write(self, path: Path, content: bytes) -> None:
        """Write a file, and the folder it is in.

        Parameters
        ----------
        path : Path
        content : bytes

        Raises
        ------
        OSError
            If the disk is full or the folder may not be written to; nothing is left then.
        """
        # Not mkstemp, whose files nobody else may read: the folder may be shared.
        part = self._parts / f"{secrets.token_hex(16)}.part"
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            # No fsync: what a power failure leaves of a file, its checksum shows.
            with open(part, "xb") as file:
                file.write(content)
            self._sweep(part.stat().st_mtime)
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _sweep(self, now: float) -> None:
        """Remove, once, what killed processes left; `now` is by the file system's clock."""
        if self._is_swept:
            return
        self._is_swept = True
        with suppress(OSError):  # others sweep too
            for part in self._parts.iterdir():
                if now - part.stat().st_mtime > _ABANDONED:
                    part.unlink(missing_ok=True)
