"""Networks by their names in torchvision, which is asked for them where it is installed."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skvideo3d.exceptions import CheckpointError, DownloadError
from skvideo3d.video.preprocessing import IMAGENET_PREPROCESSING, Preprocessing

from .download import weights_folder
from .hashing import sha256_of

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "build_by_name",
    "check_name",
    "fetch_published",
    "find_published",
    "options_of",
    "recipe_of",
    "renamed",
]

# torchvision's files of these expect frames normalised for ImageNet and shift them themselves.
_SHIFTING = ("googlenet", "inception_v3")

# DenseNet's published files are older than the rule against dots in names of modules.
_OLD_DENSENET = re.compile(
    r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))"
)


def check_name(name: str) -> None:
    """Refuse what is no classification network of torchvision.

    Parameters
    ----------
    name : str

    Raises
    ------
    ImportError
        If torchvision is not installed, or cannot be used.
    ValueError
        If it has no such network.
    """
    models = _torchvision_models()
    known = models.list_models(module=models)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3) or known
        raise ValueError(
            f"network={name!r} is no classification network of torchvision; there are "
            f"{', '.join(map(repr, close))}{'' if close is known else ' and others'}. A torch "
            "module is taken as well."
        )


def find_published(name: str, weights: str) -> Any:
    """Find the weights that torchvision publishes for a network.

    Parameters
    ----------
    name : str
        Of the network.
    weights : str
        "default", or torchvision's own name such as "IMAGENET1K_V2".

    Returns
    -------
    WeightsEnum or None
        None if there are none of this name.
    """
    every = _torchvision_models().get_model_weights(name)
    return every["DEFAULT" if weights == "default" else weights] if _has(every, weights) else None


def options_of(name: str, published: Any) -> dict[str, Any]:
    """Say which arguments of its constructor a network needs for published weights.

    Parameters
    ----------
    name : str
    published : WeightsEnum
        From `find_published`.

    Returns
    -------
    dict
    """
    options: dict[str, Any] = {"num_classes": len(published.meta["categories"])}
    if name.startswith("vit_"):
        options["image_size"] = published.meta["min_size"][0]
    return options


def recipe_of(published: Any) -> Preprocessing:
    """Translate what torchvision does to a frame before published weights.

    Parameters
    ----------
    published : WeightsEnum
        From `find_published`.

    Returns
    -------
    Preprocessing
        Sizes and normalisation are torchvision's; resizing is bilinear without antialiasing, as
        everywhere in skvideo3d, also where theirs is bicubic.
    """
    theirs = published.transforms()
    if not all(hasattr(theirs, name) for name in ("resize_size", "crop_size", "mean", "std")):
        return IMAGENET_PREPROCESSING
    return Preprocessing(
        resize=theirs.resize_size[0],
        crop=(theirs.crop_size[0], theirs.crop_size[0]),
        scale=tuple(1 / (255 * std) for std in theirs.std),
        mean=tuple(mean / std for mean, std in zip(theirs.mean, theirs.std, strict=True)),
    )


def fetch_published(published: Any) -> str:
    """Have torchvision fetch published weights, unless they are here.

    Parameters
    ----------
    published : WeightsEnum
        From `find_published`.

    Returns
    -------
    str
        The path of the file, in the folder of all other weights.

    Raises
    ------
    DownloadError
        If they cannot be fetched.
    CheckpointError
        If the file has not the hash that its name says.
    """
    name = Path(urlsplit(published.url).path).name
    path = weights_folder() / name
    if not path.is_file():
        try:
            published.get_state_dict(
                model_dir=str(path.parent), progress=False, check_hash=True, weights_only=True
            )
        except (OSError, RuntimeError) as error:
            raise DownloadError(
                f"'{published.url}' could not be fetched: {error}. Fetch it by hand and put it at "
                f"'{path}'."
            ) from error
    hashed = re.search(r"-([0-9a-f]{8,})\.", name)
    if hashed and not sha256_of(path).startswith(hashed[1]):
        raise CheckpointError(
            f"'{path}' is not the file that torchvision publishes: its sha256 should begin with "
            f"{hashed[1]} and is {sha256_of(path)}. Remove it, and it is fetched again."
        )
    return os.fspath(path)


def build_by_name(name: str, device: str, *, is_trained: bool, **options: Any) -> nn.Module:
    """Construct a network of torchvision.

    Parameters
    ----------
    name : str
    device : str
        On "meta" without numbers; elsewhere with numbers that mean nothing.
    is_trained : bool
        Whether weights from a file will go into it.
    **options
        Further arguments of its constructor.

    Returns
    -------
    Module
    """
    if name in _SHIFTING:
        options |= {"init_weights": False, "transform_input": is_trained}
    try:
        return _built(name, device, options)
    except NotImplementedError:  # RegNets compute their widths with tensors, which have no numbers
        if device != "meta":
            raise
    return _built(name, "cpu", options).to(device)


def _built(name: str, device: str, options: dict[str, Any]) -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]), torch.device(device):
        network: nn.Module = _torchvision_models().get_model(name, weights=None, **options)
    return network


def renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the arrays of a file the names that torchvision's networks have today.

    Parameters
    ----------
    tensors : dict of str to Tensor

    Returns
    -------
    dict of str to Tensor

    Examples
    --------
    >>> list(renamed({"features.denseblock1.denselayer1.norm.1.weight": None}))
    ['features.denseblock1.denselayer1.norm1.weight']
    """
    found = ((_OLD_DENSENET.fullmatch(name), name, tensor) for name, tensor in tensors.items())
    return {old[1] + old[2] if old else name: tensor for old, name, tensor in found}


def _has(every: Any, weights: str) -> bool:
    return len(every) > 0 if weights == "default" else weights in every.__members__


def _torchvision_models() -> Any:
    try:
        import torchvision.models
    except ModuleNotFoundError as error:
        raise ImportError(
            f"A network by name comes from torchvision, which is not installed ({error}): pip "
            "install 'skvideo3d[frames]', from where your torch came. Or pass network= a torch "
            "module."
        ) from error
    except Exception as error:  # of another torch than it was built for it fails in many ways
        import torch

        raise ImportError(
            f"A network by name comes from torchvision, which is installed and does not fit torch "
            f"{torch.__version__} ({error}). Reinstall both from one place, as in: pip install "
            "--force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cpu. "
            "Or pass network= a torch module."
        ) from error
    return torchvision.models
