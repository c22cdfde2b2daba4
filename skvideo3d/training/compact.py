"""The compact network: a C3D of a quarter of the width, trained on generated clips alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from skvideo3d.feature_extraction.devices import usable_device
from skvideo3d.models.c3d import C3D
from skvideo3d.models.folding import fold_batch_norm
from skvideo3d.models.initialization import initialize
from skvideo3d.models.saving import save_weights
from skvideo3d.video.preprocessing import COMPACT_PREPROCESSING

from .checkpoints import read_checkpoint, rows_of
from .fitting import FitSettings, train
from .networks import NetworkStart
from .questions import Questions
from .recipes import TrainingRecipe
from .schedules import Cosine
from .world.clips import NO_ANSWER, TASKS, WORLD
from .world.stream import WorldClips

__all__ = ["COMPACT", "CompactRecipe", "train_compact"]

# Raised whenever a change of the code gives another network for the same recipe and world.
_ALGORITHM = 2


@dataclass(frozen=True)
class CompactRecipe:
    """How the compact network is made.

    Parameters
    ----------
    stages : tuple of (int, int)
        Side of the clips in pixels, and for how many epochs: small clips teach most for the time
        that they take, those of the size that descriptors are computed from come last.
    clips_per_epoch : int
        Each is drawn anew and shown once.
    ramp : int
        Epochs after which clips have all of their clutter; the first one has a tenth of it.
    batch_size : int
    lr, weight_decay : float
        Of AdamW, by which the answers and the normalisations learn, these without decay; the
        learning rate rises over the first steps and falls along a cosine.
    turn : float
        How far a step of Muon goes, by which all other layers learn, in lengths of their weights;
        rises and falls likewise.
    warm_up : int
        Steps of the rise.
    dropout : float
        After fc6, and before the answers.
    width : float
        Of the C3D.
    hidden : int
        Units of fc6 and fc7.
    weights : mapping of str to float
        How much the questions count; 1 where nothing is said.
    """

    stages: tuple[tuple[int, int], ...] = ((48, 22), (64, 16), (112, 2))
    clips_per_epoch: int = 5_000
    ramp: int = 18
    batch_size: int = 16
    lr: float = 1e-3
    weight_decay: float = 0.05
    turn: float = 0.004
    warm_up: int = 200
    dropout: float = 0.1
    width: float = 0.25
    hidden: int = 512
    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "act": 3.0,
            "surface": 2.0,
            "camera": 0.5,
            "pace": 0.5,
            "travel": 0.5,
            # Learnt from a few thousand clips, and then loud.
            "figures": 0.3,
            "order": 0.3,
            "colour": 0.2,
        }
    )

    @property
    def sides(self) -> tuple[int, ...]:
        """Side of the clips of each epoch."""
        return tuple(side for side, epochs in self.stages for _ in range(epochs))

    @property
    def clutter(self) -> tuple[float, ...]:
        """How cluttered the clips of the first epochs are, up to the first with all of it."""
        return (*(0.1 + 0.9 * epoch / self.ramp for epoch in range(self.ramp)), 1.0)


#: What `train_compact` does by default.
COMPACT = CompactRecipe()


def train_compact(
    path: str | PathLike[str],
    recipe: CompactRecipe = COMPACT,
    *,
    seed: int = 0,
    precision: Literal["float32", "bfloat16"] = "bfloat16",
    device: str = "cpu",
    n_workers: int = 2,
    checkpoint: str | PathLike[str] | None = None,
    verbose: int = 0,
) -> list[dict[str, float]]:
    """Train a small C3D on the generated world and write it for `C3DTransformer`.

    The network answers several questions about every clip at once (see
    `skvideo3d.training.world.clips.TASKS`). Its batch normalisations are then made part of its
    convolutions, the layer with the answers is left out, and the rest is written in float16. No
    recorded video takes part.

    Parameters
    ----------
    path : path-like
        Ends in ``.safetensors``.
    recipe : CompactRecipe, optional
    seed : int, default=0
        Of the weights, the clips and dropout. The same seed gives the same file on the same
        machine with the same number of threads, which the last bits of sums depend on.
    precision : {"bfloat16", "float32"}
        Of the products.
    device : str, default="cpu"
    n_workers : int, default=2
        Processes that draw clips; they do not change the result.
    checkpoint : path-like, optional
        File from which a training that was broken off goes on, to the same result.
    verbose : int, default=0
        Above 0 a progress bar on stderr.

    Returns
    -------
    list of dict
        A row for each epoch: loss, share of right answers to each question, learning rate, clips a
        second. As every clip is new, these are of clips that the network has not seen before.

    Raises
    ------
    ValueError
        If the path has another ending, or the device or a number is not usable.
    OSError
        If a file cannot be written there.
    CheckpointError
        If the checkpoint is of another training.
    TrainingDivergedError
        If the loss becomes NaN or infinite.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skvideo3d import C3DTransformer
    >>> tiny = CompactRecipe(
    ...     stages=((16, 1),), clips_per_epoch=4, batch_size=2, warm_up=1, width=1 / 32, hidden=8
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = train_compact(f"{folder}/tiny.safetensors", tiny, n_workers=0)
    ...     describer = C3DTransformer(f"{folder}/tiny.safetensors")
    ...     describer.fit_transform(np.zeros((2, 16, 9, 9, 3), np.uint8)).shape
    (2, 8)
    """
    path = Path(os.path.abspath(path))
    if path.suffix != ".safetensors":
        raise ValueError(f"'{path}': the name of a file of weights ends in .safetensors.")
    state_path = None if checkpoint is None else Path(os.path.abspath(checkpoint))
    for file in (path, *([] if state_path is None else [state_path])):
        _check_writable(file)
    if n_workers < 0:
        raise ValueError(f"n_workers={n_workers} must not be negative; 0 draws clips in between.")
    questions = Questions(
        {task: len(answers) for task, answers in TASKS.items()}, recipe.weights, NO_ANSWER
    )
    known_by = {
        "algorithm": str(_ALGORITHM),
        "recipe": repr({**asdict(recipe), "weights": sorted(recipe.weights.items())}),
        "world": str(WORLD),
        "seed": str(seed),
        "precision": precision,
    }
    settings = FitSettings(
        recipe=TrainingRecipe(
            lr=recipe.lr,
            schedule=Cosine(warm_up=recipe.warm_up),
            max_epochs=len(recipe.sides),
            batch_size=recipe.batch_size,
            optimizer="muon",
            turn=recipe.turn,
            weight_decay=recipe.weight_decay,
        ),
        seed=seed,
        questions=questions,
        precision=precision,
        device=usable_device(device),
        n_workers=n_workers,
        checkpoint=state_path,
        known_by=known_by,
        state=None if state_path is None else read_checkpoint(state_path, known_by),
        name="compact network",
        verbose=verbose > 0,
    )
    clips = WorldClips(
        recipe.clips_per_epoch, sizes=recipe.sides, clutter=recipe.clutter, seed=seed
    )
    start = _start(recipe, questions.n_scores, seed)
    net = train(start, settings, clips, None)
    save_weights(_plain(net.module_.network), path, dtype=torch.float16)
    return rows_of(net)


def _check_writable(path: Path) -> None:
    """Find out before the hours of a training, and not after them."""
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; give the name of a file.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(f"'{path}' cannot be written: {error.strerror}.") from error


class _Answers(nn.Module):
    """Answers all questions from the descriptors together.

    Each of them so learns from the answers at once, and not through the layers above it only.
    """

    def __init__(self, network: C3D, n_scores: int, dropout: float) -> None:
        super().__init__()
        self.network = network
        self.network.dropout.p = dropout
        self.dropout = nn.Dropout(dropout)
        fc6, fc7 = network.get_parameter("fc6.weight"), network.get_parameter("fc7.weight")
        self.scores = nn.Linear(fc6.shape[1] + len(fc6) + len(fc7), n_scores)

    def forward(self, clips: Tensor) -> Tensor:
        found = self.network.describe(clips, ("pool5", "fc6", "fc7"))
        scores: Tensor = self.scores(self.dropout(torch.cat(list(found.values()), dim=1)))
        return scores


def _start(recipe: CompactRecipe, n_scores: int, seed: int) -> NetworkStart:
    network = C3D(
        None,
        input_size=(16, *COMPACT_PREPROCESSING.crop),
        width=recipe.width,
        hidden=recipe.hidden,
        pool5="global",
        batch_norm=True,
    )
    answers = initialize(_Answers(network, n_scores, recipe.dropout), seed)
    _look_for_changes(network)
    return NetworkStart(answers, None, COMPACT_PREPROCESSING, 16, "compact")


def _look_for_changes(network: C3D) -> None:
    """Let every kernel begin with weights that add up to zero.

    What clips differ in most, their brightness, then does not drown what happens in them.
    """
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv3d):
                layer.weight -= layer.weight.mean(dim=(2, 3, 4), keepdim=True)


def _plain(network: C3D) -> C3D:
    """Make the batch normalisations part of the layers before them."""
    plain = fold_batch_norm(network.eval())
    plain.preprocessing = COMPACT_PREPROCESSING
    return plain
