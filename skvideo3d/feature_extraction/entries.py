"""The file of a stored descriptor: a .npy that NumPy reads, and after it what shows it is whole."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DamagedEntryError", "StoredValue", "read_entry", "write_entry"]


class StoredValue(NamedTuple):
    """What the store knows of one layer of a video.

    Parameters
    ----------
    values : ndarray
        Read-only.
    loss : str
        What of the video could not be read; empty if nothing is known to be lost.
    """

    values: NDArray[Any]
    loss: str = ""


class DamagedEntryError(ValueError):
    """A file is not what was written under its name."""


def write_entry(key: str, value: StoredValue) -> bytes:
    """Lay an entry out as a file.

    After the array comes a line of JSON with the loss and a checksum, which is of the array, the
    loss and the key: a flipped bit, a file that is cut off and one under another's name are told
    from what was written. (Forgeries are not: whoever may write here may write any descriptor.)

    Parameters
    ----------
    key : str
        From `skvideo3d.feature_extraction.store.entry_key`.
    value : StoredValue
        Of numbers, or structured.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If the values are objects, which only a pickle could hold.

    Examples
    --------
    >>> content = write_entry("a key", StoredValue(np.arange(3), "the last 2 frames"))
    >>> np.load(BytesIO(content))
    array([0, 1, 2])
    >>> read_entry("a key", content)
    StoredValue(values=array([0, 1, 2]), loss='the last 2 frames')
    >>> read_entry("another key", content)
    Traceback (most recent call last):
        ...
    skvideo3d.feature_extraction.entries.DamagedEntryError: its checksum is another
    """
    file = BytesIO()
    np.save(file, value.values, allow_pickle=False)
    trailer = {"crc32": _checksum(key, file.getbuffer(), value.loss), "loss": value.loss}
    file.write(b"\n" + json.dumps(trailer).encode())
    return file.getvalue()


def read_entry(key: str, content: bytes) -> StoredValue:
    """Read an entry from its file.

    Parameters
    ----------
    key : str
        What it was written under.
    content : bytes

    Returns
    -------
    StoredValue

    Raises
    ------
    DamagedEntryError
        If it is not what was written.
    """
    end = content.rfind(b"\n")
    body = memoryview(content)[: max(end, 0)]
    try:
        trailer = json.loads(content[end + 1 :])
        loss, checksum = str(trailer["loss"]), trailer["crc32"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DamagedEntryError("it is not whole") from None
    if checksum != _checksum(key, body, loss):
        raise DamagedEntryError("its checksum is another")
    try:
        start = 10 + int.from_bytes(body[8:10], "little")
        shape, order, dtype = _parse_header(bytes(body[:start]))
        return StoredValue(np.ndarray(shape, dtype, body, start, order=order), loss)
    except Exception as error:  # of a forged header NumPy can raise anything
        raise DamagedEntryError(f"it holds no array of numbers: {error}") from error


def _checksum(key: str, body: memoryview, loss: str) -> int:
    return zlib.crc32(json.dumps([key, loss]).encode(), zlib.crc32(body))


@lru_cache(maxsize=64)  # of a layer all are equal
def _parse_header(header: bytes) -> tuple[tuple[int, ...], Any, np.dtype[Any]]:
    file = BytesIO(header)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"version {version} of the format")
    shape, in_fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    return shape, "F" if in_fortran_order else "C", dtype
