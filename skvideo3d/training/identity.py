"""Which training this is: what its checkpoint is known by, and where that lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.feature_extraction.validation import with_position
from skvideo3d.video.sources import VideoSource

from .checkpoints import TrainingState, read_checkpoint
from .labels import LabelledVideos
from .networks import NetworkStart
from .recipes import TrainingRecipe
from .schedules import Cosine

if TYPE_CHECKING:
    from .classifier import VideoClassifier

__all__ = ["find_checkpoint", "known_by"]

# Raised whenever a change of the code changes what a training comes to.
_ALGORITHM = 1


def find_checkpoint(
    classifier: VideoClassifier, recipe: TrainingRecipe, known: dict[str, str]
) -> tuple[Path | None, TrainingState | None]:
    """Find the file: of a folder that of this training, which settings and videos name.

    Parameters
    ----------
    classifier : VideoClassifier
    recipe : TrainingRecipe
    known : dict of str to str
        As `known_by` gives it.

    Returns
    -------
    path : Path or None
        None if the classifier has no `checkpoint`.
    state : TrainingState or None
        What is there to go on from.

    Raises
    ------
    CheckpointError
        If it is of another training.
    """
    if classifier.checkpoint is None:
        return None, None
    path = Path(os.path.abspath(os.fspath(classifier.checkpoint)))
    if path.suffix != ".ckpt":
        length = (recipe.max_epochs, recipe.max_iterations)
        path = path / f"{_digest(known, length)[:32]}.ckpt"
    return path, read_checkpoint(path, known)


def known_by(
    classifier: VideoClassifier,
    recipe: TrainingRecipe,
    start: NetworkStart,
    *,
    given: LabelledVideos,
    sources: Sequence[VideoSource | None],
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
    seed: int,
) -> dict[str, str]:
    """Name everything that determines the numbers of a training, but which videos fail.

    Parameters
    ----------
    classifier : VideoClassifier
        For its parameters.
    recipe : TrainingRecipe
    start : NetworkStart
    given : LabelledVideos
    sources : sequence of (VideoSource or None)
    split : tuple of two ndarrays
        Positions of the videos to train on and to validate on.
    seed : int

    Returns
    -------
    dict of str to str
        Empty if the classifier has no `checkpoint`.
    """
    if classifier.checkpoint is None:
        return {}  # nobody asks, and arrays take time to be told from each other
    groups = given.groups
    identities = [
        _identity(place, source, classifier.on_error) for place, source in enumerate(sources)
    ]
    values: dict[str, Any] = {
        "algorithm": _ALGORITHM,
        "network": start.known_by,
        "score layer": start.score_layer,
        "freeze": classifier.freeze,
        "classes": given.classes.tolist(),
        "videos": f"{len(sources)} ({_digest(identities)[:12]})",
        "labels": _digest(given.labels.tolist())[:12],
        "groups": None if groups is None else _digest(groups.tolist())[:12],
        "validation": _known_split(classifier, split),
        "class_weight": classifier.class_weight,
        "n_test_clips": classifier.n_test_clips if classifier.validation is not None else None,
        "preprocessing": start.preprocessing.fingerprint(),
        "fps": classifier.fps,
        "precision": classifier.precision,
        "random_state": None if classifier.random_state is None else seed,
    }
    own = {"sgd": "momentum", "muon": "turn"}
    unused = {own[name] for name in own if name != recipe.optimizer}
    unused |= {"max_epochs", "max_iterations"}
    values |= {name: value for name, value in vars(recipe).items() if name not in unused}
    if isinstance(recipe.schedule, Cosine) and recipe.schedule.length is None:
        values["length"] = (recipe.max_epochs, recipe.max_iterations)
    if classifier.accelerator is not None:
        values["processes"] = classifier.accelerator.num_processes
    return {name: repr(value) for name, value in values.items()}


def _identity(place: int, source: VideoSource | None, on_error: str) -> tuple[Any, ...] | None:
    try:
        return None if source is None else source.identity()
    except SkVideo3DError as error:  # nothing there to take the identity of
        if on_error == "raise":
            raise with_position(error, place) from error
        return None


def _known_split(
    classifier: VideoClassifier, split: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> Any:
    """Name a split by its videos, since a splitter may draw anew, and have any repr."""
    validation = classifier.validation
    if validation is None or (isinstance(validation, Real) and classifier.random_state is None):
        return validation  # whose split is drawn again with the checkpoint's seed
    name = validation if isinstance(validation, Real) else type(validation).__name__
    train, valid = (part.tolist() for part in split)
    return f"{name}: {len(train)} and {len(valid)} videos ({_digest(train, valid)[:12]})"


def _digest(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode(errors="surrogateescape")).hexdigest()
