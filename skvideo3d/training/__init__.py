"""Fitting networks: clips from videos, recipes, and a classifier."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .classifier import VideoClassifier
    from .clip_sampling import ClipSampling
    from .clips import TrainingClips, VideoClips
    from .divergence import TrainingDivergedError
    from .frame_store import FrameStore
    from .jitter import Jitter
    from .recipes import RECIPES, TrainingRecipe
    from .schedules import Constant, Cosine, Plateau, Steps

__all__ = [
    "RECIPES",
    "ClipSampling",
    "Constant",
    "Cosine",
    "FrameStore",
    "Jitter",
    "Plateau",
    "Steps",
    "TrainingClips",
    "TrainingDivergedError",
    "TrainingRecipe",
    "VideoClassifier",
    "VideoClips",
]

# Imported when first asked for: a parameter grid or a recipe must not cost an import of torch.
_HOMES = {
    "RECIPES": "recipes",
    "ClipSampling": "clip_sampling",
    "Constant": "schedules",
    "Cosine": "schedules",
    "FrameStore": "frame_store",
    "Jitter": "jitter",
    "Plateau": "schedules",
    "Steps": "schedules",
    "TrainingClips": "clips",
    "TrainingDivergedError": "divergence",
    "TrainingRecipe": "recipes",
    "VideoClassifier": "classifier",
    "VideoClips": "clips",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
