"""The frames of one video in one file, of uint8, that is mapped into memory.

::

    <folder>/frames/ab/cdef....npy    of shape (frames, height, width, 3), and a line of JSON
    <folder>/parts/<key>.<8 hex>.part being written; removed when it is older than an hour
    <folder>/locks/                   who is at which video
    <folder>/bytes                    how much all of them take

`numpy.load` reads one, with ``mmap_mode="r"`` too. A file is renamed into its place when all of
it is on the disk. The line behind the array has its shape and a checksum of that and of the key: a
file that is cut off, or another's, is told from what was written without reading all of it, which
would take longer than what is wanted of it.
"""

from __future__ import annotations

import math
import mmap
import os
import secrets
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skvideo3d.video.sealed_files import DamagedEntryError, npy_array, seal, unseal

from .disk_budget import DiskBudget

__all__ = ["BeyondBudgetError", "FrameFile", "FrameFileWriter", "FrameFiles"]

# Bytes of frames that wait to be written at once: each piece is booked under a lock.
_PIECE: Final = 32 * 2**20
# Seconds without a write after which an unfinished file belongs to nobody.
_ABANDONED: Final = 3600.0
_NOTES: Final = ["shape", "fps", "loss"]


class BeyondBudgetError(Exception):
    """A file does not fit into the budget any more."""


class FrameFile(NamedTuple):
    """The frames of a video, and what is known of it.

    Parameters
    ----------
    frames : ndarray of shape (n, height, width, 3), uint8
        Read-only, in memory as far as it was looked at.
    fps : float
        Rate of the frames; NaN if unknown.
    loss : str
        What could not be read.
    """

    frames: NDArray[np.uint8]
    fps: float
    loss: str


class FrameFiles:
    """The files in a folder.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    budget : DiskBudget
    """

    def __init__(self, folder: Path, budget: DiskBudget) -> None:
        self._folder = folder
        self._parts = folder / "parts"
        self._budget = budget
        self._is_swept = False

    def path(self, key: str) -> Path:
        """Say where the frames of a video are.

        Parameters
        ----------
        key : str
            In hexadecimal.

        Returns
        -------
        Path
        """
        return self._folder / "frames" / key[:2] / f"{key[2:]}.npy"

    def open(self, key: str) -> FrameFile | None:
        """Map the frames of a video.

        Parameters
        ----------
        key : str

        Returns
        -------
        FrameFile or None
            None where there are none, or none that may be read.

        Raises
        ------
        DamagedEntryError
            If the file is not what was written.
        """
        try:
            with open(self.path(key), "rb") as file:
                if os.fstat(file.fileno()).st_size == 0:
                    raise DamagedEntryError("it is empty")
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        view = memoryview(mapped)
        frames = npy_array(view)
        if frames.dtype != np.uint8 or frames.ndim != 4 or not frames.flags.c_contiguous:
            raise DamagedEntryError(f"it holds {frames.dtype} of shape {frames.shape}, no frames")
        _, notes = unseal(key, bytes(view[len(_header(frames.shape)) + frames.nbytes :]), _NOTES)
        if notes["shape"] != list(frames.shape):
            raise DamagedEntryError(f"it has frames of shape {frames.shape}, not {notes['shape']}")
        return FrameFile(frames, notes["fps"] or np.nan, notes["loss"])

    def write(self, key: str) -> FrameFileWriter:
        """Begin to write the frames of a video.

        Parameters
        ----------
        key : str

        Returns
        -------
        FrameFileWriter

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        self._parts.mkdir(parents=True, exist_ok=True)
        part = self._parts / f"{key}.{secrets.token_hex(4)}.part"
        writer = FrameFileWriter(part, self.path(key), key, self._budget)
        self._sweep(part)
        return writer

    def _sweep(self, own: Path) -> None:
        """Remove, once, what killed processes left."""
        if self._is_swept:
            return
        self._is_swept = True
        with suppress(OSError):  # others sweep too
            now = own.stat().st_mtime  # by the file system's clock
            for part in self._parts.iterdir():
                status = part.stat()
                if now - status.st_mtime > _ABANDONED:
                    part.unlink()
                    self._budget.give_back(status.st_size)


class FrameFileWriter:
    """Takes the frames of a video one by one; made by `FrameFiles.write`.

    Left without `finish`, nothing stays of it.

    Parameters
    ----------
    part, path : Path
        Where to write, and where to put what is whole.
    key : str
    budget : DiskBudget
    """

    def __init__(self, part: Path, path: Path, key: str, budget: DiskBudget) -> None:
        self._part = part
        self._path = path
        self._key = key
        self._budget = budget
        self._waiting: list[NDArray[np.uint8]] = []
        self._n_waiting = 0
        self._n_frames = 0
        self._size: tuple[int, ...] = ()
        self._n_booked = 0
        self._is_finished = False
        # Not mkstemp, whose files nobody else may read: the folder may be shared.
        self._file: BinaryIO = open(part, "xb")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._is_finished:
            with suppress(OSError):
                self._part.unlink()
            self._budget.give_back(self._n_booked)

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Take the next frame.

        Parameters
        ----------
        frame : ndarray of shape (height, width, 3), uint8
            Of the size of those before.

        Raises
        ------
        BeyondBudgetError
            If there is no room for it.
        OSError
            If it cannot be written.
        """
        self._size = frame.shape
        self._waiting.append(frame)
        self._n_waiting += frame.nbytes
        self._n_frames += 1
        if self._n_waiting >= _PIECE:
            self._write_waiting()

    def finish(self, fps: float, loss: str) -> None:
        """Put the file into its place; there must be frames.

        Parameters
        ----------
        fps : float
        loss : str
            See `FrameFile`.

        Raises
        ------
        BeyondBudgetError
            If there is no room for it.
        OSError
            If it cannot be written.
        """
        shape = (self._n_frames, *self._size)
        notes = {"shape": list(shape), "fps": None if math.isnan(fps) else fps, "loss": loss}
        self._write_waiting(seal(self._key, b"", notes))
        self._file.seek(0)
        self._file.write(_header(shape))
        self._file.flush()
        # What a power failure leaves of a file under its name is to be all of it: only its last
        # line has a checksum.
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self._part, self._path)
        self._is_finished = True

    def _write_waiting(self, ending: bytes = b"") -> None:
        pieces: list[Any] = [*self._waiting, ending]
        if self._n_booked == 0:
            pieces.insert(0, _header((self._n_frames, *self._size)))
        n_bytes = sum(memoryview(piece).nbytes for piece in pieces)
        if not self._budget.extend(self._file.fileno(), n_bytes):
            raise BeyondBudgetError
        self._n_booked += n_bytes
        for piece in pieces:
            self._file.write(piece)
        self._waiting, self._n_waiting = [], 0


def _header(shape: tuple[int, ...]) -> bytes:
    """Give the beginning of a .npy file, whose length does not depend on the number of frames."""
    file = BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()
