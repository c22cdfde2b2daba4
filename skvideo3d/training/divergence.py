"""Training that came to nothing."""

from __future__ import annotations

from skvideo3d.exceptions import SkVideo3DError

__all__ = ["TrainingDivergedError"]


class TrainingDivergedError(SkVideo3DError, FloatingPointError):
    """The loss, or a weight, is NaN or infinite; the message says where, and what is still good.

    Attributes
    ----------
    epoch, batch : int
        From 1, as those of `history_`.
    lr : float
        The learning rate there.
    """

    def __init__(self, what: str, epoch: int, batch: int, lr: float, checkpoint: str) -> None:
        super().__init__(what, epoch, batch, lr, checkpoint)
        self.epoch, self.batch, self.lr = epoch, batch, lr
        self._what, self._checkpoint = what, checkpoint

    def __str__(self) -> str:
        return (
            f"{self._what} in batch {self.batch} of epoch {self.epoch}, with learning rate "
            f"{self.lr:g}. {self._checkpoint} Use a smaller lr (of "
            "optimizer='muon' a smaller turn as well), or look at the "
            "videos and labels. A checkpoint goes on with its own lr alone: for another one give "
            "another checkpoint=, or remove the file."
        )
