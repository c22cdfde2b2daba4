"""How networks are trained: the papers' recipes, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

from .clip_sampling import ClipSampling
from .schedules import Constant, Plateau, Schedule, Steps

__all__ = ["RECIPES", "TrainingRecipe", "find_recipe"]


@dataclass(frozen=True)
class TrainingRecipe:
    """Everything about a training that is not the network and not the videos.

    Weight decay is for the weights of convolutions and fully connected layers alone; biases and
    batch normalisations have none, as in the C3D authors' network files.

    Parameters
    ----------
    lr : float, default=3e-3
        The first learning rate.
    schedule : Constant, Steps, Cosine or Plateau
        How it goes on.
    max_epochs : int or None
        Passes over the training set; None where `max_iterations` says when to stop.
    max_iterations : int or None
        Batches after which the training stops, in the middle of an epoch if need be.
    batch_size : int, default=30
        Clips.
    optimizer : {"sgd", "adamw", "muon"}, default="sgd"
        "muon" turns the weights of the layers that a batch normalisation follows (see
        `skvideo3d.training.muon.Muon`), and is "adamw" for all others.
    momentum : float, default=0.9
        Of "sgd".
    turn : float, default=0.005
        Of "muon", what `lr` is for the other weights: how far a step goes, in lengths of a layer's
        weights. It follows the schedule as well.
    weight_decay : float, default=5e-3
    sampling : ClipSampling
        Which clips of a video an epoch takes; its `clip_len` is for networks that take clips of
        any length.
    jitter : bool, default=True
        Whether clips are cropped at random places; else in the centre, and nothing is mirrored.
    flip : float, default=0.5
        Probability that a clip is mirrored, left to right.

    Raises
    ------
    ValueError
        If a number is out of its range, or there is not one way to stop.

    Examples
    --------
    >>> from dataclasses import replace
    >>> longer = replace(RECIPES["ucf101-study"], max_epochs=32)
    >>> longer.lr, longer.batch_size
    (0.003, 30)
    """

    lr: float = 3e-3
    schedule: Schedule = field(default_factory=Constant)
    max_epochs: int | None = None
    max_iterations: int | None = None
    batch_size: int = 30
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    momentum: float = 0.9
    turn: float = 0.005
    weight_decay: float = 5e-3
    sampling: ClipSampling = field(default_factory=ClipSampling)
    jitter: bool = True
    flip: float = 0.5

    def __post_init__(self) -> None:
        if (self.max_epochs is None) == (self.max_iterations is None):
            raise ValueError(
                f"max_epochs={self.max_epochs!r}, max_iterations={self.max_iterations!r}: give one "
                "of them, which says when the training stops."
            )
        if self.optimizer not in ("sgd", "adamw", "muon"):
            raise ValueError(f"optimizer={self.optimizer!r}: use 'sgd', 'adamw' or 'muon'.")
        for name in ("max_epochs", "max_iterations", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value!r} must be at least 1.")
        for name in ("lr", "momentum", "turn", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)!r} must not be negative.")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip={self.flip!r} must be a probability.")


RECIPES: Mapping[str, TrainingRecipe] = MappingProxyType(
    {
        # Tran et al. 2015, section 3.1; momentum and weight decay from the solver that the authors
        # published for UCF101.
        "ucf101-study": TrainingRecipe(
            lr=3e-3,
            schedule=Steps(0.1, every=4),
            max_epochs=16,
            batch_size=30,
            sampling=ClipSampling(clip_len=16),
        ),
        # Tran et al. 2015, section 3.3; the rest as above.
        "sports1m": TrainingRecipe(
            lr=3e-3,
            schedule=Steps(0.5, every=150_000, unit="iteration"),
            max_iterations=1_900_000,
            batch_size=30,
            sampling=ClipSampling(clip_len=16, clips_per_video=5, span_seconds=2.0),
        ),
        # Carreira and Zisserman 2017, section 2.5: SGD, 0.9, 110,000 steps, a tenth when the
        # validation loss does not fall any more. The paper names no learning rate (tuned on
        # miniKinetics), weight decay or batch of a GPU: those are ours.
        "kinetics": TrainingRecipe(
            lr=1e-2,
            schedule=Plateau(factor=0.1),
            max_iterations=110_000,
            batch_size=32,
            weight_decay=0.0,
            sampling=ClipSampling(clip_len=64, clips_per_video=1),
        ),
    }
)


def find_recipe(recipe: str | TrainingRecipe) -> TrainingRecipe:
    """Look a recipe up.

    Parameters
    ----------
    recipe : str or TrainingRecipe
        A key of `RECIPES`; a recipe is returned as it is.

    Returns
    -------
    TrainingRecipe

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> find_recipe("sports1m").max_iterations
    1900000
    >>> find_recipe("sports-1m")
    Traceback (most recent call last):
        ...
    ValueError: recipe='sports-1m' is none. Did you mean 'sports1m'? There are 'ucf101-study',
    'sports1m', 'kinetics'; a TrainingRecipe is taken as well.
    """
    if isinstance(recipe, TrainingRecipe):
        return recipe
    if recipe not in RECIPES:
        close = get_close_matches(recipe, RECIPES, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"recipe={recipe!r} is none.{guess} There are {', '.join(map(repr, RECIPES))}; a "
            "TrainingRecipe is taken as well."
        )
    return RECIPES[recipe]
