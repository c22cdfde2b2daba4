"""The network of a spec, loaded once in a process and run on batches of clips."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .devices import usable_device
from .same_module import SameModule
from .spec import DescriptorSpec, Precision, Stream
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
    "network_layers",
    "run_network",
]

# A clip: frames of shape (height, width, 3), uint8, RGB; or flow, (height, width, 2), float32.
Frames = Sequence[NDArray[Any]]
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
    """The networks of a spec on a device, for one thread that gives batches one after the other.

    Parameters
    ----------
    spec : DescriptorSpec
    device : str
        From `skvideo3d.feature_extraction.devices.usable_devices`.
    """

    def __init__(self, spec: DescriptorSpec, device: str) -> None:
        import torch

        self._spec = spec
        self._kind = torch.device(device).type
        self._device = device
        self._networks = [_StreamNetwork(spec, stream, device) for stream in spec.streams]
        self._stages = [
            [_Stage() for _ in self._networks] for _ in range(2 if self.is_asynchronous else 1)
        ]

    @property
    def is_asynchronous(self) -> bool:
        """Whether `start` returns before the batch is done."""
        return self._kind == "cuda"

    def start(self, *clips: Sequence[Frames]) -> Callable[[], Rows]:
        """Begin with a batch; on a GPU return before it is done.

        Of the batches begun, all but the last must have been waited for before the next `start`.

        Parameters
        ----------
        *clips : sequence of clips
            What each stream sees of them, in the order of the spec; a clip has as many frames of
            the same size as every other.

        Returns
        -------
        callable
            Waits, and gives the layers' values, a row for each clip.
        """
        import torch

        stages = self._stages[0]
        self._stages.reverse()
        with (
            torch.inference_mode(),
            torch.autocast(self._kind, enabled=False),
            torch_settings.held(),
        ):
            if self.is_asynchronous:
                return self._start_on_gpu(clips, stages)
            found = {}
            for network, stage, frames in zip(self._networks, stages, clips, strict=True):
                with network.turn:
                    found[network.name] = network.describe(stage.filled(frames, pinned=False))
            joined = _joined(self._spec, found)
            rows = {name: values.cpu().numpy() for name, values in joined.items()}
        return lambda: rows

    def _start_on_gpu(
        self, clips: Sequence[Sequence[Frames]], stages: Sequence[_Stage]
    ) -> Callable[[], Rows]:
        import torch

        with _loading:
            queues = _queues(self._device)
        copying, computing = queues.copying, queues.computing
        with queues.turn:
            found = {}
            for network, stage, frames in zip(self._networks, stages, clips, strict=True):
                batch = stage.filled(frames, pinned=True)
                with torch.cuda.stream(copying):
                    arrived = stage.on_device(batch, self._device)
                with torch.cuda.stream(computing):
                    computing.wait_stream(copying)
                    arrived.record_stream(computing)  # not to be lent to others before it is read
                    found[network.name] = network.describe(arrived)
            with torch.cuda.stream(computing):
                layers = {}
                for name, values in _joined(self._spec, found).items():
                    layers[name] = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
                    layers[name].copy_(values, non_blocking=True)
                done = torch.cuda.Event()  # type: ignore[no-untyped-call]
                done.record(computing)

        def wait() -> Rows:
            done.synchronize()
            return {name: values.numpy() for name, values in layers.items()}

        return wait


class _StreamNetwork:
    """A network of a spec, and what goes before it, on a device."""

    def __init__(self, spec: DescriptorSpec, stream: Stream, device: str) -> None:
        from .preparing import ClipPreparation

        self.name = stream.name
        self._layers = network_layers(spec, stream)
        self._device = device
        self._loaded = _load(stream.weights, spec.precision, device)
        self._prepare = None
        if stream.flow is None:
            self._prepare = ClipPreparation(_recipe(stream), device)

    @property
    def turn(self) -> threading.Lock:
        """Who holds it may use the network."""
        return self._loaded.turn

    def describe(self, batch: Tensor) -> dict[str, Tensor]:
        """Compute the layers of clips of shape (n, frames, height, width, channels)."""
        clips = batch.to(self._device)
        # Flow comes as the network takes it.
        clips = clips.permute(0, 4, 1, 2, 3) if self._prepare is None else self._prepare(clips)
        return self._loaded.network.describe(clips, self._layers)


class _Stage:
    """Memory for the pixels of a batch on its way to the network."""

    def __init__(self) -> None:
        self._host: Tensor | None = None
        self._device: Tensor | None = None

    def filled(self, clips: Sequence[Frames], *, pinned: bool) -> Tensor:
        import torch

        frame = clips[0][0]
        shape = (len(clips), len(clips[0]), *frame.shape)
        if self._host is None or self._host.shape[1:] != shape[1:] or len(self._host) < shape[0]:
            dtype = torch.uint8 if frame.dtype == np.uint8 else torch.float32
            self._host = torch.empty(shape, dtype=dtype, pin_memory=pinned)
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
            self._device = torch.empty(batch.shape, dtype=batch.dtype, device=device)
        return self._device[: len(batch)].copy_(batch, non_blocking=True)


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
    module = spec.weights.module
    if module is None:
        return _sizes(spec, None)
    without = replace(spec, weights=replace(spec.weights, module=None))
    return _sizes(without, SameModule(module))


@lru_cache(maxsize=16)
def _sizes(spec: DescriptorSpec, module: SameModule | None) -> dict[str, int]:
    import torch

    from skvideo3d.models.checkpoints import build_network

    from .shapes import OnlyShapes

    found: dict[str, dict[str, Tensor]] = {}
    for stream in spec.streams:
        network = build_network(_of(stream.weights, module))
        layers = network_layers(spec, stream)
        for layer in layers:
            # C3D's maps are millions of values: what describes a video is fewer than what it
            # computes.
            if layer not in network.descriptor_layers:
                raise ValueError(
                    f"layer={layer!r} is no descriptor of {type(network).__name__}; choose from "
                    f"{', '.join(network.descriptor_layers)}."
                )
        channels = 3 if stream.flow is None else 2
        shape = (1, channels, spec.clip_len, *stream.preprocessing.crop)
        with torch.inference_mode(), OnlyShapes():
            found[stream.name] = network.describe(torch.empty(shape, device="meta"), layers)
    return {name: values.shape[1] for name, values in _joined(spec, found).items()}


def network_layers(spec: DescriptorSpec, stream: Stream) -> tuple[str, ...]:
    """Tell which layers of its network a stream contributes to a descriptor.

    Parameters
    ----------
    spec : DescriptorSpec
    stream : Stream
        One of the spec's.

    Returns
    -------
    tuple of str
    """
    layers = []
    for layer in spec.layers:
        streams, name = spec.split(layer)
        if stream in streams:
            layers.append("logits" if len(streams) > 1 else name)
    return tuple(dict.fromkeys(layers))


def _joined(spec: DescriptorSpec, found: Mapping[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Name the layers of all streams as the descriptor does, and add their scores."""
    joined = {}
    for layer in spec.layers:
        streams, name = spec.split(layer)
        first, *others = (found[stream.name] for stream in streams)
        if not others:
            joined[layer] = first[name]
            continue
        scores = first["logits"]
        for other in others:
            scores = scores + other["logits"]
        joined[layer] = scores.softmax(dim=1) if name == "prob" else scores
    return joined


