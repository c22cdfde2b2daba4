"""What a command writes beside a file of weights: all that is needed to make it again."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skvideo3d.benchmarks.surroundings import machine, versions

__all__ = ["write_record"]


def write_record(file: Path, words: Sequence[str], device: str = "", **told: Any) -> Path:
    """Write a .json of the same name beside a file.

    What is NaN or infinite, which JSON has no word for, becomes null.

    Parameters
    ----------
    file : Path
    words : sequence of str
        The command, without its first word.
    device : str, default=""
        On which torch computed.
    **told : dict
        What else there is to say.

    Returns
    -------
    Path
        Of the record.
    """
    import torch

    record = file.with_suffix(".json")
    content = {
        "command": shlex.join(["skvideo3d", *words]),
        **told,
        "versions": versions("skorch"),
        "machine": machine(device),
        "threads": torch.get_num_threads(),
    }
    text = json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    record.write_text(text + "\n", encoding="utf-8")
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
