"""How the learning rate goes on: a factor on the first one, from what has been done so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

__all__ = ["Constant", "Cosine", "Plateau", "Schedule", "Steps", "Unit"]

#: What a schedule counts: passes over the training set, or batches.
Unit = Literal["epoch", "iteration"]


@dataclass(frozen=True)
class Constant:
    """The same learning rate from beginning to end.

    Examples
    --------
    >>> Constant()(7)
    1.0
    """

    unit: ClassVar[Unit] = "epoch"

    def __call__(self, done: int) -> float:
        """Give the factor after so many epochs."""
        del done
        return 1.0


@dataclass(frozen=True)
class Steps:
    """A learning rate that falls by a factor every so often.

    Parameters
    ----------
    factor : float
        In (0, 1].
    every : int
        Epochs or iterations between two falls.
    unit : {"epoch", "iteration"}

    Examples
    --------
    A tenth every four epochs (Tran et al. 2015, section 3.1); the epochs 0 to 3 have the first
    learning rate:

    >>> schedule = Steps(0.1, every=4)
    >>> [round(3e-3 * schedule(epoch), 9) for epoch in (0, 3, 4, 8, 15)]
    [0.003, 0.003, 0.0003, 3e-05, 3e-06]
    """

    factor: float
    every: int
    unit: Unit = "epoch"

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        _check_positive(every=self.every)

    def __call__(self, done: int) -> float:
        """Give the factor after so many epochs or iterations."""
        return float(self.factor ** (done // self.every))


@dataclass(frozen=True)
class Cosine:
    """A learning rate that falls along half a cosine, after a linear rise.

    Loshchilov and Hutter 2017, without restarts; the rise is that of Goyal et al. 2017.

    Parameters
    ----------
    length : int or None
        Epochs or iterations in all; None is as long as the training, which fills it in.
    warm_up : int
        Of these, how many the rise takes: after k of them the factor is (k + 1) / `warm_up`.
    last : float
        Factor at the end.
    unit : {"epoch", "iteration"}

    Examples
    --------
    >>> schedule = Cosine(length=10, warm_up=2)
    >>> [round(schedule(done), 3) for done in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    length: int | None = None
    warm_up: int = 0
    last: float = 0.0
    unit: Unit = "iteration"

    def __post_init__(self) -> None:
        if self.length is not None and self.length <= self.warm_up:
            raise ValueError(
                f"length={self.length} must be greater than warm_up={self.warm_up}: nothing is "
                "left to fall."
            )

    def __call__(self, done: int) -> float:
        """Give the factor after so many epochs or iterations."""
        if self.length is None:
            raise ValueError("This schedule has no length yet; give one, or let a fit fill it in.")
        if done < self.warm_up:
            return (done + 1) / self.warm_up
        part = min(1.0, (done - self.warm_up) / (self.length - self.warm_up))
        return self.last + (1 - self.last) * (1 + math.cos(math.pi * part)) / 2


@dataclass(frozen=True)
class Plateau:
    """A learning rate that falls by a factor when the loss no longer does.

    The loss is that of the validation set, or of the training set where there is none.

    Parameters
    ----------
    factor : float
        In (0, 1].
    patience : int
        Epochs without a better loss that are put up with; the one after them brings the fall.
    threshold : float
        A loss is better if it is less than ``(1 - threshold)`` times the best.
    """

    factor: float = 0.1
    patience: int = 3
    threshold: float = 1e-4
    unit: Unit = field(default="epoch", init=False)

    def __post_init__(self) -> None:
        _check_factor(self.factor)


Schedule = Constant | Steps | Cosine | Plateau


def _check_factor(factor: float) -> None:
    if not 0 < factor <= 1:
        raise ValueError(f"factor={factor!r} must lie in (0, 1]: a learning rate falls.")


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name}={value!r} must be at least 1.")
