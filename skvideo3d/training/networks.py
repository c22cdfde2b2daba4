"""Networks to begin a training with: by name, as a module, from weights; a new head; freezing."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, cast

import torch
from torch import Tensor, nn

from skvideo3d.models.checkpoints import load_network, resolve_weights
from skvideo3d.models.description import RECIPES
from skvideo3d.models.initialization import INITIALIZATION, initialize
from skvideo3d.models.module_content import content_of
from skvideo3d.models.names import NETWORKS, network_named
from skvideo3d.models.network import LayeredNetwork
from skvideo3d.video.preprocessing import Preprocessing, in_units

from .module_scores import check_scores
from .named_weights import check_weights_are_of

__all__ = ["NetworkStart", "NetworkWish", "freeze_up_to", "scores_of", "start_network"]


@dataclass(frozen=True)
class NetworkStart:
    """A network before its first step, and what belongs to it.

    Parameters
    ----------
    network : Module
        float32, on the CPU, every parameter with a gradient; nobody else's.
    score_layer : str or None
        Layer of a `LayeredNetwork` that gives the scores; None: the module's output.
    preprocessing : Preprocessing
    clip_len : int
    known_by : str
        Equal for equal beginnings, but for the seed of random numbers.
    """

    network: nn.Module
    score_layer: str | None
    preprocessing: Preprocessing
    clip_len: int
    known_by: str


@dataclass(frozen=True)
class NetworkWish:
    """What is asked of a network beside its name.

    Parameters
    ----------
    n_classes : int
        Where the weights are for another number, the last layer is new.
    seed : int
        Of random weights, those of a new last layer included.
    weights : str, path-like or None
        To begin with; None is random for a name, and a module's own for a module.
    clip_len : int or None
        None is what the network is for, or `default_clip_len` where it takes any.
    default_clip_len : int
    input_size : (int, int) or None
        Height and width of the clips; None is what the network or its weights are for.
    preprocessing : Preprocessing or None
        None is the network's or its weights' own, at the size of `input_size`; for random weights
        with pixels scaled to units.
    params : dict
        Further arguments of the network's constructor.
    """

    n_classes: int
    seed: int
    weights: str | PathLike[str] | None = None
    clip_len: int | None = None
    default_clip_len: int = 16
    input_size: tuple[int, int] | None = None
    preprocessing: Preprocessing | None = None
    params: dict[str, Any] = field(default_factory=dict)


def start_network(network: str | nn.Module, wish: NetworkWish) -> NetworkStart:
    """Build a network for a number of classes.

    Parameters
    ----------
    network : str or Module
        A module is copied.
    wish : NetworkWish

    Returns
    -------
    NetworkStart

    Raises
    ------
    ValueError
        If the arguments do not go together, or a module does not give a score for each class.
    """
    if isinstance(network, nn.Module):
        start = _from_module(network, wish)
    elif "num_classes" in wish.params:
        raise ValueError(
            f"network_params has num_classes={wish.params['num_classes']!r}: leave it out; the "
            f"labels are of {wish.n_classes} classes, and so is the network."
        )
    elif wish.weights is None:
        start = _from_name(network, wish)
        initialize(start.network, wish.seed)
    else:
        start = _from_weights(network, wish)
    recipe, size = start.preprocessing, wish.input_size
    if wish.preprocessing is None and size is not None:
        recipe = _resized(recipe, size)
    if size is not None and recipe.crop != size:
        raise ValueError(
            f"input_size={size} and preprocessing={recipe!r}, which crops {recipe.crop}, do not go "
            "together; leave input_size out."
        )
    own = getattr(start.network, "input_size", None)
    length = wish.clip_len or (own[0] if own else wish.default_clip_len)
    _check_size(start.network, (length, *recipe.crop))
    recipe.check_clip_len(length)
    start.network.float().requires_grad_(True)
    if not isinstance(start.network, LayeredNetwork):
        check_scores(start.network, (1, 3, length, *recipe.crop), wish.n_classes)
    return replace(start, preprocessing=recipe, clip_len=length)


def scores_of(module: nn.Module, clips: Tensor, layer: str | None) -> Tensor:
    """Compute the scores of clips.

    Parameters
    ----------
    module : Module
    clips : Tensor of shape (n, 3, t, h, w)
    layer : str or None
        Of a `LayeredNetwork`; None: the module's output are the scores.

    Returns
    -------
    Tensor of shape (n, n_classes)
    """
    found: Tensor = module(clips) if layer is None else module(clips, layer)[layer]
    return found


def freeze_up_to(
    network: nn.Module, layer: str | None, clip: Sequence[int]
) -> tuple[nn.Module, ...]:
    """Take all of a network up to a layer out of the training.

    Parameters
    ----------
    network : Module
        Its parameters up to the layer get no gradient.
    layer : str or None
        The last one that is frozen: of a `LayeredNetwork` a layer's name, of another module a
        child's, all that are before it in its order included. None freezes nothing.
    clip : sequence of 3 int
        Frames, rows and columns of a clip.

    Returns
    -------
    tuple of Module
        Those that have to stay in evaluation mode, so that batch normalisations keep their
        statistics, and nothing is dropped.

    Raises
    ------
    ValueError
        If there is no such layer, or nothing is left to train.
    """
    if layer is None:
        return ()
    if isinstance(network, LayeredNetwork):
        names, parts = network.layer_names, _modules_up_to
    else:
        names, parts = tuple(name for name, _ in network.named_children()), _children_up_to
    if layer not in names:
        raise ValueError(f"freeze={layer!r}: the network has {', '.join(names)}.")
    frozen = parts(network, layer, tuple(clip))
    for part in frozen:
        part.requires_grad_(False)
    if not any(value.requires_grad for value in network.parameters()):
        raise ValueError(f"freeze={layer!r} leaves nothing to train; freeze up to a layer before.")
    return frozen


def _children_up_to(network: nn.Module, layer: str, clip: tuple[int, ...]) -> tuple[nn.Module, ...]:
    del clip
    found = []
    for name, child in network.named_children():
        found.append(child)
        if name == layer:
            break
    return tuple(found)


def _modules_up_to(network: nn.Module, layer: str, clip: tuple[int, ...]) -> tuple[nn.Module, ...]:
    """Find the modules that compute a layer by letting them, without numbers."""
    with torch.device("meta"):
        shadow = copy.deepcopy(network).to("meta").eval()
    used: list[str] = []
    for name, part in shadow.named_modules():
        if name:
            part.register_forward_pre_hook(lambda *_, name=name: used.append(name))
    channels = cast("LayeredNetwork", network).in_channels
    with torch.no_grad():
        shadow(torch.empty(1, channels, *clip, device="meta"), layer)
    return tuple(network.get_submodule(name) for name in used)


def _from_module(network: nn.Module, wish: NetworkWish) -> NetworkStart:
    if wish.weights is not None or wish.params:
        raise ValueError(
            f"weights={wish.weights!r}, network_params={wish.params!r} are for networks by name; a "
            "module begins with its own weights: load them before."
        )
    known_by = content_of(network)
    copied: nn.Module = network
    layer = None
    recipe = wish.preprocessing or getattr(network, "preprocessing", None)
    if isinstance(network, LayeredNetwork):
        copied, layer = _with_classes(network, wish)
        recipe = recipe or RECIPES.get(type(network).__name__.lower())
        own = getattr(network, "input_size", None)
        if recipe is not None and wish.preprocessing is None and own is not None:
            recipe = _resized(recipe, tuple(own[1:]))
    else:
        copied = copy.deepcopy(network)
    if recipe is None:
        raise ValueError(
            f"network is a {type(network).__name__}, which does not say what belongs before it: "
            "pass preprocessing=."
        )
    return NetworkStart(copied, layer, recipe, 0, known_by)


def _from_name(name: str, wish: NetworkWish) -> NetworkStart:
    if name not in NETWORKS:
        network_named(name)  # which says what there is
    named = NETWORKS[name]
    crop = wish.preprocessing.crop if wish.preprocessing else wish.input_size
    arguments = {"num_classes": wish.n_classes, **wish.params}
    if named.architecture != "i3d" and "input_size" not in arguments and (wish.clip_len or crop):
        arguments["input_size"] = (
            wish.clip_len or named.input_size[0],
            *(crop or named.input_size[1:]),
        )
    network = network_named(name, device="meta", **arguments)  # whose numbers come later
    known_by = f"{INITIALIZATION} {name} {sorted(network.config.items())}"
    recipe = wish.preprocessing or in_units(named.preprocessing)
    return NetworkStart(network, _score_layer(network), recipe, 0, known_by)


def _from_weights(name: str, wish: NetworkWish) -> NetworkStart:
    if name not in NETWORKS:
        network_named(name)  # which says what there is
    weights = cast("str | PathLike[str]", wish.weights)
    recipe = wish.preprocessing
    crop = recipe.crop if recipe else wish.input_size
    check_weights_are_of(name, weights, wish.params, clip_len=wish.clip_len, crop=crop)
    found = resolve_weights(
        weights,
        NETWORKS[name].architecture,
        config=wish.params or None,
        preprocessing=recipe,
    )
    network, layer = _with_classes(cast("LayeredNetwork", load_network(found)), wish)
    known_by = f"{found.sha256} {found.config}"
    return NetworkStart(network, layer, found.preprocessing, 0, known_by)


def _with_classes(network: LayeredNetwork, wish: NetworkWish) -> tuple[LayeredNetwork, str]:
    """Copy a network; with a new last layer if it is for another number of classes."""
    config: dict[str, Any] = getattr(network, "config", {})
    if config.get("num_classes") == wish.n_classes:
        return copy.deepcopy(network), _score_layer(network)
    with torch.device("meta"):
        fresh = type(network)(**{**config, "num_classes": wish.n_classes})
    initialize(fresh, wish.seed)
    layer = _score_layer(fresh)
    known = {
        name: value
        for name, value in network.state_dict().items()
        if not name.startswith(f"{layer}.")
    }
    fresh.load_state_dict({**fresh.state_dict(), **known})
    fresh.preprocessing = network.preprocessing
    return fresh, layer


def _score_layer(network: LayeredNetwork) -> str:
    """Name the layer before the softmax."""
    return network.layer_names[-2]


def _resized(recipe: Preprocessing, size: tuple[int, int]) -> Preprocessing:
    """Scale a recipe to another crop, the resize in proportion."""
    if recipe.crop == size:
        return recipe
    rows, columns = (new / old for new, old in zip(size, recipe.crop, strict=True))
    if isinstance(recipe.resize, tuple):
        resize: int | tuple[int, int] = (
            round(recipe.resize[0] * rows),
            round(recipe.resize[1] * columns),
        )
    else:
        resize = round(recipe.resize * max(rows, columns))
    return replace(recipe, resize=resize, crop=size)


def _check_size(network: nn.Module, size: tuple[int, ...]) -> None:
    """Refuse clips that a network cannot take, by letting it, without numbers."""
    if not isinstance(network, LayeredNetwork):
        return
    shadow = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad():
        shadow(torch.empty(1, network.in_channels, *size, device="meta"))
