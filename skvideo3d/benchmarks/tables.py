"""A result as text: for a terminal and in Markdown."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from skvideo3d.benchmarks.published import Published
    from skvideo3d.benchmarks.results import BenchmarkResult

__all__ = ["to_markdown", "to_text"]

_MAX_INLINE_FOLDS: Final = 3
_MAX_INLINE_NAME: Final = 9
"""Few folds of short names, as the splits of UCF101, stand beside the figures."""
_MAX_FOLDS: Final = 30
"""More folds are counted on a terminal and not shown; files have them."""
_MAX_CLASSES: Final = 20
"""More classes, as UCF101's, are in files alone."""
_MAX_NAMES: Final = 3
_MIN_FIRST: Final = 24
_MAX_METHOD: Final = 44
_WIDTH: Final = 100
_MAX_SETTING: Final = 72

_Table = list[list[str]]
_Sentence = tuple[str, list[str]]
_Keys = dict[tuple[str, str], str]
"""Source and note to what stands for them in the table."""


def to_text(result: BenchmarkResult) -> str:
    """Lay a result out for a terminal.

    Parameters
    ----------
    result : BenchmarkResult

    Returns
    -------
    str
        Columns aligned by spaces; no line break at the end.
    """
    lines: list[str] = []
    for sentence, details in _sentences(result, _MAX_SETTING):
        for line in (sentence, *(f"  {detail}" for detail in details)):
            lines += _wrapped(line, "    " if line.startswith(" ") else "  ")
    by_fold = _metrics_by_fold(result)
    inline = _inline(result, by_fold)
    keys = _keys(_comparable(result, inline))
    blocks = [result.title, _aligned(_main_table(result, inline, keys), _MAX_METHOD)]
    if keys:
        legend = [_wrapped(line, "    ") for line in _legend(keys)]
        blocks.append("\n".join(line for lines in legend for line in lines))
    if by_fold and not inline and len(result.fold_names) <= _MAX_FOLDS:
        of = (
            [f"Folds of {_cut(result.rows[0].method, _MAX_METHOD)}:"]
            if len(result.rows) > 1
            else []
        )
        blocks.append("\n".join([*of, _aligned(_fold_table(result, by_fold))]))
    elif by_fold and not inline:
        blocks.append(f"{len(result.fold_names)} folds: see result.json.")
    if 0 < len(result.per_class) <= _MAX_CLASSES:
        blocks.append(_aligned(_class_table(result)))
    return "\n\n".join([*blocks, "\n".join(lines)])


def to_markdown(result: BenchmarkResult) -> str:
    """Lay a result out as Markdown.

    Parameters
    ----------
    result : BenchmarkResult

    Returns
    -------
    str
        A heading, tables and a list, and a table of the classes where their accuracy is known.
    """
    by_fold = _metrics_by_fold(result)
    inline = _inline(result, by_fold)
    keys = _keys(_comparable(result, inline))
    blocks = [f"# {result.title}", _piped(_main_table(result, inline, keys))]
    if keys:
        blocks.append("\n".join(f"- {line}" for line in _legend(keys)))
    if by_fold and not inline:
        if len(result.rows) > 1:
            blocks.append(f"Folds of {result.rows[0].method.strip()}:")
        blocks.append(_piped(_fold_table(result, by_fold)))
    if result.per_class:
        blocks.append(_piped(_class_table(result)))
    items = []
    for sentence, details in _sentences(result, None):
        items += [f"- {sentence}", *(f"  - {detail}" for detail in details)]
    return "\n\n".join([*blocks, "\n".join(items)]) + "\n"


def _metrics_by_fold(result: BenchmarkResult) -> list[str]:
    if not result.rows or not result.fold_names:
        return []
    return [metric for metric in result.metrics if result.rows[0].folds.get(metric)]


def _inline(result: BenchmarkResult, by_fold: Sequence[str]) -> str | None:
    """Choose the metric whose folds stand beside it, if any."""
    names = result.fold_names
    are_short = all(len(name) <= _MAX_INLINE_NAME for name in names)
    return (
        by_fold[0] if len(by_fold) == 1 and len(names) <= _MAX_INLINE_FOLDS and are_short else None
    )


def _comparable(result: BenchmarkResult, inline: str | None) -> list[Published]:
    """Other dimensions, metrics or splits than this run's are no comparison."""
    shown = {*result.metrics, *(result.fold_names if inline else ())}
    return [row for row in result.published if shown & set(row.figures)]


def _keys(rows: Sequence[Published]) -> _Keys:
    places = dict.fromkeys((row.source, row.note) for row in rows)
    return {place: f"[{number}]" for number, place in enumerate(places, 1)}


def _legend(keys: _Keys) -> list[str]:
    return [
        f"{key} {source}; {note}" if note else f"{key} {source}"
        for (source, note), key in keys.items()
    ]


