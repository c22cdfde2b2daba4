"""The network of a spec, loaded once in a process and run on batches of clips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .devices import usable_device
from .spec import DescriptorSpec, Precision
from .torch_settings import torch_settings

if TYPE_CHECKING:
    from torch import Tensor

    from skvideo3d.inference import PreparedNetwork
    from skvideo3d.models.checkpoints import Weights
    from skvideo3d.video.preprocessing import Preprocessing

__all__ = [
    "DeviceNetwork",
    "Frames",
    "Rows",
    "descriptor_sizes",
    "run_network",
]

# A clip: frames of shape (height, width, 3), uint8, RGB.
Frames = Sequence[NDArray[np.uint8]]
# For each layer (n_clips, d), float32.
Rows = dict[str, NDArray[np.float32]]


def run_network(
    clips: NDArray[np.uint8], spec: DescriptorSpec, device: str | None = None
) -> dict[str, NDArray[np.float32]]:
    """Compute the layers of a spec for a batch of clips.

    Parameters
    ----------
    clips : ndarray of shape (n_clips, clip_len, height, width, 3), uint8, RGB
        Resized and cropped.
    spec : DescriptorSpec
    device : str, optional
        A torch device; default CUDA where there is one, else the CPU.

    Returns
    -------
    dict of str to ndarray of shape (n_clips, d), float32
    """
    return DeviceNetwork(spec, usable_device(device)).start([list(clip) for clip in clips])()


class DeviceNetwork:
    """A network on a device, for one thread that gives it batches one after the other.

    Parameters
    ----------
    spec : DescriptorSpec
    device : str
        From `skvideo3d.feature_extraction.devices.usable_devices`.
    """

    def __init__(self, spec: DescriptorSpec, device: str) -> None:
        import torch

        from .preparing import ClipPreparation

        self._layers = spec.layers
        self._kind = torch.device(device).type
        self._device = device
        self._loaded = _load(spec.weights, spec.precision, device)
        self._prepare = ClipPreparation(_recipe(spec), device)
        self._stages = [_Stage(), _Stage()] if self.is_asynchronous else [_Stage()]

    @property
    def is_asynchronous(self) -> bool:
        """Whether `start` returns before the batch is done."""
        return self._kind == "cuda"

    def start(self, clips: Sequence[Frames]) -> Callable[[], Rows]:
        """Begin with a batch; on a GPU return before it is done.

        Of the batches begun, all but the last must have been waited for before the next `start`.

        Parameters
        ----------
        clips : sequence of clips
            Each of as many frames of the same size, uint8, RGB.

        Returns
        -------
        callable
            Waits, and gives the layers' values, a row for each clip.
        """
        import torch

        stage = self._stages[0]
        self._stages.reverse()
        with (
            self._loaded.turn,
            torch.inference_mode(),
            torch.autocast(self._kind, enabled=False),
            torch_settings.held(),
        ):
            if self.is_asynchronous:
                return self._start_on_gpu(stage.filled(clips, pinned=True), stage)
            batch = stage.filled(clips, pinned=False).to(self._device)
            layers = self._loaded.network.describe(self._prepare(batch), self._layers)
            rows = {name: values.cpu().numpy() for name, values in layers.items()}
        return lambda: rows

    def _start_on_gpu(self, batch: Tensor, stage: _Stage) -> Callable[[], Rows]:
        import torch

        copying, computing = self._loaded.streams
        with torch.cuda.stream(copying):
            arrived = stage.on_device(batch, self._device)
        with torch.cuda.stream(computing):
            computing.wait_stream(copying)
            arrived.record_stream(computing)  # not to be lent to others before it has been read
            layers = self._loaded.network.describe(self._prepare(arrived), self._layers)
            found = {}
            for name, values in layers.items():
                found[name] = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
                found[name].copy_(values, non_blocking=True)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(computing)

        def wait() -> Rows:
            done.synchronize()
            return {name: values.numpy() for name, values in found.items()}

        return wait


class _Stage:
    """Memory for the pixels of a batch on its way to the network."""

    def __init__(self) -> None:
        self._host: Tensor | None = None
        self._device: Tensor | None = None

    def filled(self, clips: Sequence[Frames], *, pinned: bool) -> Tensor:
        import torch

        shape = (len(clips), len(clips[0]), *clips[0][0].shape)
        if self._host is None or self._host.shape[1:] != shape[1:] or len(self._host) < shape[0]:
            self._host = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        batch = self._host[: len(clips)]
        for row, clip in zip(batch.numpy(), clips, strict=True):
            np.stack(clip, out=row)
        return batch

    def on_device(self, batch: Tensor, device: str) -> Tensor:
        import torch

        if (
            self._device is None
            or self._device.shape[1:] != batch.shape[1:]
            or len(self._device) < len(batch)
        ):
            self._device = torch.empty(batch.shape, dtype=torch.uint8, device=device)
        return self._device[: len(batch)].copy_(batch, non_blocking=True)


@lru_cache(maxsize=64)
def descriptor_sizes(spec: DescriptorSpec) -> dict[str, int]:
    """Find the number of values in each layer of a spec, without weights or computation.

    Parameters
    ----------
    spec : DescriptorSpec

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        If the layer is no descriptor, or the network cannot take clips of this length and size.
    """
    import torch

    from skvideo3d.models.checkpoints import build_network

    network = build_network(spec.weights)
    for layer in spec.layers:
        # C3D's maps are millions of values: what describes a video is fewer than what it computes.
        if layer not in network.descriptor_layers:
            raise ValueError(
                f"layer={layer!r} is no descriptor of {type(network).__name__}; choose from "
                f"{', '.join(network.descriptor_layers)}."
            )
    clip = torch.empty(1, 3, spec.clip_len, *spec.preprocessing.crop, device="meta")
    with torch.inference_mode():
        layers = network.describe(clip, spec.layers)
    return {name: layers[name].shape[1] for name in spec.layers}


@lru_cache(maxsize=64)
def _recipe(spec: DescriptorSpec) -> Preprocessing:
    """Find the mean cube of the weights where this machine keeps it."""
    from skvideo3d.models.checkpoints import relocated

    if spec.preprocessing != spec.weights.preprocessing:
        return spec.preprocessing
    return relocated(spec.weights).preprocessing


class _Loaded:
    """A network, and what its users share so that they do not meet in it.

    On a CPU its threads take every core: users take turns. On a GPU they share one stream.
    """

    def __init__(self, network: PreparedNetwork, device: str) -> None:
        import torch

        self.network = network
        self.turn = threading.Lock()
        if torch.device(device).type == "cuda":
            self.streams = [torch.cuda.Stream(device) for _ in range(2)]  # type: ignore[no-untyped-call]
            torch.cuda.synchronize(device)  # the weights came by another stream


_loading = threading.Lock()


def _load(weights: Weights, precision: Precision, device: str) -> _Loaded:
    from skvideo3d.inference import prepare_network
    from skvideo3d.models.checkpoints import load_network

    with _loading:
        by_device = _by_device(weights, precision)
        if device not in by_device:
            network = prepare_network(load_network(weights), precision, device)
            by_device[device] = _Loaded(network, device)
        return by_device[device]


@lru_cache(maxsize=4)  # the paper's three networks in a union, and one more
def _by_device(weights: Weights, precision: Precision) -> dict[str, _Loaded]:
    return {}
