"""The file of a stored descriptor: a .npy that NumPy reads, and after it what shows it is whole."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skvideo3d.video.sealed_files import DamagedEntryError, npy_array, seal, unseal

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


def write_entry(key: str, value: StoredValue) -> bytes:
    """Lay an entry out as a file.

    After the array comes a line of JSON with the loss and a checksum; see
    `skvideo3d.video.sealed_files.seal`.

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
    skvideo3d.video.sealed_files.DamagedEntryError: its checksum is another
    """
    file = BytesIO()
    np.save(file, value.values, allow_pickle=False)
    return seal(key, file.getbuffer(), {"loss": value.loss})


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
    body, notes = unseal(key, content, ["loss"])
    return StoredValue(npy_array(body), str(notes["loss"]))