def _main_table(result: BenchmarkResult, inline: str | None, keys: _Keys) -> _Table:
    """Our rows and the published ones; the folds of one metric stand beside it."""
    columns: list[tuple[str, int | None]] = []
    for metric in result.metrics:
        columns.append((metric, None))
        if metric == inline:
            columns += [(metric, fold) for fold in range(len(result.fold_names))]
    heads = [name if fold is None else result.fold_names[fold] for name, fold in columns]
    table = [["method", *heads, "source"]]
    for row in result.rows:
        cells = [
            _cell(row.figures.get(name))
            if fold is None
            else _cell(_at(row.folds.get(name, ()), fold))
            for name, fold in columns
        ]
        table.append([row.method, *cells, "this run"])
    others = _comparable(result, inline)
    if others:
        table.append(["published:", *("" for _ in columns), ""])
    for other in others:
        cells = [_cell(other.figures.get(head)) for head in heads]
        table.append([other.method, *cells, keys[other.source, other.note]])
    return table


def _fold_table(result: BenchmarkResult, metrics: Sequence[str]) -> _Table:
    """List the folds of our first row, their mean and their sample standard deviation."""
    folds = [result.rows[0].folds[metric] for metric in metrics]
    table = [["fold", *metrics]]
    for number, name in enumerate(result.fold_names):
        table.append([name, *(_cell(_at(values, number)) for values in folds)])
    if len(result.fold_names) > 1:
        table.append(["mean", *(_number(float(np.mean(values))) for values in folds)])
        table.append(["deviation", *(_number(_deviation(values)) for values in folds)])
    return table


def _deviation(values: Sequence[float]) -> float:
    with np.errstate(invalid="ignore"):  # of a fold without a figure
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _class_table(result: BenchmarkResult) -> _Table:
    counts = result.class_counts
    unit = [result.data.unit] if counts else []
    table = [["class", *unit, "accuracy"]]
    for name, value in result.per_class.items():
        count = [str(counts.get(name, ""))] if counts else []
        table.append([name, *count, _number(value)])
    return table


def _sentences(result: BenchmarkResult, max_setting: int | None) -> list[_Sentence]:
    sentences = [_data_use(result)]
    if result.counts:
        sentences.append((_work(result.counts), []))
    if result.chance is not None:
        sentences.append((f"Chance is {_number(result.chance)}.", []))
    sentences += [(f"Note: {note}", []) for note in result.notes]
    if result.times:
        stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.times.items())
        sentences.append((f"Times: {stages}.", []))
    if result.settings:
        details = [
            f"{name}: {_short(value, max_setting)}" for name, value in result.settings.items()
        ]
        sentences.append(("Settings:", details))
    return sentences


def _data_use(result: BenchmarkResult) -> _Sentence:
    data = result.data
    if not data.n_listed:
        return f"No {data.unit} are listed.", []
    lacking = [
        f"{n} {what}"
        for n, what in (
            (data.n_missing, "missing"),
            (data.n_failed, "unreadable"),
            (len(data.losses), "read only in part"),
        )
        if n
    ]
    unit = data.unit.removesuffix("s") if data.n_listed == 1 else data.unit
    line = f"Used {data.n_used} of {data.n_listed} listed {unit} ({100 * data.share:.1f} %)"
    details = _first([f"missing: {name}" for name in data.missing], "missing")
    failures = [f"unreadable: {name}: {reason}" for name, reason in data.failures]
    details += _first(failures, "unreadable")
    losses = [f"read only in part: {name}: {loss}" for name, loss in data.losses]
    details += _first(losses, "read only in part")
    return f"{line}: {', '.join(lacking)}." if lacking else f"{line}.", details


def _first(lines: list[str], what: str) -> list[str]:
    more = len(lines) - _MAX_NAMES
    return lines[:_MAX_NAMES] + ([f"{what}: {more} more"] if more > 0 else [])


def _work(counts: dict[str, int]) -> str:
    phrases = {
        "described": "Described {} now",
        "reused": "{} reused",
        "clips": "{} clip computed" if counts.get("clips") == 1 else "{} clips computed",
    }
    return (
        ", ".join(phrases.get(name, f"{{}} {name}").format(n) for name, n in counts.items()) + "."
    )


def _at(values: Sequence[float], number: int) -> float | None:
    return values[number] if number < len(values) else None


def _cell(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    """One decimal, as the papers print; two digits of what would be lost by that."""
    return f"{value:.2g}" if 0 < abs(value) < 0.1 else f"{value:.1f}"


def _short(value: Any, length: int | None) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(text.split())
    return text if length is None else _cut(text, length)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3].rstrip()}..."


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(
        line, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def _aligned(table: _Table, max_first: int = _WIDTH) -> str:
    """Numbers to the right, the first column and a column of sources to the left."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    room = _WIDTH - sum(width + 2 for width in widths[1:])
    widths[0] = min(widths[0], max_first, max(room, _MIN_FIRST))
    table = [[_cut(row[0], widths[0]), *row[1:]] for row in table]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if _is_text(table, i) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _piped(table: _Table) -> str:
    rules = [":---" if _is_text(table, i) else "---:" for i in range(len(table[0]))]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rules, *rows[1:]))


def _is_text(table: _Table, column: int) -> bool:
    return column == 0 or table[0][column] == "source"
