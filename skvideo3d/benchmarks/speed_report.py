"""What the networks and all around them cost on a machine, ready to be read and saved."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .plain import reading, to_json, with_nan

__all__ = [
    "FileSpeed",
    "Machine",
    "MemoryGrowth",
    "NetworkSpeed",
    "SpeedReport",
    "StoreSpeed",
]


@dataclass(frozen=True)
class Machine:
    """Where the figures come from.

    Parameters
    ----------
    processor, device : str
        What the processor calls itself; what the networks ran on.
    cores, threads : int
        Cores that this process may use, and threads of torch.
    system, python, torch : str
        Their versions.
    date : str
        When it was measured, in ISO 8601.
    matrix_gflops : dict of str to float
        Precision to 10^9 operations a second in products of large matrices, the best seen.
    """

    processor: str
    device: str
    cores: int
    threads: int
    system: str
    python: str
    torch: str
    date: str
    matrix_gflops: dict[str, float]


@dataclass(frozen=True)
class NetworkSpeed:
    """A network on random clips, without videos: plain PyTorch and ours, measured in turns.

    Parameters
    ----------
    network : str
        With its layers and weights.
    precision : str
        Of ours; plain is float32.
    clip : tuple of int
        Frames, height and width.
    gflop : float
        10^9 operations for a clip, were every convolution computed directly.
    plain : dict of int to float
        Clips in a batch to seconds a clip.
    ours : dict of int to float
        The same.
    relative_error : float
        Largest difference to plain float32 on the CPU, over the largest value there.
    cosine : float
        Of the clip whose descriptor turned most.
    plain_spread, ours_spread : float
        Seconds of the slowest run but the first over those of the best, at the best batch size. Far
        from 1 on a machine that had other work.
    """

    network: str
    precision: str
    clip: tuple[int, ...]
    gflop: float
    plain: dict[int, float]
    ours: dict[int, float]
    relative_error: float
    cosine: float
    plain_spread: float
    ours_spread: float

    @property
    def plain_batch(self) -> int:
        """The batch size at which plain PyTorch is fastest."""
        return min(self.plain, key=lambda batch: self.plain[batch])

    @property
    def batch(self) -> int:
        """The batch size at which ours is fastest."""
        return min(self.ours, key=lambda batch: self.ours[batch])

    @property
    def speed_up(self) -> float:
        """How many times as fast as plain, each at its best batch."""
        return self.plain[self.plain_batch] / self.ours[self.batch]


@dataclass(frozen=True)
class FileSpeed:
    """Videos to descriptors, and its parts one by one, measured in turns.

    Parameters
    ----------
    network, precision : str
    n_videos, n_frames, n_clips : int
    decoding, resizing : float
        Seconds of one thread for all frames.
    reading : float
        Seconds to make clips of all videos by one thread.
    reading_by_all_cores : float
        The same with a thread for each core, all of which have videos to read.
    computing : float
        Seconds of the network alone for these clips, prepared beforehand, at its best batch size.
    whole : float
        Seconds from files to descriptors.
    difference : float
        Between the descriptors and those computed after all was read, over the largest value.
    """

    network: str
    precision: str
    n_videos: int
    n_frames: int
    n_clips: int
    decoding: float
    resizing: float
    reading: float
    reading_by_all_cores: float
    computing: float
    whole: float
    difference: float

    @property
    def share(self) -> float:
        """What is left of the network's own speed: 1 if reading costs nothing."""
        return self.computing / self.whole

    @property
    def share_of_reading(self) -> float:
        """What is left of the speed of reading by all cores: 1 if the network costs nothing."""
        return self.reading_by_all_cores / self.whole


@dataclass(frozen=True)
class StoreSpeed:
    """Videos that were described before.

    Parameters
    ----------
    n_videos : int
    from_memory, from_disk : float
        Seconds to find one of them, in the process that described it and in another.
    call : float
        Seconds of ``transform`` on all of them.
    """

    n_videos: int
    from_memory: float
    from_disk: float
    call: float


@dataclass(frozen=True)
class MemoryGrowth:
    """Peak memory of a process that describes one video with a small network.

    Parameters
    ----------
    frames : tuple of int
        Of a short video and of a long one.
    peaks : tuple of float
        In MiB.
    """

    frames: tuple[int, int]
    peaks: tuple[float, float]

    @property
    def ratio(self) -> float:
        """How many times more the long one takes."""
        return self.peaks[1] / self.peaks[0]


@dataclass(frozen=True)
class SpeedReport:
    """What descriptors cost on this machine; ``print(report)`` shows it as tables.

    Parameters
    ----------
    machine : Machine
    networks : tuple of NetworkSpeed
    files : tuple of FileSpeed
    store : StoreSpeed
    memory : MemoryGrowth
    import_seconds : float
        Of ``import skvideo3d``, beyond scikit-learn's own.
    settings : dict of str to any
        How it was measured: the videos, rounds, versions, the command.

    Examples
    --------
    >>> network = NetworkSpeed(
    ...     "C3D fc6", "float32", (16, 112, 112), 77.1, {1: 0.25, 4: 0.26}, {1: 0.10}, 2e-6, 1.0,
    ...     plain_spread=1.05, ours_spread=1.02,
    ... )
    >>> network.plain_batch, network.speed_up
    (1, 2.5)
    """

    machine: Machine
    networks: tuple[NetworkSpeed, ...]
    files: tuple[FileSpeed, ...]
    store: StoreSpeed
    memory: MemoryGrowth
    import_seconds: float
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def spread(self) -> float:
        """How far runs of the same network differed: the largest of all `networks`."""
        spreads = [(row.plain_spread, row.ours_spread) for row in self.networks]
        return max(map(max, spreads), default=1.0)

    def __str__(self) -> str:
        from .speed_tables import to_text

        return to_text(self)

    def to_json(self) -> str:
        """Write everything as strict JSON.

        Returns
        -------
        str
            Numbers that JSON lacks (NaN, infinity) become null.
        """
        return to_json(self, "report")

    @classmethod
    def from_json(cls, text: str) -> SpeedReport:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        SpeedReport
            Equal to the one written, but that tuples in `settings` are lists.

        Raises
        ------
        ValueError
            If the text is no report.
        """
        with reading("report of speed", "what `save` or `to_json` wrote"):
            parts = json.loads(text)
            settings = parts.pop("settings")
            parts = with_nan(parts)
            networks = tuple(
                NetworkSpeed(
                    **{
                        **row,
                        "clip": tuple(row["clip"]),
                        "plain": _by_batch(row["plain"]),
                        "ours": _by_batch(row["ours"]),
                    }
                )
                for row in parts["networks"]
            )
            memory = {name: tuple(values) for name, values in parts["memory"].items()}
            return cls(
                machine=Machine(**parts["machine"]),
                networks=networks,
                files=tuple(FileSpeed(**row) for row in parts["files"]),
                store=StoreSpeed(**parts["store"]),
                memory=MemoryGrowth(**memory),
                import_seconds=parts["import_seconds"],
                settings=settings,
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_json` to a file.

        Parameters
        ----------
        path : path-like
        """
        Path(path).write_text(self.to_json(), encoding="utf-8")


def _by_batch(seconds: dict[str, float]) -> dict[int, float]:
    return {int(batch): value for batch, value in seconds.items()}
