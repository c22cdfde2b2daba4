"""What is around the network: the store, memory that must not grow, the import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from skvideo3d.datasets import make_action_videos
from skvideo3d.feature_extraction.c3d import C3DTransformer
from skvideo3d.feature_extraction.extraction import look_up
from skvideo3d.feature_extraction.store import DescriptorStore, open_store
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sources import as_source

from .looped_videos import write_looped
from .speed_report import MemoryGrowth, StoreSpeed
from .stopwatch import best_seconds

__all__ = ["measure_import", "measure_memory", "measure_store"]

_N_STORED: Final = 20
_N_FRAMES: Final = 100
_SMALL: Final = {"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": None}

_DESCRIBE = """\
import sys
from skvideo3d import C3DTransformer
C3DTransformer(sys.argv[1], device="cpu").transform([sys.argv[2]])
from skvideo3d.benchmarks.memory_peak import peak_memory
print(peak_memory())
"""

# What every user of scikit-learn has loaded already.
_IMPORT = """\
import time
import sklearn.decomposition, sklearn.preprocessing
began = time.perf_counter()
import skvideo3d
print(time.perf_counter() - began)
"""


def measure_store(folder: Path) -> StoreSpeed:
    """Time the descriptors of known videos, made with a small network.

    Parameters
    ----------
    folder : pathlib.Path
        To work in.

    Returns
    -------
    StoreSpeed
    """
    videos = make_action_videos(
        _N_STORED, n_frames=16, size=(64, 64), random_state=0, folder=folder / "known"
    ).data
    describer = C3DTransformer(_small_weights(folder), memory=folder / "store", device="cpu")
    describer.transform(videos)
    spec = describer._spec()
    sources = [as_source(video) for video in videos]
    known = open_store(str(folder / "store"))
    seconds = best_seconds(
        {
            "memory": lambda: [look_up(source, spec, known) for source in sources],
            "disk": lambda: [look_up(s, spec, DescriptorStore(known.folder)) for s in sources],
            "call": lambda: describer.transform(videos),
        },
        rounds=10,
    )
    return StoreSpeed(
        n_videos=len(videos),
        from_memory=seconds["memory"] / len(videos),
        from_disk=seconds["disk"] / len(videos),
        call=seconds["call"],
    )


def measure_memory(folder: Path, factor: int) -> MemoryGrowth:
    """Compare the peak memory of processes that describe a short video and a long one.

    Parameters
    ----------
    folder : pathlib.Path
        To work in.
    factor : int
        How many times longer the long one is.

    Returns
    -------
    MemoryGrowth
    """
    weights = _small_weights(folder)
    frames = (_N_FRAMES, factor * _N_FRAMES)
    peaks = []
    for n_frames in frames:
        video = write_looped(folder / f"{n_frames}.mp4", n_frames, size=(120, 160))
        peaks.append(_number_printed_by(_DESCRIBE, weights, video))
    return MemoryGrowth(frames, (peaks[0], peaks[1]))


def measure_import(rounds: int) -> float:
    """Time the import in new processes.

    Parameters
    ----------
    rounds : int
        The best of so many.

    Returns
    -------
    float
        Seconds beyond scikit-learn's own import.
    """
    return min(_number_printed_by(_IMPORT) for _ in range(rounds))


def _small_weights(folder: Path) -> str:
    from skvideo3d.models import load_weights, save_weights

    path = folder / "small.safetensors"
    if not path.exists():
        network = load_weights(None, "c3d", seed=0, config=_SMALL)
        save_weights(network, path, preprocessing=Preprocessing(resize=(36, 48), crop=(32, 32)))
    return str(path)


def _number_printed_by(code: str, *arguments: str) -> float:
    command = [sys.executable, "-c", code, *arguments]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
