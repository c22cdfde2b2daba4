"""From a network and clips to a trained network: skorch's loop with what surrounds it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from skorch.callbacks import LRScheduler
from skorch.helper import predefined_split
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video.preprocessing import MeanCube

from .batches import EpochBatches, PixelClips, loader
from .checkpoints import Checkpoints, TrainingState
from .history import EpochRecord
from .memory import freed_memory_kept
from .muon import Muon
from .net import AcceleratedClipNet, ClipNet
from .networks import NetworkStart
from .questions import Questions
from .recipes import TrainingRecipe
from .schedules import Cosine, Plateau, Schedule
from .training_progress import TrainingProgress

__all__ = ["FitSettings", "train"]

_OPTIMIZERS = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW, "muon": Muon}


@dataclass(frozen=True)
class FitSettings:
    """What a training needs beyond network and clips.

    Parameters
    ----------
    recipe : TrainingRecipe
        With the numbers that are used.
    seed : int
    frozen : tuple of Module
    class_weight : Tensor of shape (n_classes,) or None
    questions : Questions or None
        Of several questions about every clip, in place of its one class.
    precision : {"float32", "bfloat16"}
    device : str
    n_workers : int
        Processes that make batches of training clips; 0 is this one.
    accelerator : accelerate.Accelerator or None
    checkpoint : Path or None
    known_by : dict of str to str
        Everything that determines the numbers.
    state : TrainingState or None
        To go on from.
    checkpoint_seconds : float
    name : str
        For the progress bar.
    verbose : bool
    """

    recipe: TrainingRecipe
    seed: int
    frozen: tuple[nn.Module, ...] = ()
    class_weight: Tensor | None = None
    questions: Questions | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    n_workers: int = 0
    accelerator: Any = None
    checkpoint: Path | None = None
    known_by: dict[str, str] = field(default_factory=dict)
    state: TrainingState | None = None
    checkpoint_seconds: float = 900.0
    name: str = "training"
    verbose: bool = False


def train(start: NetworkStart, settings: FitSettings, clips: Any, valid_clips: Any) -> ClipNet:
    """Train a network.

    Parameters
    ----------
    start : NetworkStart
        Its network is changed.
    settings : FitSettings
    clips : TrainingClips or WorldClips
    valid_clips : VideoClips or None

    Returns
    -------
    ClipNet
        With the network in `module_` and the epochs in `history`.

    Raises
    ------
    TrainingDivergedError
        If the loss or a weight becomes NaN or infinite.
    CheckpointError
        If the state to go on from does not fit, or is beyond the end.
    KeyboardInterrupt
        From the keyboard: a training that was broken off is none.
    """
    recipe = settings.recipe
    n_processes = 1 if settings.accelerator is None else settings.accelerator.num_processes
    batches = EpochBatches(len(clips), recipe.batch_size, settings.seed)
    length = TrainingLength.of(recipe, -(-batches.in_epoch // n_processes))
    record = EpochRecord(
        settings.class_weight,
        None if valid_clips is None else valid_clips.groups,
        settings.questions,
    )
    scheduler = _scheduler(recipe.schedule, length, valid_clips is not None)
    callbacks: list[tuple[str, Any]] = [("record", record), ("schedule", scheduler)]
    state = settings.state
    epochs_over, batches_over = (state.epoch, state.batch) if state else (0, 0)
    n_done = epochs_over * length.in_epoch + batches_over
    if n_done > length.n_steps:
        raise CheckpointError(
            f"'{settings.checkpoint}' is after {n_done} batches ({epochs_over} epochs), and the "
            f"training is to have {length.n_steps} ({length.n_epochs} epochs); give checkpoint= "
            "another path, or more epochs."
        )
    is_main = settings.accelerator is None or settings.accelerator.is_main_process
    progress = None
    if settings.verbose and is_main:
        progress = TrainingProgress(record, length.n_steps, n_done, length.n_epochs, settings.name)
        callbacks.append(("progress", progress))
    callbacks.append(
        (
            "checkpoints",
            Checkpoints(
                settings.checkpoint,
                settings.known_by,
                record,
                state,
                settings.checkpoint_seconds,
            ),
        )
    )
    net = _net(start, settings, batches, valid_clips, callbacks)
    net.length = length
    net.initialize()
    try:
        has_cube = isinstance(start.preprocessing.mean, MeanCube)
        with freed_memory_kept() if settings.device == "cpu" else nullcontext():
            net.partial_fit(PixelClips(clips, has_cube), epochs=length.n_epochs - epochs_over)
    finally:
        if progress is not None:
            progress.close()
    if net.interrupted_:
        raise KeyboardInterrupt
    return net


@dataclass(frozen=True)
class TrainingLength:
    """How long a training is.

    Parameters
    ----------
    in_epoch : int
        Steps of a whole epoch.
    n_epochs : int
        The last one may be cut short.
    n_steps : int
    """

    in_epoch: int
    n_epochs: int
    n_steps: int

    @classmethod
    def of(cls, recipe: TrainingRecipe, in_epoch: int) -> TrainingLength:
        """Count the epochs of a recipe.

        Parameters
        ----------
        recipe : TrainingRecipe
        in_epoch : int

        Returns
        -------
        TrainingLength

        Examples
        --------
        >>> TrainingLength.of(TrainingRecipe(max_iterations=10), in_epoch=4)
        TrainingLength(in_epoch=4, n_epochs=3, n_steps=10)
        """
        if recipe.max_iterations is None:
            assert recipe.max_epochs is not None
            return cls(in_epoch, recipe.max_epochs, recipe.max_epochs * in_epoch)
        return cls(in_epoch, -(-recipe.max_iterations // in_epoch), recipe.max_iterations)

    def steps_of(self, epoch: int) -> int:
        """Count the steps of an epoch.

        Parameters
        ----------
        epoch : int
            From 0.

        Returns
        -------
        int
        """
        return min(self.in_epoch, self.n_steps - epoch * self.in_epoch)


def _scheduler(schedule: Schedule, length: TrainingLength, has_validation: bool) -> LRScheduler:
    if isinstance(schedule, Plateau):
        return LRScheduler(
            ReduceLROnPlateau,
            monitor="valid_loss" if has_validation else "train_loss",
            event_name=None,
            factor=schedule.factor,
            patience=schedule.patience,
            threshold=schedule.threshold,
        )
    if isinstance(schedule, Cosine) and schedule.length is None:
        total = length.n_epochs if schedule.unit == "epoch" else length.n_steps
        schedule = replace(schedule, length=total)
    step_every = "epoch" if schedule.unit == "epoch" else "batch"
    return LRScheduler(LambdaLR, step_every=step_every, event_name=None, lr_lambda=schedule)


def _net(
    start: NetworkStart,
    settings: FitSettings,
    batches: EpochBatches,
    valid_clips: Any,
    callbacks: list[tuple[str, Any]],
) -> ClipNet:
    recipe = settings.recipe
    options: dict[str, Any] = {
        "score_layer": start.score_layer,
        "preprocessing": start.preprocessing,
        "precision": settings.precision,
        "frozen": settings.frozen,
        "seed": settings.seed,
        "optimizer": _OPTIMIZERS[recipe.optimizer],
        "optimizer__weight_decay": recipe.weight_decay,
        "lr": recipe.lr,
        "batch_size": recipe.batch_size,
        "iterator_train": loader,
        "iterator_train__batch_sampler": batches,
        "iterator_train__num_workers": settings.n_workers,
        "iterator_valid": loader,
        "train_split": None if valid_clips is None else predefined_split(PixelClips(valid_clips)),
        "callbacks": callbacks,
        "verbose": 0,
    }
    if settings.questions is None:
        options["criterion__weight"] = settings.class_weight
    else:
        options["criterion"] = settings.questions
    if recipe.optimizer == "sgd":
        options["optimizer__momentum"] = recipe.momentum
    elif recipe.optimizer == "muon":
        options["optimizer__turn"] = recipe.turn
    if settings.accelerator is None:
        return ClipNet(start.network, device=settings.device, **options)
    return AcceleratedClipNet(start.network, accelerator=settings.accelerator, **options)
