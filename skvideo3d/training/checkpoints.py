"""Checkpoints from which a training goes on to the same result, bit for bit on a CPU."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models.torch_files import load_torch

from .history import EpochRecord, Sums, diverged

__all__ = ["Checkpoints", "TrainingState", "read_checkpoint"]

# Raised when an older reader would misread a newer file, or a change of the code the numbers.
_FORMAT = 1
# Seconds after which an unfinished file belongs to nobody: a write takes far less.
_ABANDONED = 3600.0


@dataclass(frozen=True)
class TrainingState:
    """A training between two steps.

    Parameters
    ----------
    known_by : dict of str to str
        Everything that determines its numbers.
    seed : int
    epoch : int
        Epochs that are over.
    batch : int
        Of the epoch that is going on, the batches that are over.
    sums : dict
        Of those batches.
    history : list of dict
        A row for each epoch that is over.
    network, optimizer, schedule : dict
        Their states.
    """

    known_by: dict[str, str]
    seed: int
    epoch: int
    batch: int
    sums: dict[str, float]
    history: list[dict[str, float]]
    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]


def read_checkpoint(path: Path, known_by: Mapping[str, str]) -> TrainingState | None:
    """Read the state of a training.

    Parameters
    ----------
    path : Path
    known_by : mapping of str to str
        Of the training that is to go on from it.

    Returns
    -------
    TrainingState or None
        None if there is no such file.

    Raises
    ------
    CheckpointError
        If the file is none of ours, is damaged, or is of a training with other settings or other
        videos; what differs is named.
    """
    if not path.exists():
        return None
    content = load_torch(path, zipped=True)
    if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
        raise CheckpointError(
            f"'{path}' is no checkpoint of a training by this version of skvideo3d; give "
            "checkpoint= another path, or remove the file."
        )
    try:
        state = TrainingState(**content)
        differing = [
            f"{name} was {_short(state.known_by.get(name))} and is {_short(value)}"
            for name, value in known_by.items()
            if state.known_by.get(name) != value
        ]
    except (TypeError, AttributeError) as error:
        raise CheckpointError(f"'{path}' is no whole checkpoint of a training: {error}.") from None
    if differing:
        raise CheckpointError(
            f"'{path}' is the checkpoint of another training: {'; '.join(differing)}. Use the "
            "settings and videos of then, give checkpoint= another path, or remove the file to "
            "begin anew."
        )
    return state


class Checkpoints(Callback):
    """Goes on from a state, and writes states: after every epoch, and in the middle of long ones.

    Its place is after the callbacks that record the epoch and set the learning rate.

    Parameters
    ----------
    path : Path or None
        None writes nothing.
    known_by : dict of str to str
    record : EpochRecord
    state : TrainingState or None
        To go on from.
    every : float
        Seconds after which a state is written in the middle of an epoch.
    """

    def __init__(
        self,
        path: Path | None,
        known_by: dict[str, str],
        record: EpochRecord,
        state: TrainingState | None,
        every: float,
    ) -> None:
        self.path = path
        self.known_by = known_by
        self.record = record
        self.state = state
        self.every = every

    def on_train_begin(self, net: Any, **_: Any) -> None:
        self.written_ = time.monotonic()
        if self.state is None:
            return
        try:
            self._restore(net, self.state)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise CheckpointError(
                f"'{self.path}' does not fit the network and optimiser: {error}. Remove it to "
                "begin anew."
            ) from error

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        if self.state is not None and self.state.batch:
            self.record.train_ = Sums(**self.state.sums)  # type: ignore[arg-type]
        self.state = None

    def on_batch_end(self, net: Any, training: bool, **_: Any) -> None:
        # An epoch that is cut short by a number of iterations can be gone on with by a longer
        # training: its end is none.
        is_cut = net.is_epoch_cut and net.batch_ == net.length.steps_of(net.epoch_)
        is_time = time.monotonic() - self.written_ >= self.every
        if training and self.path and (is_cut or is_time):
            self._write(net, net.epoch_, net.batch_)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        _check_finite(net, self.record.lr_)
        if self.path and not net.is_epoch_cut:
            self._write(net, net.epoch_ + 1, 0)

    def _restore(self, net: Any, state: TrainingState) -> None:
        unwrapped(net).load_state_dict(state.network)
        net.optimizer_.load_state_dict(_own(state.optimizer))
        dict(net.callbacks_)["schedule"].lr_scheduler_.load_state_dict(state.schedule)
        for row in state.history:
            net.history.new_epoch()
            for name, value in row.items():
                net.history.record(name, value)
        net.first_batch_ = state.batch
        net.last_checkpoint_ = self.path

    def _write(self, net: Any, epoch: int, batch: int) -> None:
        assert self.path is not None
        accelerator = getattr(net, "accelerator", None)
        if accelerator is None or accelerator.is_main_process:
            _check_finite(net, self.record.lr_)
            state = TrainingState(
                known_by=self.known_by,
                seed=net.seed,
                epoch=epoch,
                batch=batch,
                sums=asdict(self.record.train_),
                history=rows_of(net)[:epoch],
                network=unwrapped(net).state_dict(),
                optimizer=net.optimizer_.state_dict(),
                schedule=dict(net.callbacks_)["schedule"].lr_scheduler_.state_dict(),
            )
            _write_whole(self.path, {"format": _FORMAT, **vars(state)})
        net.last_checkpoint_ = self.path
        self.written_ = time.monotonic()


def rows_of(net: Any) -> list[dict[str, float]]:
    """Give the rows of the epochs in skorch's history that are over, without its own entries."""
    kept = ("epoch", "train_", "valid_", "lr", "n_clips", "seconds", "clips_per_second")
    return [
        {
            name: value
            for name, value in row.items()
            if name.startswith(kept) and not name.endswith(("_batch_count", "_best"))
        }
        for row in net.history
        if "train_loss" in row
    ]


def unwrapped(net: Any) -> nn.Module:
    """Give the network itself, out of what spreads it over devices."""
    accelerator = getattr(net, "accelerator", None)
    module: nn.Module = net.module_
    return module if accelerator is None else accelerator.unwrap_model(module)


def _check_finite(net: Any, lr: float) -> None:
    for name, value in unwrapped(net).state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise diverged(net, f"{name} of the network became NaN or infinite", lr)


def _own(state: Any) -> Any:
    """Copy what may be mapped to the file, which is going to be replaced."""
    if isinstance(state, Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {name: _own(value) for name, value in state.items()}
    return [_own(value) for value in state] if isinstance(state, list) else state


def _write_whole(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        torch.save(content, part)
        _sweep(path, part.stat().st_mtime)
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sweep(path: Path, now: float) -> None:
    """Remove what killed processes left; `now` is by the file system's clock."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):  # others sweep too
            if now - part.stat().st_mtime > _ABANDONED:
                part.unlink()


def _short(value: str | None) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
