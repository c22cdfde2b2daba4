"""Named arrays out of a file, whatever wrote it: PyTorch, safetensors or Caffe.

Nothing in a file is ever executed, and none makes the reader take more memory than it has bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from skvideo3d import caffe
from skvideo3d.exceptions import CheckpointError

from .torch_files import load_torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["METADATA_KEY", "read_metadata", "read_shapes", "read_tensors"]

# The one entry of a safetensors file's metadata that is ours: JSON.
METADATA_KEY = "skvideo3d"

# Keys under which training scripts put a state dict beside an optimiser and the like.
_WRAPPERS = ("state_dict", "model_state_dict", "model")

_FOREIGN = {
    b"\x89HDF": "an HDF5 file (Keras?)",
    b"version https://git-lfs": "a git-lfs pointer and not the file it points to",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"<?xml": "a web page",
    b"\x1f\x8b": "compressed; unpack it first",
}

_LONGEST = 200

_READ = (
    "Formats that are read: PyTorch state dicts (.pth, .pt, .pickle), safetensors, and networks of "
    "Caffe."
)


def read_tensors(path: str | PathLike[str]) -> dict[str, Tensor]:
    """Read all arrays of a checkpoint.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict of str to Tensor
        On the CPU, with the names, shapes and dtypes of the file; a Caffe network's blobs are
        called ``layer[0]`` (weights) and ``layer[1]`` (biases). Those of a zipped PyTorch file
        stay on the disk until they are used.

    Raises
    ------
    CheckpointError
        If the file is cut short, is in no known format, or needs code of its own to be read.
    """
    import torch

    kind = _kind(path)
    if kind == "safetensors":
        with _safetensors(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if kind == "caffe":
        return {
            f"{layer}[{i}]": torch.from_numpy(blob)
            for layer, blobs in caffe.read_net(path).items()
            for i, blob in enumerate(blobs)
        }
    return _state_dict(load_torch(path, zipped=kind == "zip"), path)


def read_shapes(path: str | PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Read the names and shapes of a checkpoint's arrays, and no values where the format allows it.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict of str to tuple of int
        Named as in `read_tensors`.

    Raises
    ------
    CheckpointError
        As in `read_tensors`.
    """
    kind = _kind(path)
    if kind == "safetensors":
        with _safetensors(path) as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    if kind == "caffe":
        return {
            f"{layer}[{i}]": shape
            for layer, shapes in caffe.net_shapes(path).items()
            for i, shape in enumerate(shapes)
        }
    return {name: tuple(tensor.shape) for name, tensor in read_tensors(path).items()}


def read_metadata(path: str | PathLike[str]) -> dict[str, Any] | None:
    """Read what `save_weights` wrote beside the arrays.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict or None
        None for a file that something else wrote.

    Raises
    ------
    CheckpointError
        If the metadata are there and broken.
    """
    if _kind(path) != "safetensors":
        return None
    with _safetensors(path) as file:
        text = (file.metadata() or {}).get(METADATA_KEY)
    if text is None:
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"'{path}': its skvideo3d metadata are no JSON: {error}.") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"'{path}': its skvideo3d metadata are no JSON object.")
    return values


def _kind(path: str | PathLike[str]) -> Literal["zip", "pickle", "safetensors", "caffe"]:
    if not Path(path).is_file():
        raise CheckpointError(f"There is no checkpoint file at '{path}'.")
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        start = file.read(32)
    if not start:
        raise CheckpointError(f"'{path}' is empty; fetch it again.")
    # safetensors: the length of a JSON header in 8 bytes, then the header. Asked first, as that
    # length may read like the beginning of any other format.
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
        return "safetensors"
    if Path(path).suffix == ".safetensors":
        raise CheckpointError(
            f"'{path}' is not a whole safetensors file: it does not begin with a header. Fetch or "
            "write it again."
        )
    for beginning, what in _FOREIGN.items():
        if start.lstrip().lower().startswith(beginning.lower()):
            raise CheckpointError(f"'{path}' is {what}. {_READ}")
    if start.startswith(b"PK"):
        return "zip"
    if start[0] == 0x80 and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    return "caffe"


@contextmanager
def _safetensors(path: str | PathLike[str]) -> Iterator[Any]:
    from safetensors import safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            yield file
    except Exception as error:  # of a damaged file the reader says so in many ways
        raise CheckpointError(
            f"'{path}' is not a whole safetensors file: {_shown(error)}. Fetch or write it again."
        ) from None


def _state_dict(loaded: object, path: str | PathLike[str]) -> dict[str, Tensor]:
    import torch

    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            f"'{path}' holds a {type(loaded).__name__} and no state dict. {_READ}"
        )
    tensors = {
        name: value
        for name, value in loaded.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if not tensors:
        keys = [_shown(key) if isinstance(key, str) else type(key).__name__ for key in loaded]
        raise CheckpointError(
            f"'{path}' holds no tensors by name; its first keys are "
            f"{', '.join(map(repr, keys[:5])) or 'none at all'}."
        )
    # Tensors may repeat the same bytes without end, and would fill the memory when copied.
    claimed, size = 0, Path(path).stat().st_size
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise CheckpointError(
                f"'{path}': {_shown(name)!r} is no plain array of numbers. Save the plain state "
                "dict of the network: torch.save(model.state_dict(), ...)."
            )
        claimed += tensor.numel() * tensor.element_size()
    if claimed > size:
        raise CheckpointError(
            f"'{path}' has {size} bytes and its arrays claim to have {claimed}: arrays that repeat "
            "the same numbers are not read. Save them as they are: tensor.contiguous()."
        )
    return tensors


def _shown(text: object) -> str:
    """Cut what a file says of itself to what fits an error, without what moves a terminal."""
    line = str(text)[:_LONGEST].strip().rstrip(".")
    return "".join(letter if letter.isprintable() else "?" for letter in line)
