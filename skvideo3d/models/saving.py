"""Writing a network in skvideo3d's own format: safetensors that say what they are."""

from __future__ import annotations

import json
import os
import secrets
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from skvideo3d.video.preprocessing import MeanCube, Preprocessing

from .description import FORMAT, MEAN_TENSOR, RECIPES, Architecture
from .formats import METADATA_KEY

if TYPE_CHECKING:
    import torch

    from .fitting import Network

__all__ = ["save_weights"]


def save_weights(
    network: Network,
    path: str | PathLike[str],
    *,
    preprocessing: Preprocessing | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a network as safetensors, with its architecture and preprocessing in the metadata.

    Parameters
    ----------
    network : C3D, I3D or StudyNetwork
    path : path-like
        Ends in ``.safetensors``; replaced as a whole if it exists.
    preprocessing : Preprocessing, optional
        What belongs before the network, a mean cube included; by default the network's own
        attribute `preprocessing`, which `load_weights` sets, or the paper's.
    dtype : torch.dtype, optional
        Such as ``torch.float16`` to halve the file; by default the network's own.

    Raises
    ------
    TypeError
        If `network` is none of these; of a wrapper such as DataParallel, pass `module`.
    ValueError
        If the path ends otherwise, or a value is too large for `dtype`.
    CheckpointError
        If the mean cube is gone.
    OSError
        If the file cannot be written, naming it.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skvideo3d.models.checkpoints import load_weights
    >>> network = load_weights(None, "c3d", seed=0, config={"width": 0.05})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "small.safetensors")
    ...     save_weights(network, path)
    ...     load_weights(path).config == network.config
    True
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    architecture = _architecture_of(network)
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(
            f"'{path}': the name of a file in skvideo3d's format ends in .safetensors."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"'{path}' cannot be written: there is no folder '{path.parent}'.")
    recipe = preprocessing or network.preprocessing or RECIPES[architecture]
    tensors = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        tensors[name] = tensor.detach().to("cpu", dtype or tensor.dtype).contiguous()
        if not torch.isfinite(tensors[name]).all():
            raise ValueError(f"{name} has values that {tensors[name].dtype} cannot hold.")
    if isinstance(recipe.mean, MeanCube):
        tensors[MEAN_TENSOR] = torch.from_numpy(recipe.mean.array().copy())
    values = {
        "format": FORMAT,
        "architecture": architecture,
        "config": network.config,
        "preprocessing": recipe.to_dict(),
    }
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        save_file(tensors, unfinished, metadata={METADATA_KEY: json.dumps(values)})
        # safetensors keeps its files for their owner; weights are shared like any other file.
        unfinished.chmod(0o666 & ~_umask())
        os.replace(unfinished, path)
    except (OSError, SafetensorError) as error:
        raise OSError(f"'{path}' could not be written: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)  # it can only be read by setting it
    os.umask(mask)
    return mask


def _architecture_of(network: object) -> Architecture:
    from .c3d import C3D
    from .i3d import I3D
    from .study import StudyNetwork

    kinds: dict[type, Architecture] = {C3D: "c3d", I3D: "i3d", StudyNetwork: "study"}
    for kind, architecture in kinds.items():
        if isinstance(network, kind):
            return architecture
    hint = (
        "; pass its .module" if isinstance(getattr(network, "module", None), tuple(kinds)) else ""
    )
    raise TypeError(
        f"A {type(network).__name__} cannot be saved: save_weights takes a C3D, an I3D or a "
        f"StudyNetwork{hint}."
    )
