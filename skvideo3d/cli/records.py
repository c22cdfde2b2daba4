"""What a command writes beside a file of weights: all that is needed to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skvideo3d.benchmarks.plain import to_json
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
    record.write_text(to_json(content, "record"), encoding="utf-8")
    return record
