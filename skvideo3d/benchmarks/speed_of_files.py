"""From video files to descriptors: reading alone, the network alone, and both at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from sklearn.base import clone

from skvideo3d.feature_extraction.base import VideoTransformer
from skvideo3d.feature_extraction.cost import Cost
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.video.lengths import clip_count, frame_count
from skvideo3d.video.resampling import resample
from skvideo3d.video.sampling import iter_clips
from skvideo3d.video.sources import as_source

from .speed_of_networks import ReadyNetwork, run_in_batches
from .speed_report import FileSpeed
from .stopwatch import best_seconds

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["VIDEOS_A_CORE", "check_videos_fit", "clips_fit", "measure_files", "times_read"]

_MOST_BYTES: Final = 4 * 2**30
"""All clips are held in memory, as floats, to time the network without reading."""
VIDEOS_A_CORE: Final = 2
"""With fewer, cores would wait for the one that has the longest."""


def measure_files(
    name: str,
    describer: VideoTransformer,
    ready: Mapping[str, ReadyNetwork],
    videos: Sequence[str],
    rounds: int,
) -> list[FileSpeed]:
    """Time a describer on videos, and reading and the network each alone, in turns.

    Parameters
    ----------
    name : str
        What to call it.
    describer : VideoTransformer
        Fitted.
    ready : mapping of str to ReadyNetwork
        Precision to its network.
    videos : sequence of str
    rounds : int
        Of everything the best of so many runs.

    Returns
    -------
    list of FileSpeed
        One for each precision.
    """
    import torch

    spec = describer._spec()
    cost = Cost()
    pixels = np.stack([clip for video in videos for clip in _clips(video, spec, cost)])
    clips = torch.from_numpy(spec.preprocessing.prepare_clips(pixels))
    describers = {
        precision: _in_precision(describer, precision, ready[precision].device)
        for precision in ready
    }
    n_times = times_read(len(videos), cpu_count())
    functions: dict[tuple[str, str], Callable[[], object]] = {
        ("reading", ""): lambda: [_read(video, spec) for video in videos],
        ("reading by all", ""): lambda: _read_by_all_cores([*videos] * n_times, spec),
    }
    after_reading: dict[str, NDArray[np.float32]] = {}
    from_files: dict[str, NDArray[np.float32]] = {}

    def compute(precision: str, on_device: Tensor) -> None:
        layers = run_in_batches(ready[precision], on_device)
        after_reading[precision] = np.concatenate([layers[n] for n in spec.layers], axis=1)

    def describe(precision: str) -> None:
        described = describers[precision].transform_clips(videos)
        from_files[precision] = np.concatenate([video.features for video in described])

    on_device = clips.to(next(iter(ready.values())).device)
    for precision in ready:
        describers[precision].transform_clips(videos[:1])  # loads the network
        functions["computing", precision] = partial(compute, precision, on_device)
        functions["whole", precision] = partial(describe, precision)
    seconds = best_seconds(functions, rounds)
    return [
        FileSpeed(
            network=name,
            precision=precision,
            n_videos=len(videos),
            n_frames=cost.n_frames,
            n_clips=len(pixels),
            decoding=cost.reading,
            resizing=cost.preprocessing,
            reading=seconds["reading", ""],
            reading_by_all_cores=seconds["reading by all", ""] / n_times,
            computing=seconds["computing", precision],
            whole=seconds["whole", precision],
            difference=_difference(from_files[precision], after_reading[precision]),
        )
        for precision in ready
    ]


def check_videos_fit(videos: Sequence[str], spec: DescriptorSpec) -> None:
    """Refuse videos that cannot be opened, or whose clips do not fit into memory together.

    Parameters
    ----------
    videos : sequence of str
    spec : DescriptorSpec

    Raises
    ------
    ValueError
        With what they would take.
    VideoDecodeError
        If there is no first frame.
    """
    for video in videos:
        next(as_source(video).frames(), None)
    counts = [frame_count(video, spec.fps) or 0 for video in videos]
    n_clips = sum(clip_count(count, spec.clip_len, spec.clip_stride) for count in counts)
    n_bytes = _bytes_of(n_clips, spec)
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"the {n_clips} clips of these videos take {n_bytes / 2**30:.1f} GiB, and all of them "
            f"are held in memory; give videos of no more than {_MOST_BYTES / 2**30:.0f} GiB."
        )


def times_read(n_videos: int, n_cores: int) -> int:
    """Tell how often videos must be read for every core to have enough of them.

    Parameters
    ----------
    n_videos, n_cores : int

    Returns
    -------
    int

    Examples
    --------
    >>> times_read(4, 2), times_read(4, 16), times_read(3, 2)
    (1, 8, 2)
    """
    return ceil(VIDEOS_A_CORE * n_cores / n_videos)


def clips_fit(n_videos: int, n_frames: float, spec: DescriptorSpec) -> bool:
    """Tell whether the clips of videos that are yet to be made fit into memory together.

    Parameters
    ----------
    n_videos : int
    n_frames : float
        Of each, in a second as many as the spec takes.
    spec : DescriptorSpec

    Returns
    -------
    bool
    """
    n_clips = n_videos * clip_count(int(n_frames), spec.clip_len, spec.clip_stride)
    return _bytes_of(n_clips, spec) <= _MOST_BYTES


def _bytes_of(n_clips: int, spec: DescriptorSpec) -> int:
    return n_clips * spec.clip_len * int(np.prod(spec.preprocessing.crop)) * 3 * 4


def _clips(video: str, spec: DescriptorSpec, cost: Cost) -> Iterator[NDArray[np.uint8]]:
    """Read and cut a video in this thread, one frame after the other."""
    frames = cost.read(as_source(video).frames())
    if spec.fps is not None:
        frames = resample(frames, spec.fps)
    prepare = spec.preprocessing.prepare_frame
    prepared = (cost.prepare(prepare, frame.pixels) for frame in frames)
    for clip in iter_clips(prepared, spec.clip_len, spec.clip_stride, spec.short_video):
        yield np.stack(clip)


def _read(video: str, spec: DescriptorSpec) -> int:
    return sum(1 for _ in _clips(video, spec, Cost()))


def _read_by_all_cores(videos: Sequence[str], spec: DescriptorSpec) -> None:
    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(lambda video: _read(video, spec), videos))


def _in_precision(describer: VideoTransformer, precision: str, device: str) -> VideoTransformer:
    seed = describer._seed()
    one: VideoTransformer = clone(describer)
    one.set_params(precision=precision, device=device, random_state=seed)
    return one


def _difference(rows: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(rows - expected).max() / np.abs(expected).max())
