"""The networks C3D and I3D, the way of their weights in and out of files, and from 2D to 3D."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .c3d import C3D
    from .checkpoints import load_weights, save_weights
    from .counting import parameter_counts
    from .folding import fold_batch_norm
    from .i3d import I3D
    from .inflation import inflate
    from .names import network_named
    from .study import StudyNetwork

__all__ = [
    "C3D",
    "I3D",
    "StudyNetwork",
    "fold_batch_norm",
    "inflate",
    "load_weights",
    "network_named",
    "parameter_counts",
    "save_weights",
]

# The registry of weights lives in this package and must not cost an import of torch.
_HOMES = {
    "C3D": "c3d",
    "I3D": "i3d",
    "StudyNetwork": "study",
    "fold_batch_norm": "folding",
    "inflate": "inflation",
    "load_weights": "checkpoints",
    "network_named": "names",
    "parameter_counts": "counting",
    "save_weights": "checkpoints",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
