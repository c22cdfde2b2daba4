r"""The optical flow of videos on disk, chunk by chunk, shared by any processes.

::

    <folder>/v1/ab/cdef.../000000.npy.gz   the first 32 frames of flow of the video abcdef...
    <folder>/v1/ab/cdef.../000001.npy.gz   the next 32; the last chunk may have fewer
    <folder>/v1/ab/cdef.../end.json        written last: how many frames, and what was lost
    <folder>/parts/<32 hex>.part           being written; removed when it is older than an hour

The format has a number of its own (v1): another one begins another folder, so that versions of the
package that know different formats do not disturb each other. A chunk is a .npy file in gzip's
format, of shape (frames, 2, height, width): all dx of a frame and then all dy compress better than
in turns. A line of JSON follows with the numbers and times of the frames and a checksum, of this
line, the array, the video and the place of the chunk. To read one without this package:

>>> import zlib
>>> from io import BytesIO
>>> import numpy as np
>>> def read_chunk(path):
...     with open(path, "rb") as file:
...         array = zlib.decompressobj(wbits=31).decompress(file.read())
...     return np.load(BytesIO(array), allow_pickle=False)

A frame of uint8 flow, 340x256 of a UCF101 clip, takes 11 kB (DIS) to 19 kB (TV-L1) of 174, 2 to
6 ms to write and less than 1 ms to read, as ``benchmarks/flow.py`` prints. Floats are stored as
they are: 4 bytes a pixel of float16, 8 of float32.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skvideo3d.video.atomic_files import AtomicFiles
from skvideo3d.video.sealed_files import DamagedEntryError, npy_array, seal, unseal

__all__ = ["CHUNK", "FLOW_FOLDER", "FlowChunk", "FlowStore", "KeptFlow"]

#: Where flow is, below the folder of the descriptors.
FLOW_FOLDER = "flow"

#: Frames of flow in a chunk: at most this much is computed again after a kill.
CHUNK = 32

_FORMAT = "v1"
# Of zlib, by the bytes of a number: fractions of floats shrink by a fifth at most, and that takes
# as long as DIS does.
_LEVELS = {1: 6, 2: 0, 4: 0}
# 32 frames of 4K in float32: what a chunk may unpack to, so that no file fills the memory.
_MOST_BYTES = 2**31
_GZIP = 31  # zlib's word for it


class FlowChunk(NamedTuple):
    """The flow of consecutive frames.

    Parameters
    ----------
    flow : ndarray of shape (n, H, W, 2), uint8, float16 or float32
        At most `CHUNK` frames, as `OpticalFlow.encode` gives them.
    number : ndarray of shape (n,), int64
        Of the frames in their video.
    time : ndarray of shape (n,), float64
        Of the frames, in seconds.
    """

    flow: NDArray[Any]
    number: NDArray[np.int64]
    time: NDArray[np.float64]


class FlowStore:
    """Flow in a folder; used by any threads and processes at once.

    Where the folder cannot be written to, a warning is given once and flow is not kept.

    Parameters
    ----------
    folder : path-like
        Made when first written to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> chunk = FlowChunk(np.zeros((3, 4, 5, 2), np.uint8), np.arange(3), np.arange(3) / 25)
    >>> with TemporaryDirectory() as folder:
    ...     kept = FlowStore(folder).open("0123456789abcdef" * 4)
    ...     kept.put(0, chunk)
    ...     kept.finish(n_frames=3, loss="")
    ...     kept.is_complete, kept.chunk(0).flow.shape, kept.chunk(1)
    (True, (3, 4, 5, 2), None)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._files = AtomicFiles(self.folder / "parts")
        self._is_unwritable = False

    def open(self, key: str) -> KeptFlow:
        """Look at the flow of one video; nothing is read or written yet.

        Parameters
        ----------
        key : str
            A digest, in hexadecimal, of the video and of all that its flow depends on.

        Returns
        -------
        KeptFlow

        Raises
        ------
        ValueError
            If the key is no such digest.
        """
        if not re.fullmatch("[0-9a-f]{32,128}", key):
            raise ValueError(f"{key!r} is no key of kept flow: 32 or more hexadecimal digits.")
        return KeptFlow(self, key)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file, or warn once that it cannot be: the flow does not depend on it.

        Parameters
        ----------
        path : Path
        content : bytes
        """
        try:
            self._files.write(path, content)
        except OSError as error:
            if not self._is_unwritable:
                self._is_unwritable = True
                warnings.warn(
                    f"The flow store {str(self.folder)!r} cannot be written to "
                    f"({error.strerror or error}): flow is computed, and not kept there. Free "
                    "space, mend the permissions, or use another memory=.",
                    UserWarning,
                    stacklevel=3,
                )


class KeptFlow:
    """The flow of one video in a store; made by `FlowStore.open`.

    Parameters
    ----------
    store : FlowStore
    key : str
    """

    def __init__(self, store: FlowStore, key: str) -> None:
        self._store = store
        self._key = key
        self._folder = store.folder / _FORMAT / key[:2] / key[2:]
        self._end: tuple[int, str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the flow of the whole video was kept once, by whomever.

        A chunk may have been removed or damaged since: it is None then, as in a video that is not
        complete, and has to be computed again.
        """
        return self._read_end() is not None

    @property
    def is_whole(self) -> bool:
        """Whether it is complete and no chunk has been removed since; none is read."""
        return self.n_frames is not None and self._has_chunks(self.n_frames)

    @property
    def n_frames(self) -> int | None:
        """Frames of flow in all chunks together; None if it is not complete."""
        end = self._read_end()
        return None if end is None else end[0]

    @property
    def loss(self) -> str:
        """What of the video could not be read; empty if nothing is known to be lost."""
        end = self._read_end()
        return "" if end is None else end[1]

    def chunk(self, number: int) -> FlowChunk | None:
        """Read a chunk.

        Parameters
        ----------
        number : int
            From 0.

        Returns
        -------
        FlowChunk or None
            None where there is none, or a damaged one (with a warning).
        """
        path = self._path(number)
        try:
            content = _read(path)
            return None if content is None else _unpack(self._name(path), content)
        except (OSError, DamagedEntryError) as error:
            _warn_damaged(path, error)
            return None

    def put(self, number: int, chunk: FlowChunk) -> None:
        """Write a chunk.

        Parameters
        ----------
        number : int
            From 0; frames `number` * `CHUNK` and after of the flow.
        chunk : FlowChunk

        Raises
        ------
        ValueError
            If the chunk is none, or larger than the 2 GiB that are read again.
        """
        path = self._path(number)
        self._store.write(path, _pack(self._name(path), chunk))

    def finish(self, n_frames: int, loss: str) -> None:
        """Write down that the video ends here.

        Not done where a chunk is missing, such as one that a full disk did not take.

        Parameters
        ----------
        n_frames : int
            Frames of flow in all chunks together.
        loss : str
            What of the video could not be read.
        """
        if self._has_chunks(n_frames):
            path = self._folder / "end.json"
            notes = {"n_frames": int(n_frames), "loss": loss}
            self._store.write(path, seal(self._name(path), b"", notes))

    def _has_chunks(self, n_frames: int) -> bool:
        return all(self._path(number).exists() for number in range(-(-n_frames // CHUNK)))

    def _read_end(self) -> tuple[int, str] | None:
        if self._end is None:
            path = self._folder / "end.json"
            try:
                content = _read(path)
                if content is not None:
                    _, notes = unseal(self._name(path), content, ["n_frames", "loss"])
                    self._end = int(notes["n_frames"]), str(notes["loss"])
            except (OSError, TypeError, ValueError) as error:
                _warn_damaged(path, error)
        return self._end

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npy.gz"

    def _name(self, path: Path) -> str:
        """Name all that the checksum of a file binds it to."""
        return f"{_FORMAT}|{self._key}|{path.name}"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return None  # another user's in a shared folder; it is computed here


def _warn_damaged(path: Path, error: Exception) -> None:
    warnings.warn(
        f"The stored flow {str(path)!r} is damaged ({error}); it is computed anew.",
        UserWarning,
        stacklevel=3,
    )


def _pack(name: str, chunk: FlowChunk) -> bytes:
    _check(*chunk)
    file = BytesIO()
    np.save(file, np.ascontiguousarray(np.moveaxis(chunk.flow, -1, 1)), allow_pickle=False)
    if file.tell() >= _MOST_BYTES:
        raise ValueError(
            f"A chunk of flow has {file.tell()} bytes; chunks of less than {_MOST_BYTES} are kept. "
            "Resize the frames before their flow is computed."
        )
    packer = zlib.compressobj(_LEVELS[chunk.flow.itemsize], wbits=_GZIP)
    body = packer.compress(file.getbuffer()) + packer.flush()
    # Both come back bit for bit: Python writes as many digits as tell a float from every other.
    return seal(name, body, {"number": chunk.number.tolist(), "time": chunk.time.tolist()})


def _unpack(name: str, content: bytes) -> FlowChunk:
    body, notes = unseal(name, content, ["number", "time"])
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        # Memory is taken as the content comes, not as a header claims.
        array = npy_array(unpacker.decompress(body, _MOST_BYTES))
        if not unpacker.eof:
            raise ValueError("it is longer than any chunk")
        number = np.array(notes["number"], dtype=np.int64)
        time = np.array(notes["time"], dtype=np.float64)
        flow = np.ascontiguousarray(np.moveaxis(array, 1, -1))
        _check(flow, number, time)
    except DamagedEntryError:
        raise
    except (zlib.error, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise DamagedEntryError(f"it holds no chunk: {error}") from error
    return FlowChunk(flow, number, time)


def _check(flow: NDArray[Any], number: ArrayLike, time: ArrayLike) -> None:
    if flow.dtype not in (np.uint8, np.float16, np.float32):
        raise ValueError(f"flow of {flow.dtype} instead of uint8, float16 or float32")
    if flow.ndim != 4 or flow.shape[-1] != 2 or not 1 <= len(flow) <= CHUNK:
        raise ValueError(
            f"flow of shape {flow.shape} instead of (n, height, width, 2) with n from 1 to {CHUNK}"
        )
    if np.shape(number) != (len(flow),) or np.shape(time) != (len(flow),):
        raise ValueError(
            f"numbers {np.shape(number)} and times {np.shape(time)} of {len(flow)} frames"
        )
