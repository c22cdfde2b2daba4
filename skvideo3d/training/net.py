"""The network under training as skorch sees it: what a step is; the loop is skorch's."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from skorch import NeuralNet
from skorch.hf import AccelerateMixin
from torch import Tensor, nn

from skvideo3d.feature_extraction.preparing import ClipPreparation
from skvideo3d.video.preprocessing import Preprocessing

from .muon import normalized_weights
from .networks import scores_of
from .precision import products_in

__all__ = ["AcceleratedClipNet", "ClipNet"]

# Layers draw from torch's one generator, which the trainings in all threads of a process share.
_USES_GENERATOR = threading.Lock()


class ClipNet(NeuralNet):
    """A network that learns the classes of clips.

    Parameters
    ----------
    module : Module
        Changed by the training.
    score_layer : str or None
        Layer of a `LayeredNetwork` that gives the scores; None: the module's output.
    preprocessing : Preprocessing
        From bytes to numbers.
    precision : {"float32", "bfloat16"}
    frozen : tuple of Module
        Those that stay in evaluation mode: batch normalisations keep their statistics.
    seed : int
        Of dropout: the random numbers of a step depend on it, the epoch and the batch alone.
    **options
        Of `skorch.NeuralNet`.

    Attributes
    ----------
    epoch_, batch_ : int
        Which step it is, from 0.
    """

    module_: Any
    optimizer_: Any

    def __init__(
        self,
        module: nn.Module,
        *,
        criterion: type[nn.Module] | nn.Module = nn.CrossEntropyLoss,
        score_layer: str | None,
        preprocessing: Preprocessing,
        precision: Literal["float32", "bfloat16"] = "float32",
        frozen: tuple[nn.Module, ...] = (),
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(module, criterion, **options)
        self.score_layer = score_layer
        self.preprocessing = preprocessing
        self.precision = precision
        self.frozen = frozen
        self.seed = seed

    @property
    def _default_callbacks(self) -> list[Any]:
        return []  # ours know of epochs that go on in the middle

    def initialize_module(self) -> ClipNet:
        super().initialize_module()
        # The layout in which 3D convolutions are fastest, and in which clips come.
        self.module_ = self.module_.to(memory_format=torch.channels_last_3d)
        self.epoch_, self.batch_, self.first_batch_ = 0, 0, 0
        self.preparations_: dict[tuple[int, int], ClipPreparation] = {}
        self.interrupted_ = False
        return self

    def get_params_for_optimizer(
        self, prefix: str, named_parameters: Iterable[tuple[str, nn.Parameter]]
    ) -> tuple[tuple[list[dict[str, Any]]], dict[str, Any]]:
        """Group what is trained; biases and normalisations, which are vectors, do not decay."""
        trained = [value for _, value in named_parameters if value.requires_grad]
        _, options = super().get_params_for_optimizer(prefix, [])
        turn = options.pop("turn", None)
        turned = set() if turn is None else set(normalized_weights(self.module_)) & set(trained)
        if turn is not None and not turned:
            raise ValueError(
                "optimizer='muon' turns the weights of layers that a batch normalisation follows, "
                "and this network has none to train; use 'adamw', or a network such as 'c3d-bn'."
            )
        matrices = [value for value in trained if value.ndim > 1]
        groups: list[dict[str, Any]] = [
            {"params": [value for value in matrices if value not in turned]},
            {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0},
            {
                "params": [value for value in matrices if value in turned],
                "turns": True,
                "lr": turn,
            },
        ]
        return ([group for group in groups if group["params"]],), options

    def fit_loop(self, *args: Any, **options: Any) -> ClipNet:
        """Run skorch's loop, and remember whether it was broken off, which skorch forgives."""
        try:
            super().fit_loop(*args, **options)
        except KeyboardInterrupt:
            self.interrupted_ = True
            raise
        return self

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, **options: Any) -> None:
        if self.history:
            self.history[-1]["batches"].clear()  # millions of them in a long training
        super().on_epoch_begin(net, dataset_train=dataset_train, **options)
        self.epoch_ = len(self.history) - 1
        self.batch_, self.first_batch_ = self.first_batch_, 0
        dataset_train.clips.set_epoch(self.epoch_)
        batches = self.iterator_train__batch_sampler
        batches.epoch = self.epoch_
        batches.first = self.batch_ * self.n_processes
        batches.stop = self.length.steps_of(self.epoch_) * self.n_processes

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = False, **_: Any) -> None:
        super().on_batch_begin(net, batch=batch, training=training)
        if training:
            self.batch_ += 1

    def train_step(self, batch: Any, **options: Any) -> dict[str, Tensor]:
        key = (self.seed, self.epoch_, self.batch_, self.process)
        with random_numbers(key, self.on_device):
            step: dict[str, Tensor] = super().train_step(batch, **options)
            return step

    @property
    def n_processes(self) -> int:
        """How many train this network together."""
        return 1

    @property
    def process(self) -> int:
        """Which of them this one is."""
        return 0

    @property
    def is_epoch_cut(self) -> bool:
        """Whether the training ends before this epoch is over."""
        return bool(self.length.steps_of(self.epoch_) < self.length.in_epoch)

    @property
    def on_device(self) -> torch.device:
        """Where the network is."""
        first: nn.Parameter = next(self.module_.parameters())
        return first.device

    def infer(self, x: Tensor, **_: Any) -> Tensor:
        """Give the scores of clips of shape (n, frames, height, width, 3), uint8, RGB.

        Or of shape (n, 3, frames, height, width), prepared.
        """
        device = self.on_device
        clips = x.to(device, non_blocking=True)
        if not clips.is_floating_point():
            clips = self._preparation(x.shape[2], x.shape[3])(clips)
        with products_in(self.precision, self.module_, str(device)):
            scores = scores_of(self.module_, clips, self.score_layer)
        return scores.float()

    def _preparation(self, height: int, width: int) -> ClipPreparation:
        """Give the arithmetic for clips of a size, which may change from epoch to epoch."""
        size = (height, width)
        if size not in self.preparations_:
            recipe = self.preprocessing
            if size != recipe.crop:
                recipe = replace(recipe, resize=size, crop=size)
            self.preparations_[size] = ClipPreparation(recipe, str(self.on_device))
        return self.preparations_[size]

    def _set_training(self, training: bool = True) -> None:
        super()._set_training(training)
        for part in self.frozen:
            part.eval()


