"""The kernel-depth study as text: for a terminal and in Markdown."""

from __future__ import annotations

import json
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from skvideo3d.models import network_named, parameter_counts

if TYPE_CHECKING:
    from .architecture_report import ArchitectureReport, NetworkTrainings

__all__ = ["CLAIMS", "to_markdown", "to_text"]

# Tran et al. 2015, section 3.2: all networks have 17.5 million parameters; depths that differ by 2
# make a difference of 17 thousand, and the largest, between 1 and 7, is 51 thousand.
CLAIMS: Final[Mapping[str, str]] = {
    "study-depth-1": "17.5M",
    "study-depth-3": "17.5M, 17K more",
    "study-depth-5": "17.5M, 34K more",
    "study-depth-7": "17.5M, 51K more",
    "study-increasing": "17.5M",
    "study-decreasing": "17.5M",
}
_UCF101_CLASSES: Final = 101
_WIDTH: Final = 100
_MAX_SETTING: Final = 200
_MAX_NAMES: Final = 3

_Table = list[list[str]]


def to_text(report: ArchitectureReport) -> str:
    """Lay a report out for a terminal.

    Parameters
    ----------
    report : ArchitectureReport

    Returns
    -------
    str
        Columns aligned by spaces; no line break at the end.
    """
    lines = [
        wrapped
        for line in _sentences(report, _MAX_SETTING)
        for wrapped in textwrap.wrap(
            line,
            _WIDTH,
            subsequent_indent="    " if line.startswith(" ") else "  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    ]
    blocks = [report.title, _aligned(_main_table(report)), *_claim_block(report, _aligned)]
    return "\n\n".join([*blocks, "\n".join(lines)])


def to_markdown(report: ArchitectureReport) -> str:
    """Lay a report out as Markdown.

    Parameters
    ----------
    report : ArchitectureReport

    Returns
    -------
    str
    """
    items = [
        f"  - {line.strip()}" if line.startswith(" ") else f"- {line}"
        for line in _sentences(report, None)
    ]
    blocks = [f"# {report.title}", _piped(_main_table(report)), *_claim_block(report, _piped)]
    return "\n\n".join([*blocks, "\n".join(items)]) + "\n"


def _main_table(report: ArchitectureReport) -> _Table:
    has_seeds = any(len(row.histories) > 1 for row in report.networks)
    sd = ["sd"] if has_seeds else []
    table = [["network", "depths", "clip", "parameters"]]
    table[0] += ["clip accuracy", *sd, "video accuracy", *sd, "s", "clips/s"]
    for row in report.networks:
        cells = [_depths(row), "x".join(map(str, row.clip)), f"{row.parameters:,}"]
        for name in ("valid_accuracy", "valid_video_accuracy"):
            values = [100 * value for value in row.last(name)]
            cells.append(f"{statistics.fmean(values):.1f}")
            if has_seeds:
                cells.append(f"{statistics.stdev(values):.1f}" if len(values) > 1 else "-")
        cells += [f"{row.seconds:.1f}", f"{row.clips_per_second:.1f}"]
        table.append([row.network, *cells])
    return table


def _depths(row: NetworkTrainings) -> str:
    return "-".join(map(str, row.kernel_depths))


def _claim_block(report: ArchitectureReport, lay_out: Any) -> list[str]:
    """Put the networks at the paper's size beside what it says of them."""
    names = [row.network for row in report.networks if row.network in CLAIMS]
    if not names:
        return []
    counts = {name: _full_count(name) for name in {"study-depth-1", *names}}
    table = [["network, full width, 101 classes", "parameters", "more than depth-1", "the paper"]]
    for name in names:
        more = counts[name] - counts["study-depth-1"]
        table.append([name, f"{counts[name]:,}", f"{more:,}", CLAIMS[name]])
    return [lay_out(table)]


def _full_count(name: str) -> int:
    network = network_named(name, device="meta", num_classes=_UCF101_CLASSES)
    return sum(parameter_counts(network).values())


def _sentences(report: ArchitectureReport, max_setting: int | None) -> list[str]:
    data = report.data
    lacking = [
        f"{n} {what}"
        for n, what in (
            (data.n_missing, "missing"),
            (data.n_failed, "unreadable"),
            (len(data.losses), "read only in part"),
        )
        if n
    ]
    used = f"Used {data.n_used} of {data.n_listed} videos"
    lines = [f"{used}: {', '.join(lacking)}." if lacking else f"{used}."]
    lines += [f"  unreadable: {video}: {why}" for video, why in data.failures[:_MAX_NAMES]]
    lines.append(f"Chance is {report.chance:.1f}.")
    lines += [f"Note: {note}" for note in report.notes]
    if any(row.network in CLAIMS for row in report.networks):
        lines.append(
            "Note: the paper's differences are those of kernels counted without the channels of "
            "their input; see docs/architecture_study.md."
        )
    if report.times:
        stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.times.items())
        lines.append(f"Times: {stages}.")
    if report.settings:
        lines.append("Settings:")
        for name, value in report.settings.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            if max_setting is not None and len(text) > max_setting:
                text = f"{text[: max_setting - 3].rstrip()}..."
            lines.append(f"  {name}: {text}")
    return lines


def _aligned(table: _Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if _is_text(table, i) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def _piped(table: _Table) -> str:
    rules = [":---" if _is_text(table, i) else "---:" for i in range(len(table[0]))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (table[0], rules, *table[1:]))


def _is_text(table: Sequence[Sequence[str]], column: int) -> bool:
    return column == 0 or table[0][column] in ("depths", "clip", "the paper")
