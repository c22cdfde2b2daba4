"""What a command writes beside a file of weights: all that is needed to make it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skvideo3d.benchmarks.surroundings import machine, versions

__all__ = ["write_record"]


def write_record(file: Path, words: Sequence[str], **told: Any) -> Path:
    """Write a .json of the same name beside a file.

    Parameters
    ----------
    file : Path
    words : sequence of str
        The command, without its first word.
    **told : dict
        What else there is to say.

    Returns
    -------
    Path
        Of the record.
    """
    record = file.with_suffix(".json")
    content = {
        "command": shlex.join(["skvideo3d", *words]),
        **told,
        "versions": versions("skorch"),
        "machine": machine(),
    }
    record.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return record