def _recipe(stream: Stream) -> Preprocessing:
    """Find the mean cube of the weights where this machine keeps it."""
    if stream.preprocessing != stream.weights.preprocessing:
        return stream.preprocessing
    return _recipe_of(replace(stream.weights, module=None))


@lru_cache(maxsize=64)
def _recipe_of(weights: Weights) -> Preprocessing:
    from skvideo3d.models.checkpoints import relocated

    return relocated(weights).preprocessing


class _Loaded:
    """A network, whose users take turns on a CPU, as its threads take every core."""

    def __init__(self, network: PreparedNetwork, device: str) -> None:
        import torch

        self.network = network
        self.turn = threading.Lock()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)  # the weights came by another stream


@dataclass(frozen=True)
class _Queues:
    """What the users of a GPU share: whose turn it is, and its streams."""

    turn: threading.Lock
    copying: Any
    computing: Any


@lru_cache(maxsize=64)
def _queues(device: str) -> _Queues:
    import torch

    copying, computing = (torch.cuda.Stream(device) for _ in range(2))  # type: ignore[no-untyped-call]
    return _Queues(threading.Lock(), copying, computing)


_loading = threading.Lock()


def _load(weights: Weights, precision: Precision, device: str) -> _Loaded:
    from skvideo3d.inference import prepare_network
    from skvideo3d.models.checkpoints import load_network

    with _loading:
        same = None if weights.module is None else SameModule(weights.module)
        by_device = _by_device(replace(weights, module=None), precision, same)
        if device not in by_device:
            network = prepare_network(load_network(weights), precision, device)
            by_device[device] = _Loaded(network, device)
        return by_device[device]


@lru_cache(maxsize=4)  # the paper's three networks in a union, and one more
def _by_device(
    weights: Weights, precision: Precision, module: SameModule | None
) -> dict[str, _Loaded]:
    by_device: dict[str, _Loaded] = {}
    if module is not None:  # nobody can ask for it any more
        weakref.finalize(module.module, by_device.clear).atexit = False
    return by_device


def _of(weights: Weights, module: SameModule | None) -> Weights:
    return weights if module is None else replace(weights, module=module.module)
