"""A kernel of two dimensions made one of three, and how deep it is to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import Tensor

__all__ = [
    "Choice",
    "change_channels",
    "choose",
    "deepen",
    "depth_of",
    "depths",
    "listed",
    "with_time",
]

Choice = int | Mapping[str, int] | None


def deepen(kernel: Tensor, depth: int) -> Tensor:
    """Repeat a kernel in time and divide it by the number of times.

    What it finds in a frame it then finds in `depth` equal ones (Carreira & Zisserman 2017,
    section "Bootstrapping 3D filters from 2D filters").

    Parameters
    ----------
    kernel : Tensor of shape (out, in, n, m)
    depth : int

    Returns
    -------
    Tensor of shape (out, in, depth, n, m)
        In memory of its own.

    Examples
    --------
    >>> import torch
    >>> deepen(torch.tensor([[[[6.0]]]]), 3).flatten()
    tensor([2., 2., 2.])
    """
    return (kernel.detach() / depth).unsqueeze(2).repeat(1, 1, depth, 1, 1)


def with_time(array: Tensor) -> Tensor | None:
    """Give an array with a value for each channel an axis for time.

    Parameters
    ----------
    array : Tensor

    Returns
    -------
    Tensor or None
        Of shape (1, c, 1, 1, 1) for (1, c, 1, 1), and (c, 1, 1, 1) for (c, 1, 1); None for others.

    Examples
    --------
    >>> import torch
    >>> with_time(torch.ones(1, 3, 1, 1)).shape, with_time(torch.ones(1, 3, 7, 7))
    (torch.Size([1, 3, 1, 1, 1]), None)
    """
    if array.shape[1:] == (1, 1) or (array.ndim == 4 and array.shape == (1, len(array[0]), 1, 1)):
        return array.unsqueeze(-3)
    return None


def change_channels(kernel: Tensor, channels: int) -> Tensor:
    """Give a kernel another number of input channels: their mean, for each of the new ones.

    This is how networks for RGB begin to learn optical flow (Wang et al. 2016, section 3.2,
    "Cross Modality Pre-training"). It is scaled so that an input that is the same in all channels
    gives what it gave.

    Parameters
    ----------
    kernel : Tensor of shape (out, in, n, m)
    channels : int
        The number that the kernel has already leaves it as it is.

    Returns
    -------
    Tensor of shape (out, channels, n, m)

    Examples
    --------
    >>> import torch
    >>> change_channels(torch.tensor([1.0, 2.0, 6.0]).view(1, 3, 1, 1), 2).flatten()
    tensor([4.5000, 4.5000])
    """
    if kernel.shape[1] == channels:
        return kernel
    return (kernel.sum(dim=1, keepdim=True) / channels).repeat(1, channels, 1, 1)


def depths(shapes: Mapping[str, Sequence[int]], depth: Choice) -> dict[str, int]:
    """Decide how deep every kernel becomes.

    Parameters
    ----------
    shapes : mapping of str to (int, int, int, int)
        Of the kernels, by the names of their layers.
    depth : int, mapping of str to int, or None
        As in `inflate`.

    Returns
    -------
    dict of str to int
        As deep as wide, where nothing else is chosen.

    Raises
    ------
    ValueError
        As in `choose`; and for kernels that are not square and for which nothing is chosen.

    Examples
    --------
    >>> depths({"stem": (8, 3, 7, 7), "body.0": (8, 8, 3, 3)}, {"body.*": 1})
    {'stem': 7, 'body.0': 1}
    """
    chosen = choose("depth", depth, list(shapes))
    oblong = {
        name: f"{name or 'the kernel'} ({shape[2]}x{shape[3]})"
        for name, shape in shapes.items()
        if name not in chosen and shape[2] != shape[3]
    }
    if oblong:
        raise ValueError(
            "Kernels that are not square have no depth of their own: "
            f"{listed(oblong.values())}. Choose it, as in {depth_of(next(iter(oblong)))}."
        )
    return {name: chosen.get(name, shape[2]) for name, shape in shapes.items()}


def depth_of(name: str) -> str:
    """Write how a layer's depth is chosen, for an error.

    Parameters
    ----------
    name : str
        Of the layer; "" for a module that is one itself.

    Returns
    -------
    str

    Examples
    --------
    >>> print(depth_of("conv1"), depth_of(""))
    depth={'conv1': 1} depth=1
    """
    return f"depth={{{name!r}: 1}}" if name else "depth=1"


def choose(option: str, given: Choice, names: Sequence[str]) -> dict[str, int]:
    """Find which layers an option speaks of.

    Parameters
    ----------
    option : str
        What to call it in an error.
    given : int, mapping of str to int, or None
        One for all layers, or by patterns of their names, the first that fits counting.
    names : sequence of str
        Of the layers that there are.

    Returns
    -------
    dict of str to int
        Without the layers for which nothing is given.

    Raises
    ------
    ValueError
        If a number is not a positive integer, or a pattern fits no layer.

    Examples
    --------
    >>> choose("depth", {"*.conv1": 3, "layer1.*": 1}, ["conv1", "layer1.conv1", "layer1.conv2"])
    {'layer1.conv1': 3, 'layer1.conv2': 1}
    """
    if given is None:
        return {}
    rules = given if isinstance(given, Mapping) else {"*": given}
    for pattern, value in rules.items():
        where = f"{option}={{{pattern!r}: {value!r}}}" if rules is given else f"{option}={value!r}"
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{where}: give a positive integer.")
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(
                f"{where} fits the name of no layer that it could be for. There are "
                f"{listed(names)}."
            )
    chosen = {}
    for name in names:
        fitting = [value for pattern, value in rules.items() if fnmatchcase(name, pattern)]
        if fitting:
            chosen[name] = fitting[0]
    return chosen


def listed(names: Iterable[str], most: int = 20) -> str:
    """List names for an error, not endlessly.

    Parameters
    ----------
    names : iterable of str
    most : int, default=20
        How many.

    Returns
    -------
    str

    Examples
    --------
    >>> listed((f"conv{i}" for i in range(1, 100)), most=3)
    'conv1, conv2, conv3 and 96 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
