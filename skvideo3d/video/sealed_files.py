"""Files with a last line that shows that they are whole, and arrays in them that run no code."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DamagedEntryError", "npy_array", "seal", "unseal"]


class DamagedEntryError(ValueError):
    """A file is not what was written under its name."""


def seal(key: str, body: bytes | memoryview, notes: Mapping[str, Any]) -> bytes:
    """Put a line of JSON behind a file, with notes and a checksum.

    The checksum is of the body, the notes and the key: a flipped bit, a file that is cut off and
    one under another's name are told from what was written. (Forgeries are not: whoever may write
    here may write anything.)

    Parameters
    ----------
    key : str
        What the file is known by.
    body : bytes-like
    notes : mapping
        Of names to what JSON can hold.

    Returns
    -------
    bytes

    Examples
    --------
    >>> content = seal("a key", b"what is kept", {"loss": ""})
    >>> print(content.decode())
    what is kept
    {"crc32": 2136239855, "loss": ""}
    >>> body, notes = unseal("a key", content, ["loss"])
    >>> bytes(body), notes
    (b'what is kept', {'loss': ''})
    """
    return b"".join((body, b"\n", _last_line(key, body, notes)))


def unseal(key: str, content: bytes, names: list[str]) -> tuple[memoryview, dict[str, Any]]:
    """Take a file apart if it is whole.

    Parameters
    ----------
    key : str
        What it was written under.
    content : bytes
    names : list of str
        Of the notes it was written with.

    Returns
    -------
    body : memoryview
    notes : dict

    Raises
    ------
    DamagedEntryError
        If it is not what was written.
    """
    end = content.rfind(b"\n")
    body = memoryview(content)[: max(end, 0)]
    line = content[end + 1 :]
    try:
        notes = json.loads(line)
        del notes["crc32"]
        expected = _last_line(key, body, notes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedEntryError("it is not whole") from None
    if line != expected or list(notes) != names:
        raise DamagedEntryError("its checksum is another")
    return body, notes


def npy_array(content: bytes | memoryview) -> NDArray[Any]:
    """Read an array from the content of a .npy file, without a copy.

    Parameters
    ----------
    content : bytes-like
        Of the format's version 1.0, that of arrays of numbers.

    Returns
    -------
    ndarray
        Read-only.

    Raises
    ------
    DamagedEntryError
        If it is anything else, of Python objects, or shorter than it claims.
    """
    view = memoryview(content)
    try:
        start = 10 + int.from_bytes(view[8:10], "little")
        shape, order, dtype = _parse_header(bytes(view[:start]))
        return np.ndarray(shape, dtype, view, start, order=order)
    except Exception as error:  # of a forged header NumPy can raise anything
        raise DamagedEntryError(f"it holds no array of numbers: {error}") from error


def _last_line(key: str, body: bytes | memoryview, notes: Mapping[str, Any]) -> bytes:
    checksum = zlib.crc32(json.dumps([key, *notes.values()]).encode(), zlib.crc32(body))
    return json.dumps({"crc32": checksum, **notes}).encode()


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
