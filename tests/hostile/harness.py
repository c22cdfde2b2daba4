"""Describe hostile files and say what of the promises about them was broken.

The promises: rows stay aligned with X; a video ends in a finite row or in a typed error that names
it; what was lost is said; nothing is left behind; it ends. Whatever breaks one is a finding, in
words, so that one call can check hundreds of files.
"""

from __future__ import annotations

import faulthandler
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import SkVideo3DError

TIMEOUT = 20.0  # for one video, where milliseconds are usual
CLIP_STRIDE = 8  # a film of 40 frames has no frame outside all clips
# A reading process is kept for the next call, and torch starts threads of its own at the first.
_MOST_LEFT = {"threads": 4, "child processes": 2, "open files": 16}
_MOST_MEMORY = 1 << 30  # bytes by which this process may grow at its peak
_EXPECTED_WARNINGS = ("could not be described", "could be read only in part")


@dataclass(frozen=True)
class Ending:
    """What became of one video."""

    path: str
    row: NDArray[np.float32] | None
    reason: str = ""
    loss: str = ""

    @property
    def kind(self) -> str:
        if self.row is None:
            return "error"
        return "describes in part" if self.loss else "describes"


def transformer(weights: str, **settings: Any) -> C3DTransformer:
    """Give the transformer that all of this is about, with a network of milliseconds."""
    chosen = {"clip_stride": CLIP_STRIDE, "on_error": "nan", "timeout": TIMEOUT, **settings}
    return C3DTransformer(weights, **chosen)


def describe(paths: Sequence[Any], weights: str, **settings: Any) -> tuple[list[Ending], list[str]]:
    """Describe videos in one call.

    Parameters
    ----------
    paths : sequence of path-like or VideoSegment
    weights : str
        Of a small network.
    settings : object
        Further parameters of the transformer.

    Returns
    -------
    endings : list of Ending
        One for each path, in order.
    findings : list of str
        What is not as promised; empty if all is well.
    """
    describer = transformer(weights, **settings)
    findings: list[str] = []
    with watched(len(paths), findings), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        rows = describer.transform(paths)
    findings += _about_warnings(describer, [str(warning.message) for warning in warned])
    findings += _about_rows(paths, rows, describer)
    reasons = {i: reason for i, _, reason in describer.failures_}
    losses = {i: loss for i, _, loss in describer.losses_}
    endings = [
        Ending(str(path), None if i in reasons else rows[i], reasons.get(i, ""), losses.get(i, ""))
        for i, path in enumerate(paths)
    ]
    return endings, findings


def names_file(message: str, video: Any) -> bool:
    """Tell whether a message names a file, or a frame of a folder, as Python writes texts."""
    path = getattr(video, "video", video)  # of a segment
    return repr(os.path.abspath(path))[1:-1] in message


def error_of(path: Path | str, weights: str, **settings: Any) -> SkVideo3DError | None:
    """Describe one video where errors are raised; any but skvideo3d's own goes through."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=f".*{_EXPECTED_WARNINGS[1]}")
        try:
            transformer(weights, on_error="raise", **settings).transform([path])
        except SkVideo3DError as error:
            return error
    return None


@contextmanager
def watched(n_videos: int, findings: list[str]) -> Iterator[None]:
    """Note what a call leaves behind; end the process, with its stacks, if it never returns."""
    before = left_behind()
    memory = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    faulthandler.dump_traceback_later(TIMEOUT * n_videos + 60, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
    for what, n in left_behind().items():
        if n > before[what] + _MOST_LEFT[what]:
            findings.append(f"{n} {what} after {n_videos} videos, {before[what]} before.")
    if _memory("VmHWM") > memory + _MOST_MEMORY:
        findings.append(f"{_memory('VmHWM')} bytes at the peak of {n_videos} videos.")


def left_behind() -> dict[str, int]:
    """Count what this process holds that a call could leave behind."""
    return {
        "threads": threading.active_count(),
        "child processes": len(_children()),
        "open files": len(os.listdir("/proc/self/fd")),
    }


def _memory(which: str) -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{which}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _children() -> list[int]:
    """Give the processes that this one started and that have not ended."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:  # the thread has ended
            continue
    return found


def _about_warnings(describer: C3DTransformer, messages: list[str]) -> list[str]:
    findings = []
    for text, is_expected in zip(
        _EXPECTED_WARNINGS, (describer.failures_, describer.losses_), strict=True
    ):
        n_found = sum(text in message for message in messages)
        if n_found != bool(is_expected):
            findings.append(f"{n_found} warnings of {text!r} for {len(is_expected)} videos.")
    findings += [
        f"An unexplained warning: {message}"
        for message in messages
        if not any(text in message for text in _EXPECTED_WARNINGS)
    ]
    return findings


def _about_rows(
    paths: Sequence[Any], rows: NDArray[np.float32], describer: C3DTransformer
) -> list[str]:
    if len(rows) != len(paths):
        return [f"{len(rows)} rows for {len(paths)} videos."]
    findings = []
    failed = {i for i, _, _ in describer.failures_}
    for i, (path, row) in enumerate(zip(paths, rows, strict=True)):
        if np.isfinite(row).all() == (i in failed) or np.isnan(row).all() != (i in failed):
            findings.append(f"{path!s}: the row is {row[:3]}..., failed: {i in failed}.")
    for what, entries in (("failure", describer.failures_), ("loss", describer.losses_)):
        for i, video, text in entries:
            if video != paths[i]:
                findings.append(f"{paths[i]!s}: its {what} is recorded under {video!r}.")
            if not names_file(text, paths[i]):
                findings.append(f"{paths[i]!s}: its {what} does not name it: {text}")
            if what == "loss" and i in failed:
                findings.append(f"{paths[i]!s}: failed, and yet read in part: {text}")
    return findings
