"""What descriptors cost on this machine, each figure beside a plain version in the same run."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from joblib import cpu_count
from sklearn.base import clone

from skvideo3d import __version__
from skvideo3d.feature_extraction.base import VideoTransformer
from skvideo3d.feature_extraction.c3d import C3DTransformer
from skvideo3d.feature_extraction.i3d import I3DTransformer
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.feature_extraction.validation import check_videos

from .arithmetic import matrix_rate
from .describing import say
from .looped_videos import FPS, write_looped
from .method_names import describer_name
from .speed_of_files import VIDEOS_A_CORE, check_videos_fit, clips_fit, measure_files
from .speed_of_networks import measure_network
from .speed_of_the_rest import measure_import, measure_memory, measure_store
from .speed_report import Machine, SpeedReport

__all__ = ["speed"]

_NETWORKS: Final[Mapping[str, type[C3DTransformer | I3DTransformer]]] = {
    "c3d": C3DTransformer,
    "i3d": I3DTransformer,
}
_PRECISIONS: Final = ("float32", "bfloat16", "float16", "auto")
_NETWORK_ROUNDS: Final = 3
"""Fewer would not show how far runs differ, for the first of them does not count there."""
_NO_VIDEOS: Final = ("fit opens none",)


def speed(
    networks: Sequence[Any] = ("c3d", "i3d"),
    *,
    precisions: Sequence[str] = ("float32", "auto"),
    videos: Sequence[str] | None = None,
    device: str | None = None,
    quick: bool = False,
    verbose: int = 0,
) -> SpeedReport:
    """Measure what descriptors cost on this machine, against plain PyTorch in the same run.

    It takes a few minutes on two cores. What is compared is run in turns, and of each the best run
    counts; on a busy machine plain suffers more, so measure on a quiet one. The report says how far
    runs of the same network differed.

    Parameters
    ----------
    networks : sequence of {"c3d", "i3d"} or transformers, default=("c3d", "i3d")
        Names are networks of random weights, which are as fast as trained ones. A C3DTransformer or
        I3DTransformer is measured with its weights, layers and clips.
    precisions : sequence of {"float32", "bfloat16", "float16", "auto"}, default=("float32", "auto")
        In which ours is run; plain PyTorch is run in float32. "auto" is bfloat16 where the device
        has it, else float32.
    videos : sequence of str, default=None
        Short videos to describe; their clips must fit into memory together. None generates some.
    device : str, default=None
        A torch device; None for CUDA where there is one, else the CPU.
    quick : bool, default=False
        Fewer runs and batch sizes, and a shorter long video: rougher figures, sooner.
    verbose : int, default=0
        If not 0, says on stderr what is being measured.

    Returns
    -------
    SpeedReport

    Raises
    ------
    ValueError
        If there is no such network, precision or device, or the videos are too long.
    VideoDecodeError
        If a video cannot be read.

    Examples
    --------
    >>> from skvideo3d.benchmarks import speed
    >>> print(speed(["c3d"], quick=True))  # doctest: +SKIP
    """
    device = _checked_device(device)
    describers = _checked_networks(networks, device)
    chosen = _checked_precisions(precisions, describers[0])
    if videos is not None:
        videos = [os.fspath(video) for video in check_videos(videos)]
    batches, rounds = ((1, 4), 2) if quick else ((1, 2, 4, 8), 3)
    folder = tempfile.mkdtemp(prefix="skvideo3d-")
    tell = say if verbose else _say_nothing
    try:
        paths = list(videos or _generated(Path(folder), quick, device, describers))
        for describer in describers:
            check_videos_fit(paths, describer._spec())
        rates = dict.fromkeys(dict.fromkeys(("float32", *chosen)), 0.0)
        rows, files = [], []
        for describer in describers:
            name = describer_name(describer)
            tell(f"{name}: random clips.")
            _improve(rates, device, rounds)
            measured, ready = measure_network(
                name, describer._spec(), chosen, device, batches=batches, rounds=_NETWORK_ROUNDS
            )
            rows += measured
            _improve(rates, device, rounds)
            tell(f"{name}: videos.")
            files += measure_files(name, describer, ready, paths, rounds - 1)
            _improve(rates, device, rounds)
        tell("Known videos, memory, import.")
        return SpeedReport(
            machine=_machine(device, rates),
            networks=tuple(rows),
            files=tuple(files),
            store=measure_store(Path(folder)),
            memory=measure_memory(Path(folder), 10 if quick else 100),
            import_seconds=measure_import(rounds),
            settings={
                "networks": [repr(describer) for describer in describers],
                "videos": "generated" if videos is None else paths,
                "batches": list(batches),
                "rounds": _NETWORK_ROUNDS,
                "skvideo3d": __version__,
            },
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _improve(rates: dict[str, float], device: str, rounds: int) -> None:
    """Measure matrices again: the machine has other work now and then, and its best is wanted."""
    for precision, rate in rates.items():
        if 0 < rate < rates["float32"] / 4:
            continue  # it takes seconds, and no network is run in it for its speed
        rates[precision] = max(rate, matrix_rate(precision, device, rounds))


def _say_nothing(_: str) -> None:
    pass


def _checked_device(device: str | None) -> str:
    """Refuse a device that is not there, for which a describer would take the CPU."""
    import torch

    from skvideo3d.feature_extraction.devices import usable_device

    found = usable_device(device)
    if device is not None and torch.device(found).type != torch.device(device).type:
        raise ValueError(
            f"device={device!r} cannot be measured: this machine has no CUDA. Use None or 'cpu'."
        )
    return found


def _checked_networks(networks: Sequence[Any], device: str) -> list[VideoTransformer]:
    if isinstance(networks, str) or not networks:
        raise ValueError(
            f"networks={networks!r}: give a list of one or more of {', '.join(_NETWORKS)}, or of "
            "transformers."
        )
    describers = []
    for network in networks:
        if isinstance(network, str) and network in _NETWORKS:
            describer: VideoTransformer = _NETWORKS[network](None, random_state=0)
        elif isinstance(network, VideoTransformer):
            describer = clone(network)
        else:
            raise ValueError(
                f"networks has {network!r}; use {', '.join(map(repr, _NETWORKS))}, a "
                "C3DTransformer or an I3DTransformer."
            )
        describer.set_params(
            device=device, n_components=None, memory=None, on_error="raise", n_jobs=None, verbose=0
        )
        describers.append(describer.fit(_NO_VIDEOS))
    return describers


def _checked_precisions(precisions: Sequence[str], describer: VideoTransformer) -> list[str]:
    if isinstance(precisions, str) or not precisions:
        raise ValueError(
            f"precisions={precisions!r}: give a list of one or more of {', '.join(_PRECISIONS)}."
        )
    found: dict[str, None] = {}
    for precision in precisions:
        if precision not in _PRECISIONS:
            raise ValueError(f"precisions has {precision!r}; use {', '.join(_PRECISIONS)}.")
        # What "auto" stands for depends on the device.
        one = clone(describer).set_params(precision=precision)
        found[one.fit(_NO_VIDEOS)._spec().precision] = None
    return list(found)


def _generated(
    folder: Path, quick: bool, device: str, describers: Sequence[VideoTransformer]
) -> list[str]:
    n_videos, n_frames = (2, 64) if quick else (4, 128)
    if _is_cuda(device):
        n_videos, n_frames = _plenty(
            cpu_count(), quick, [describer._spec() for describer in describers]
        )
    return [
        write_looped(folder / f"{number}.mp4", n_frames, size=(240, 320), seed=number)
        for number in range(n_videos)
    ]


def _plenty(n_cores: int, quick: bool, specs: Sequence[DescriptorSpec]) -> tuple[int, int]:
    """Choose videos that keep all cores reading for a GPU, as far as their clips fit in memory."""

    def fit(n_videos: int, n_frames: int) -> bool:
        times = [1 if spec.fps is None else spec.fps / FPS for spec in specs]
        return all(
            clips_fit(n_videos, n_frames * time, spec)
            for time, spec in zip(times, specs, strict=True)
        )

    n_videos, n_frames = VIDEOS_A_CORE * n_cores, 128 if quick else 256
    while n_frames > 64 and not fit(n_videos, n_frames):
        n_frames -= 64
    while n_videos > 1 and not fit(n_videos, n_frames):
        n_videos -= 1
    return n_videos, n_frames


def _is_cuda(device: str) -> bool:
    import torch

    return torch.device(device).type == "cuda"


def _machine(device: str, rates: dict[str, float]) -> Machine:
    import torch

    return Machine(
        processor=_processor(),
        device=torch.cuda.get_device_name(device) if _is_cuda(device) else device,
        cores=cpu_count(),
        threads=torch.get_num_threads(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        matrix_gflops=rates,
    )


def _processor() -> str:
    with suppress(OSError, StopIteration):  # other systems than Linux tell Python itself
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(": ")[2]
    return platform.processor() or platform.machine()
