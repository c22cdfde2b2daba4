"""PyTorch's files, read without running or unpacking what is in them."""

from __future__ import annotations

import mmap
import os
import zipfile
from functools import lru_cache
from os import PathLike
from pathlib import Path

from skvideo3d.exceptions import CheckpointError

from .hashing import FileState, file_state

__all__ = ["load_torch"]

_LONGEST = 200
_MOST_PARTS = 100_000
"""Of a zipped file; each array is one, and networks have hundreds."""


def load_torch(path: str | PathLike[str], *, zipped: bool) -> object:
    """Read what ``torch.save`` wrote by PyTorch's restricted reader.

    It knows tensors and plain containers and refuses all else. Two ways by which a small file could
    still fill the memory are closed before: parts that are compressed, which ``torch.save`` never
    writes, and the one allowed type that makes as many bytes as it is told. The checksums of a
    zipped file are compared, which PyTorch does not do.

    Parameters
    ----------
    path : path-like
    zipped : bool
        Whether it is in the format since PyTorch 1.6, whose arrays stay on the disk until used.

    Returns
    -------
    object
        Mostly a dict.

    Raises
    ------
    CheckpointError
        If the file is cut short or has changed since, or needs code of its own to be read.
    """
    import pickle

    import torch

    if zipped:
        _check_parts(path)
        _check_content(path)
    if _names_bytearray(os.path.abspath(path), file_state(path)):
        raise _needs_code(path, "it names bytearray")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise _needs_code(path, _first_line(error)) from None
    except Exception as error:  # a damaged file can make the reader fail in any way
        raise _broken(path, _first_line(error)) from None


def _check_parts(path: str | PathLike[str]) -> None:
    try:
        with zipfile.ZipFile(path) as file:
            parts = file.infolist()
    except Exception as error:  # as above
        raise _broken(path, _first_line(error)) from None
    if len(parts) > _MOST_PARTS:
        raise _broken(path, f"it has {len(parts)} parts")
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise _broken(path, "its parts are compressed, which torch.save never does")
    size = Path(path).stat().st_size
    if sum(part.file_size for part in parts) > size:
        raise _broken(path, f"its parts claim more than its {size} bytes")


def _check_content(path: str | PathLike[str]) -> None:
    try:
        damaged = _damaged_part(os.path.abspath(path), file_state(path))
    except Exception as error:  # as above
        raise _broken(path, _first_line(error)) from None
    if damaged is not None:
        raise _broken(path, f"its part {damaged!r} is not what was written (CRC-32)")


@lru_cache(maxsize=64)
def _damaged_part(path: str, state: FileState) -> str | None:
    del state  # part of the key: a file that changed is checked again
    with zipfile.ZipFile(path) as file:
        # torch.serialization.set_crc32_options(False) leaves zeros.
        has_checksums = any(part.CRC for part in file.infolist())
        return file.testzip() if has_checksums else None


@lru_cache(maxsize=64)
def _names_bytearray(path: str, state: FileState) -> bool:
    del state  # part of the key: a file that changed is searched again
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"bytearray\n") >= 0


def _needs_code(path: str | PathLike[str], reason: str) -> CheckpointError:
    return CheckpointError(
        f"'{path}' holds more than tensors, so reading it would run code from the file, and it "
        f"was not read ({reason}). If you trust it, load it in the program that "
        "wrote it and save the plain state dict: torch.save(model.state_dict(), ...)."
    )


def _broken(path: str | PathLike[str], reason: str) -> CheckpointError:
    return CheckpointError(
        f"'{path}' is not a whole PyTorch file: {reason}. Fetch or write it again. Formats that "
        "are read: PyTorch state dicts (.pth, .pt, .pickle), safetensors, and networks of Caffe."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    # PyTorch explains itself at length; the refused name is in this line.
    telling = [line for line in lines if "Unsupported" in line or "GLOBAL" in line]
    line = [*telling, *lines, type(error).__name__][0].strip().rstrip(".")[:_LONGEST]
    # A file may hold what moves a terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in line)