class AcceleratedClipNet(AccelerateMixin, ClipNet):
    """A `ClipNet` on the devices of an `accelerate.Accelerator`, a process each."""

    _criteria: list[str]

    @property
    def n_processes(self) -> int:
        """How many train this network together."""
        return int(self.accelerator.num_processes)

    @property
    def process(self) -> int:
        """Which of them this one is."""
        return int(self.accelerator.process_index)

    def _initialize_accelerator(self) -> AcceleratedClipNet:
        # The loss has no parameters to share, and torch refuses to share none.
        criteria, self._criteria = self._criteria, []
        try:
            super()._initialize_accelerator()
        finally:
            self._criteria = criteria
        self.criterion_.to(self.accelerator.device)
        return self

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        # Every process tests on all clips: shares would have to be of the same size.
        if not training:
            return NeuralNet.get_iterator(self, dataset, training)
        return super().get_iterator(dataset, training)


@contextmanager
def random_numbers(key: tuple[int, ...], device: torch.device) -> Iterator[None]:
    """Let torch's random numbers begin at a place given by whole numbers, and go back after it.

    One thread at a time: others wait.
    """
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
    cuda = [device] if device.type == "cuda" else []
    with _USES_GENERATOR, torch.random.fork_rng(cuda):
        # Not torch.manual_seed, which seeds the devices that are not put back as well.
        torch.default_generator.manual_seed(seed)
        for each in cuda:
            index = torch.cuda.current_device() if each.index is None else each.index
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
