"""A bar on stderr: batches done, time left, loss, accuracy, clips per second."""

from __future__ import annotations

import sys
from typing import Any

from skorch.callbacks import Callback

from .history import EpochRecord

__all__ = ["TrainingProgress"]


class TrainingProgress(Callback):
    """Shows how far the training is.

    Parameters
    ----------
    record : EpochRecord
        That counts.
    n_batches : int
        In all.
    n_done : int
        Of these, how many were done before, by a training that is gone on with.
    n_epochs : int
    description : str
    """

    def __init__(
        self, record: EpochRecord, n_batches: int, n_done: int, n_epochs: int, description: str
    ) -> None:
        self.record = record
        self.n_batches, self.n_done, self.n_epochs = n_batches, n_done, n_epochs
        self.description = description

    def on_train_begin(self, net: Any, **_: Any) -> None:
        from tqdm import tqdm

        self.bar_ = tqdm(
            total=self.n_batches,
            initial=self.n_done,
            desc=self.description,
            unit="batch",
            file=sys.stderr,
        )

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        self.bar_.set_description(
            f"{self.description} epoch {net.epoch_ + 1}/{self.n_epochs}", refresh=False
        )

    def on_batch_end(self, net: Any, training: bool, **_: Any) -> None:
        if not training:
            return
        sums = self.record.train_
        self.bar_.set_postfix_str(
            f"loss {sums.loss / max(sums.weight, 1e-9):.3f}, "
            f"accuracy {sums.n_right / max(sums.n_asked, 1):.3f}, "
            f"{sums.n_clips / max(sums.seconds, 1e-9):.1f} clips/s",
            refresh=False,
        )
        self.bar_.update()

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        if "valid_accuracy" in net.history[-1]:
            row = net.history[-1]
            self.bar_.write(
                f"epoch {row['epoch']}: loss {row['train_loss']:.3f}, "
                f"validation loss {row['valid_loss']:.3f}, accuracy {row['valid_accuracy']:.3f}",
                file=sys.stderr,
            )

    def close(self) -> None:
        """Take the bar away, whatever happened."""
        if hasattr(self, "bar_"):
            self.bar_.close()
