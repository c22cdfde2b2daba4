"""A result as text: for a terminal and in Markdown."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from skvideo3d.benchmarks.results import BenchmarkResult

__all__ = ["to_markdown", "to_text"]

_MAX_FOLDS: Final = 5
"""More folds, as ASLAN's ten, are counted and not shown; files have them."""
_MAX_CLASSES: Final = 12
"""More classes, as UCF101's, are in files alone."""
_MAX_NAMES: Final = 3
_WIDTH: Final = 100
_MAX_SETTING: Final = 72

_Table = list[list[str]]
_Sentence = tuple[str, list[str]]


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
    lines = []
    for sentence, details in _sentences(result, _MAX_SETTING):
        for line in (sentence, *(f"  {detail}" for detail in details)):
            lines += textwrap.wrap(
                line,
                _WIDTH,
                subsequent_indent="    " if line.startswith(" ") else "  ",
                break_on_hyphens=False,
                break_long_words=False,
            )
    tables = _tables(result)
    if 0 < len(result.per_class) <= _MAX_CLASSES:
        tables.append(_class_table(result))
    return "\n\n".join([result.title, *map(_aligned, tables), "\n".join(lines)])


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
    tables = _tables(result)
    if result.per_class:
        tables.append(_class_table(result))
    items = []
    for sentence, details in _sentences(result, None):
        items += [f"- {sentence}", *(f"  - {detail}" for detail in details)]
    blocks = [f"# {result.title}", *(_piped(table) for table in tables), "\n".join(items)]
    return "\n\n".join(blocks) + "\n"


def _tables(result: BenchmarkResult) -> list[_Table]:
    shown = 0 < len(result.fold_names) <= _MAX_FOLDS
    by_fold = [m for m in result.metrics if shown and any(row.folds.get(m) for row in result.rows)]
    inline = by_fold[0] if len(by_fold) == 1 else None
    main = _main_table(result, inline)
    return [main] if inline else [main, *(_fold_table(result, metric) for metric in by_fold)]


def _main_table(result: BenchmarkResult, inline: str | None) -> _Table:
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
    # Other dimensions or metrics than this run's are no comparison.
    others = [row for row in result.published if set(row.figures) & set(result.metrics)]
    if others:
        table.append(["published:", *("" for _ in columns), ""])
    for other in others:
        cells = [_cell(other.figures.get(name) if fold is None else None) for name, fold in columns]
        note = f" ({other.note})" if other.note else ""
        table.append([other.method, *cells, f"{other.source}{note}"])
    return table


def _fold_table(result: BenchmarkResult, metric: str) -> _Table:
    table = [[f"{metric} by fold", *result.fold_names]]
    for row in result.rows:
        values = row.folds.get(metric, ())
        cells = [_cell(_at(values, i)) for i in range(len(result.fold_names))]
        table.append([row.method, *cells])
    return table


def _class_table(result: BenchmarkResult) -> _Table:
    rows = [[name, _number(value)] for name, value in result.per_class.items()]
    return [["class", "accuracy"], *rows]


def _sentences(result: BenchmarkResult, max_setting: int | None) -> list[_Sentence]:
    sentences = [_data_use(result)]
    if len(result.fold_names) > _MAX_FOLDS:
        sentences.append((f"Mean of {len(result.fold_names)} folds.", []))
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
        for n, what in ((data.n_missing, "missing"), (data.n_failed, "unreadable"))
        if n
    ]
    line = f"Used {data.n_used} of {data.n_listed} listed {data.unit} ({100 * data.share:.1f} %)"
    details = _first([f"missing: {name}" for name in data.missing], "missing")
    failures = [f"unreadable: {name}: {reason}" for name, reason in data.failures]
    details += _first(failures, "unreadable")
    return f"{line}: {', '.join(lacking)}." if lacking else f"{line}.", details


def _first(lines: list[str], what: str) -> list[str]:
    more = len(lines) - _MAX_NAMES
    return lines[:_MAX_NAMES] + ([f"{what}: {more} more"] if more > 0 else [])


def _work(counts: dict[str, int]) -> str:
    phrases = {
        "described": "Described {} now",
        "reused": "{} reused",
        "clips": "{} clips computed",
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
    return text if length is None or len(text) <= length else f"{text[: length - 3]}..."


def _aligned(table: _Table) -> str:
    """Numbers to the right, the first column and a column of sources to the left."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
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
