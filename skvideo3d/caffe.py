"""The files Caffe writes, mean cubes and trained networks, read without Caffe or protobuf.

Both are protocol-buffer messages: a sequence of fields, each a number, a wire type and a value.
Three generations of Caffe and the fork that C3D was trained with gave the fields different numbers;
all of them are recognised here from what the file holds.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import CheckpointError

__all__ = ["net_shapes", "read_blob", "read_net"]

# Wire types of protocol buffers; 3 and 4 (groups) never occur in Caffe's messages.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Far more than Caffe writes. A hostile file would have millions, each costing a hundred times its
# bytes.
_MOST_BLOBS = 10_000
_MOST_AXES = 32
_LONGEST_AXIS = 2**40
_LAST_BLOB_FIELD = 8
_SMALL_PIECE = 1024


def read_blob(path: str | PathLike[str]) -> NDArray[np.float32]:
    """Read a Caffe blob (``BlobProto``), such as a mean cube in a ``.binaryproto`` file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray of float32
        With the axes of the file: (num, channels, length, height, width) from C3D's fork of Caffe,
        (num, channels, height, width) or the blob's own ``shape`` from the others.

    Raises
    ------
    CheckpointError
        If the file is cut short or is no Caffe blob.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    A blob of three values, (num, channels, height, width) = (1, 1, 1, 3):

    >>> import pathlib, struct, tempfile
    >>> fields = bytes([8, 1, 16, 1, 24, 1, 32, 3, 42, 12]) + struct.pack("<3f", 1, 2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "mean.binaryproto")
    ...     _ = path.write_bytes(fields)
    ...     read_blob(path)
    array([[[[1., 2., 3.]]]], dtype=float32)
    """
    with _naming(path, "blob (BlobProto)"):
        blob = _parse_blob(_open(path))
        if not blob.chunks:
            raise _MalformedError("it has no values")
        return blob.array()


def read_net(path: str | PathLike[str]) -> dict[str, list[NDArray[np.float32]]]:
    """Read the learned blobs of a Caffe network (``NetParameter``).

    Parameters
    ----------
    path : path-like
        Of a ``.caffemodel``, or a snapshot of C3D's fork, which has no suffix.

    Returns
    -------
    dict of str to list of ndarray, float32
        Layer name to its blobs, weights before biases, for the layers that have any; the axes are
        as in `read_blob`.

    Raises
    ------
    CheckpointError
        If the file is cut short or is no Caffe network.
    FileNotFoundError
        If there is no such file.
    """
    with _naming(path, "network (NetParameter)"):
        layers = _parse_net(_open(path))
        return {name: [blob.array() for blob in blobs] for name, blobs in layers.items()}


def net_shapes(path: str | PathLike[str]) -> dict[str, list[tuple[int, ...]]]:
    """Read the names and blob shapes of a Caffe network, leaving its values on the disk.

    Parameters
    ----------
    path : path-like
        See `read_net`.

    Returns
    -------
    dict of str to list of tuple of int
        Layer name to the shapes of its blobs.

    Raises
    ------
    CheckpointError
        If the file is cut short or is no Caffe network.
    FileNotFoundError
        If there is no such file.
    """
    with _naming(path, "network (NetParameter)"):
        layers = _parse_net(_open(path))
        return {name: [blob.checked_shape() for blob in blobs] for name, blobs in layers.items()}


class _MalformedError(Exception):
    """The bytes are not the message that was expected; the text ends a sentence."""


@contextmanager
def _naming(path: str | PathLike[str], what: str) -> Iterator[None]:
    try:
        yield
    except _MalformedError as error:
        raise CheckpointError(
            f"'{path}' is not a whole Caffe {what}: {error}. Fetch the file again, or give one "
            "that Caffe wrote (mean cubes end in .binaryproto; networks are snapshots, often "
            "without a suffix, or .caffemodel)."
        ) from None


@dataclass
class _Blob:
    shape: tuple[int, ...]
    chunks: list[memoryview | bytearray]
    dtype: str

    def checked_shape(self) -> tuple[int, ...]:
        n_bytes = sum(len(chunk) for chunk in self.chunks)
        itemsize = np.dtype(self.dtype).itemsize
        if len(self.shape) > _MOST_AXES or max(self.shape, default=0) > _LONGEST_AXIS:
            raise _MalformedError("a blob has more or longer axes than any array")
        if not n_bytes or math.prod(self.shape) * itemsize != n_bytes:
            raise _MalformedError(
                f"a blob of shape {self.shape} holds {n_bytes / itemsize:g} values"
            )
        return self.shape

    def array(self) -> NDArray[np.float32]:
        shape = self.checked_shape()
        joined = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        # A copy: the file may be unaligned, and is closed when the last view of it goes.
        return np.frombuffer(joined, dtype=self.dtype).astype(np.float32).reshape(shape)


def _open(path: str | PathLike[str]) -> memoryview:
    if Path(path).stat().st_size == 0:
        raise _MalformedError("it is empty")
    with open(path, "rb") as file:
        # Mapped, so that the shapes of a 300 MB network cost a few pages.
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _parse_net(message: memoryview) -> dict[str, list[_Blob]]:
    layers: dict[str, list[_Blob]] = {}
    n_blobs = 0
    for number, value in _fields(message):
        if number == 100 and isinstance(value, memoryview):  # layer, since 2014
            name, blobs = _parse_layer(value, name_field=1, blobs_field=7)
        elif number == 2 and isinstance(value, memoryview):  # layers, C3D's time
            name, blobs = _parse_old_layer(value)
        else:
            continue
        if blobs:
            layers[name] = blobs
            n_blobs += len(blobs)
        if n_blobs > _MOST_BLOBS:
            raise _MalformedError(f"it has more than {_MOST_BLOBS} blobs")
    if not layers:
        raise _MalformedError("it has no layer with learned values")
    return layers


def _parse_old_layer(message: memoryview) -> tuple[str, list[_Blob]]:
    # The oldest files keep all of a layer but its connections in a message of its own, field 1.
    for number, value in _fields(message):
        if number == 1 and isinstance(value, memoryview):
            return _parse_layer(value, name_field=1, blobs_field=50)
    return _parse_layer(message, name_field=4, blobs_field=6)


def _parse_layer(
    message: memoryview, *, name_field: int, blobs_field: int
) -> tuple[str, list[_Blob]]:
    name, blobs = "", []
    for number, value in _fields(message):
        if not isinstance(value, memoryview):
            continue
        if number == name_field:
            try:
                name = bytes(value).decode()
            except UnicodeDecodeError:
                raise _MalformedError("a layer's name is not text") from None
        elif number == blobs_field:
            blobs.append(_parse_blob(value))
            if len(blobs) > _MOST_BLOBS:
                raise _MalformedError(f"a layer has more than {_MOST_BLOBS} blobs")
    return name, blobs


def _parse_blob(message: memoryview) -> _Blob:
    sizes: dict[int, int] = {}
    contents: dict[int, list[memoryview | bytearray]] = {}
    for number, value in _fields(message):
        if number > _LAST_BLOB_FIELD:
            continue
        if isinstance(value, int):
            sizes[number] = value
            continue
        # Packed values come as one piece, unpacked ones as a piece each: those are joined at once.
        pieces = contents.setdefault(number, [])
        if len(value) > _SMALL_PIECE:
            pieces.append(value)
        elif pieces and isinstance(pieces[-1], bytearray):
            pieces[-1] += value
        else:
            pieces.append(bytearray(value))
    if 5 in sizes:
        # C3D's fork put `length` between channels and height: width is 5, and data became 6.
        shape = tuple(sizes.get(axis, 0) for axis in (1, 2, 3, 4, 5))
        return _Blob(shape, contents.get(6, []), "<f4")
    if 7 in contents:
        shape = _parse_shape(memoryview(contents[7][-1]))
    else:
        shape = tuple(sizes.get(axis, 0) for axis in (1, 2, 3, 4))
    if 8 in contents and 5 not in contents:
        return _Blob(shape, contents[8], "<f8")
    return _Blob(shape, contents.get(5, []), "<f4")


def _parse_shape(message: memoryview) -> tuple[int, ...]:
    dims: list[int] = []
    for number, value in _fields(message):
        if number != 1:
            continue
        if isinstance(value, int):
            dims.append(value)
            continue
        position = 0
        while position < len(value) and len(dims) <= _MOST_AXES:
            dim, position = _varint(value, position)
            dims.append(dim)
        if len(dims) > _MOST_AXES:
            break  # the shape is checked where it is used
    return tuple(dims)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise _MalformedError("its bytes are not protocol-buffer fields")
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise _MalformedError("its bytes are not protocol-buffer fields")
        end = position + length
        if end > len(message):
            raise _MalformedError(
                f"field {number} needs {length} bytes and {len(message) - position} are left"
            )
        yield number, message[position:end]
        position = end


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(message):
            raise _MalformedError("it ends in the middle of a field")
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise _MalformedError("its bytes are not protocol-buffer fields")
