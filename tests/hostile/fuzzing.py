"""Damaged files by the hundred: made, described, and compared with the undamaged ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hostile.encoding import FORMATS, encode_as
from hostile.harness import Ending, describe
from hostile.mutations import mutate, mutate_folder
from hostile.zoo.folders import frames_in

BATCH = 100  # videos in one call: the cost of a call is shared, and the disk is not filled
FAR = 1e-3  # a fifth of the distance to another video, of this network
_SAME = 1e-4  # of values of rows of length 1; other batches round otherwise by far less


@dataclass(frozen=True)
class Mutant:
    """A damaged copy of a source."""

    number: int
    source: Path
    path: Path
    kinds: str

    @property
    def format(self) -> str:
        return self.source.stem


@dataclass
class Report:
    """What became of mutants."""

    n_videos: int = 0
    endings: list[tuple[Mutant, Ending]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    # Described as if nothing were wrong, by a row that is not the undamaged file's; and how far
    # the two are apart, 0 to 2.
    silent: list[tuple[Mutant, float]] = field(default_factory=list)

    def add(self, other: Report) -> None:
        self.n_videos += other.n_videos
        self.endings += other.endings
        self.findings += other.findings
        self.silent += other.silent

    def table(self) -> str:
        """Count the endings by format."""
        names = sorted({mutant.format for mutant, _ in self.endings})
        lines = [f"{'':24}{'files':>7}{'whole':>7}{'part':>7}{'error':>7}{'silent':>8}{'far':>7}"]
        for name in [*names, "all"]:
            kinds = [e.kind for m, e in self.endings if name in (m.format, "all")]
            apart = [distance for m, distance in self.silent if name in (m.format, "all")]
            counts = [kinds.count(k) for k in ("describes", "describes in part", "error")]
            lines.append(
                f"{name:24}{len(kinds):7}"
                + "".join(f"{count:7}" for count in counts)
                + f"{len(apart):8}{sum(distance > FAR for distance in apart):7}"
            )
        return "\n".join(lines)


def generated_sources(folder: Path) -> list[Path]:
    """Write a video in each format, and folders of frames."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [encode_as(each, folder / f"{each.name}.{each.suffix}") for each in FORMATS]
    return [*files, frames_in(folder / "jpegs"), frames_in(folder / "pngs", suffix="png")]


def make_mutants(
    sources: Sequence[Path], seed: int, numbers: Sequence[int], folder: Path
) -> Iterator[Mutant]:
    """Write damaged copies, whose names tell how to make them again."""
    for number in numbers:
        source = sources[number % len(sources)]
        path = folder / f"seed{seed}-{number:06}-{source.name}"
        if source.is_dir():
            kinds = mutate_folder(source, path, seed, number)
        else:
            other = next(
                each
                for i in range(1, len(sources) + 1)
                if (each := sources[(number * 7 + i) % len(sources)]).is_file()
            )
            content, kinds = mutate(source.read_bytes(), seed, number, other.read_bytes())
            path.write_bytes(content)
        yield Mutant(number, source, path, kinds)


def rows_of(sources: Sequence[Path], weights: str) -> dict[Path, NDArray[np.float32] | None]:
    """Describe the undamaged files."""
    endings, findings = describe(sources, weights)
    assert not findings, findings
    return {source: ending.row for source, ending in zip(sources, endings, strict=True)}


def fuzz(
    sources: Sequence[Path],
    seed: int,
    numbers: Sequence[int],
    weights: str,
    folder: Path,
    whole: dict[Path, NDArray[np.float32] | None],
) -> Report:
    """Describe mutants in one call.

    Parameters
    ----------
    sources : sequence of Path
        Files and folders of frames.
    seed : int
    numbers : sequence of int
        Which mutants.
    weights : str
        Of a small network.
    folder : Path
        For the mutants; exists.
    whole : dict of Path to row
        From `rows_of`.

    Returns
    -------
    Report
    """
    mutants = list(make_mutants(sources, seed, numbers, folder))
    endings, findings = describe([mutant.path for mutant in mutants], weights)
    report = Report(len(mutants), list(zip(mutants, endings, strict=True)), findings)
    for mutant, ending in report.endings:
        expected = whole[mutant.source]
        if ending.kind == "describes" and expected is not None:
            assert ending.row is not None
            if np.abs(ending.row - expected).max() > _SAME:
                report.silent.append((mutant, float(1 - ending.row @ expected)))
    return report
