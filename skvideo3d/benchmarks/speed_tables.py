"""A report of speed as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .speed_report import FileSpeed, NetworkSpeed, SpeedReport

__all__ = ["to_text"]

_BUSY: Final = 1.3
"""Runs of the same thing that differ by more were disturbed."""

_Table = list[list[str]]


def to_text(report: SpeedReport) -> str:
    """Lay a report out.

    Parameters
    ----------
    report : SpeedReport

    Returns
    -------
    str
        Columns aligned by spaces; no line break at the end.
    """
    rates = report.machine.matrix_gflops
    networks = [["network alone, random clips", "precision", "s/clip", "batch", "clips/s"]]
    networks[0] += ["GFLOP/s", "of rate", "speed-up", "error", "cosine"]
    for name in dict.fromkeys(row.network for row in report.networks):
        rows = [row for row in report.networks if row.network == name]
        networks += _network_rows(name, rows, rates)
    # A GPU leaves the cores to reading; a CPU computes on them as well.
    shows_reading = not report.machine.device.startswith("cpu")
    files = [["files to descriptors", "precision", "videos", "clips", "clips/s"]]
    files[0] += ["of the network's", *["of reading"] * shows_reading, "difference"]
    for row in report.files:
        pace = [f"{row.n_clips / row.whole:.2f}", f"{100 * row.share:.0f} %"]
        if shows_reading:
            pace.append(f"{100 * row.share_of_reading:.0f} %")
        counts = [str(row.n_videos), str(row.n_clips)]
        files.append([row.network, row.precision, *counts, *pace, _small(row.difference)])
    reading = [["reading alone", "frames/s", "clips/s", "decoding", "resizing", "all cores"]]
    for row in {row.network: row for row in report.files}.values():
        reading.append(_reading_row(row))
    tables = [table for table in (networks, files, reading) if len(table) > 1]
    return "\n\n".join([_head(report), *map(_aligned, tables), _rest(report)])


def _head(report: SpeedReport) -> str:
    machine = report.machine
    rates = ", ".join(f"{rate:.0f} {name}" for name, rate in machine.matrix_gflops.items())
    return (
        f"{machine.processor}, {_counted(machine.cores, 'core')}, "
        f"{_counted(machine.threads, 'thread')}; on {machine.device}\n"
        f"{machine.system}, Python {machine.python}, torch {machine.torch}, {machine.date}\n"
        f"Matrix products, GFLOP/s: {rates}"
    )


def _network_rows(name: str, rows: list[NetworkSpeed], rates: dict[str, float]) -> _Table:
    plain = min(rows, key=lambda row: row.plain[row.plain_batch])
    first = plain.plain[plain.plain_batch]
    work = f"{name}, {'x'.join(map(str, plain.clip))}, {plain.gflop:.1f} GFLOP"
    table = [[work, *[""] * 9]]
    cells = _pace(plain.gflop, first, plain.plain_batch, rates.get("float32"))
    table.append(["  plain PyTorch", "float32", *cells, "", "", ""])
    for row in rows:
        cells = _pace(row.gflop, row.ours[row.batch], row.batch, rates.get(row.precision))
        numbers = [f"{row.speed_up:.2f}", _small(row.relative_error), f"{row.cosine:.7f}"]
        table.append(["  ours", row.precision, *cells, *numbers])
    return table


def _pace(gflop: float, seconds: float, batch: int, rate: float | None) -> list[str]:
    share = "" if rate is None else f"{gflop / seconds / rate:.2f}"
    return [f"{seconds:.4f}", str(batch), f"{1 / seconds:.2f}", f"{gflop / seconds:.0f}", share]


def _reading_row(row: FileSpeed) -> list[str]:
    per_frame = [f"{1e3 * s / row.n_frames:.2f} ms" for s in (row.decoding, row.resizing)]
    return [
        row.network,
        f"{row.n_frames / row.reading:.0f}",
        f"{row.n_clips / row.reading:.1f}",
        *per_frame,
        f"{row.n_frames / row.reading_by_all_cores:.0f} frames/s",
    ]


def _rest(report: SpeedReport) -> str:
    store, memory = report.store, report.memory
    busy = (
        f"\nThe machine was busy: runs of the same thing differed by a factor of "
        f"{report.spread:.2f}; measure again when it is quiet."
    )
    return (
        f"A described video again: {1e6 * store.from_memory:.0f} us in the process, "
        f"{1e6 * store.from_disk:.0f} us from disk; "
        f"transform on {store.n_videos} of them {1e3 * store.call:.2f} ms.\n"
        f"Peak memory: {memory.peaks[0]:.0f} MiB for {memory.frames[0]} frames, "
        f"{memory.peaks[1]:.0f} MiB for {memory.frames[1]}, ratio {memory.ratio:.2f}.\n"
        f"import skvideo3d: {report.import_seconds:.3f} s beyond scikit-learn's."
        f"{busy if report.spread > _BUSY else ''}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _small(value: float) -> str:
    return f"{value:.1e}"


def _aligned(table: _Table) -> str:
    """Numbers to the right, names to the left; a row of one cell alone is a heading."""
    rows = [row for row in table if any(row[1:])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table[0]))]
    lines = []
    for first, *others in table:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
