"""What an epoch came to: loss and accuracy of training and validation, learning rate, speed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor

from .divergence import TrainingDivergedError
from .questions import Questions

__all__ = ["EpochRecord", "Sums"]


@dataclass
class Sums:
    """Of the clips of a part of an epoch: what becomes its means.

    Parameters
    ----------
    loss : float
        Sum of the clips' losses, each times the weight of its class.
    weight : float
        Sum of those weights.
    n_right, n_asked, n_clips : int
        Right answers; questions, which are as many as clips where each is asked for its class.
    seconds : float
    questions : dict of str to (int, int)
        Of several questions, how often each was answered right, and how often it was asked.
    """

    loss: float = 0.0
    weight: float = 0.0
    n_right: int = 0
    n_asked: int = 0
    n_clips: int = 0
    seconds: float = 0.0
    questions: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add_answers(self, answers: dict[str, tuple[int, int]]) -> None:
        """Count, for each question, the right answers and how often it was asked."""
        for name, (n_right, n_asked) in answers.items():
            before = self.questions.get(name, (0, 0))
            self.questions[name] = (before[0] + n_right, before[1] + n_asked)
            self.n_right += n_right
            self.n_asked += n_asked


@dataclass
class _VideoScores:
    """Of each video of the validation set, the sum of its clips' probabilities."""

    labels: dict[int, int] = field(default_factory=dict)
    sums: dict[int, Tensor] = field(default_factory=dict)


class EpochRecord(Callback):
    """Writes a row into skorch's history when an epoch is over.

    Parameters
    ----------
    class_weight : Tensor of shape (n_classes,) or None
        That of the loss.
    valid_groups : sequence of int
        Which video each clip of the validation set is of.
    questions : Questions or None
        Of several questions about every clip, in place of its one class.
    """

    def __init__(
        self, class_weight: Tensor | None, valid_groups: Any, questions: Questions | None = None
    ) -> None:
        self.class_weight = class_weight
        self.valid_groups = valid_groups
        self.questions = questions

    def initialize(self) -> EpochRecord:
        self.train_, self.valid_ = Sums(), Sums()
        self.videos_ = _VideoScores()
        self.lr_ = math.nan
        return self

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        self.train_, self.valid_ = Sums(), Sums()
        self.videos_ = _VideoScores()
        self.began_ = time.perf_counter()

    def on_batch_begin(self, net: Any, batch: Any, training: bool, **_: Any) -> None:
        if training:
            self.lr_ = float(net.optimizer_.param_groups[0]["lr"])

    def on_batch_end(
        self, net: Any, batch: Any, training: bool, loss: Tensor, y_pred: Tensor, **_: Any
    ) -> None:
        _, labels = batch
        y_pred, labels = y_pred.detach(), labels.to(y_pred.device)
        weight = float(len(labels))
        if self.class_weight is not None:
            weight = float(self.class_weight.to(labels.device)[labels].sum())
        sums = self.train_ if training else self.valid_
        value = float(loss.detach())
        if training and not math.isfinite(value):
            raise diverged(net, f"The loss became {value}", self.lr_)
        if training:
            now = time.perf_counter()
            sums.seconds += now - self.began_
            self.began_ = now
        else:
            self._add_videos(y_pred, labels)
        sums.loss += value * weight
        sums.weight += weight
        if self.questions is not None:
            sums.add_answers(self.questions.right(y_pred, labels))
        else:
            sums.n_right += int((y_pred.argmax(1) == labels).sum())
            sums.n_asked += len(labels)
        sums.n_clips += len(labels)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        train = self._of_all_processes(net)
        row = {
            "epoch": net.epoch_ + 1,
            "train_loss": train.loss / train.weight if train.weight else math.nan,
            "train_accuracy": train.n_right / train.n_asked if train.n_asked else math.nan,
            "lr": self.lr_,
            "n_clips": train.n_clips,
            "seconds": train.seconds,
            "clips_per_second": train.n_clips / max(train.seconds, 1e-9),
        }
        for name, (n_right, n_asked) in self.train_.questions.items():
            row[f"train_{name}_right"] = n_right / n_asked if n_asked else math.nan
        if self.valid_.n_clips:
            row["valid_loss"] = self.valid_.loss / self.valid_.weight
            row["valid_accuracy"] = self.valid_.n_right / self.valid_.n_asked
            row["valid_video_accuracy"] = self._video_accuracy()
        for name, value in row.items():
            net.history.record(name, value)

    def _add_videos(self, y_pred: Tensor, labels: Tensor) -> None:
        first = self.valid_.n_clips
        for place, (row, label) in enumerate(
            zip(y_pred.softmax(1).cpu(), labels.tolist(), strict=True)
        ):
            video = int(self.valid_groups[first + place])
            self.videos_.labels[video] = label
            self.videos_.sums[video] = self.videos_.sums.get(video, 0) + row

    def _video_accuracy(self) -> float:
        right = [
            int(total.argmax()) == self.videos_.labels[video]
            for video, total in self.videos_.sums.items()
        ]
        return sum(right) / len(right)

    def _of_all_processes(self, net: Any) -> Sums:
        accelerator = getattr(net, "accelerator", None)
        if accelerator is None or accelerator.num_processes == 1:
            return self.train_
        sums = self.train_
        counts = [sums.n_right, sums.n_asked, sums.n_clips]
        own = torch.tensor([sums.loss, sums.weight, *counts], dtype=torch.float64)
        loss, weight, *counts = accelerator.reduce(own.to(accelerator.device)).tolist()
        n_right, n_asked, n_clips = map(round, counts)
        return Sums(loss, weight, n_right, n_asked, n_clips, sums.seconds)


def diverged(net: Any, what: str, lr: float) -> TrainingDivergedError:
    """Say where a training came to nothing."""
    checkpoint = getattr(net, "last_checkpoint_", None)
    kept = (
        f"The last checkpoint before it is '{checkpoint}'."
        if checkpoint
        else "There is no checkpoint before it (checkpoint= keeps one)."
    )
    return TrainingDivergedError(what, net.epoch_ + 1, net.batch_, lr, kept)
