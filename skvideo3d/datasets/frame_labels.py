"""Labels of single frames: files that hold them, and the windows that they make."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from skvideo3d.datasets.layout import counted
from skvideo3d.datasets.texts import read_text, shown
from skvideo3d.video.lengths import frame_count

__all__ = ["read_frame_labels", "window_labels"]

_RANGE: Final = re.compile(r"([0-9]+)\s+([0-9]+)\s+(\S.*)")
_NUMBERS: Final = re.compile(r"[0-9]+\s+[0-9]+")
_SLACK_FRAMES: Final = 2
_SLACK_PERCENT: Final = 5
_MOST_FRAMES: Final = 10_000_000
"""Four days and more; a larger number is a slip that would fill the memory."""
_MOST_DIGITS: Final = 18


def window_labels(
    labels: Sequence[str | None], clip_len: int = 16, stride: int = 8, min_frames: int = 8
) -> list[tuple[int, str | None]]:
    """Label windows of frames by what most of their frames show.

    A window's label is the most frequent one among its frames, of equally frequent ones the first
    to appear in it, if at least `min_frames` frames have it. The defaults are those of C3D's object
    recognition (Tran et al. 2015, section 6).

    Parameters
    ----------
    labels : sequence of str or None
        What each frame shows; None is no object, and never a window's label.
    clip_len, stride : int, default=16 and 8
        Frames of a window, and from one window's start to the next's.
    min_frames : int, default=8
        Frames that have to show it, at most `clip_len`.

    Returns
    -------
    list of (int, str or None)
        First frame and label of each window that fits; the label is None where no object shows in
        enough frames.

    Raises
    ------
    ValueError
        If a length is no positive whole number, or no window can have `min_frames` frames.

    Examples
    --------
    >>> window_labels(["cup"] * 3 + [None] * 2 + ["pen"] * 2, clip_len=4, stride=1, min_frames=2)
    [(0, 'cup'), (1, 'cup'), (2, None), (3, 'pen')]
    """
    lengths = {"clip_len": clip_len, "stride": stride, "min_frames": min_frames}
    for name, value in lengths.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}={value!r} is no length; pass a whole number from 1 up.")
    if min_frames > clip_len:
        raise ValueError(
            f"min_frames={min_frames} is more than the clip_len={clip_len} frames of a window, so "
            f"none would be kept; pass at most {clip_len}."
        )
    windows: list[tuple[int, str | None]] = []
    for start in range(0, len(labels) - clip_len + 1, stride):
        shown = Counter(label for label in labels[start : start + clip_len] if label is not None)
        # Of equal counts, most_common gives the one that was met first.
        label, n_frames = shown.most_common(1)[0] if shown else (None, 0)
        windows.append((start, label if n_frames >= min_frames else None))
    return windows


def read_frame_labels(
    path: str,
    background: Collection[str],
    n_frames: int | None = None,
    *,
    video: str | None = None,
) -> list[str | None]:
    r"""Read what each frame of a video shows.

    The file has one of two forms, told by its first line that is not blank. One label a line: line
    `i`, from 0, is frame `i`, and a blank line shows no object. Or "first last label" lines, with
    frame numbers from 0 and the last one included, in any order; frames in no range show no object.

    Parameters
    ----------
    path : str
        A text file in UTF-8.
    background : collection of str
        Words that stand for no object, in lower case; upper case counts as lower.
    n_frames : int or None, default=None
        Frames of the video. None takes the file's word: its number of lines, or its highest last
        frame.
    video : str or None, default=None
        Video file whose header has its say where `n_frames` is None. Headers may be a little off,
        so a difference of 2 frames and 5 % is let pass, and so is all if the header tells nothing.

    Returns
    -------
    list of str or None
        A label for each frame, None for no object.

    Raises
    ------
    ValueError
        If the file cannot be read, is empty, has a line that is not of its form, ranges that
        overlap or run backwards, or does not suit `n_frames` or `video`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "kitchen.txt")
    ...     _ = path.write_text("0 1 cup\n4 4 pen\n")
    ...     read_frame_labels(str(path), {"none"})
    ['cup', 'cup', None, None, 'pen']
    """
    text = read_text(path, "the label file", "save it as UTF-8")
    lines = [line.strip() for line in text.removesuffix("\n").split("\n")]
    first = next(filter(None, lines), None)
    if first is None:
        raise ValueError(f"the label file {path!r} is empty; write a label a line, or ranges.")
    is_ranges = bool(_RANGE.fullmatch(first) or _NUMBERS.fullmatch(first))
    if is_ranges:
        words = _expand(path, lines, n_frames)
    else:
        words = list(lines)
        for number, line in enumerate(lines, start=1):
            if _RANGE.fullmatch(line) or _NUMBERS.fullmatch(line):
                raise ValueError(
                    f"{path!r}, line {number}: {shown(line)} is a range, and the lines before it "
                    "are labels of single frames; use one form in a file."
                )
        if n_frames is not None and len(words) != n_frames:
            raise ValueError(
                f"{path!r} has labels of {counted(len(words), 'frame')}, and its sequence has "
                f"{counted(n_frames, 'frame')}; write a line for each frame."
            )
    if n_frames is None and video is not None:
        _check_header(path, len(words), video, may_end_early=is_ranges)
    return [word if word and word.lower() not in background else None for word in words]


def _check_header(path: str, n_labels: int, video: str, *, may_end_early: bool) -> None:
    """Refuse labels that are of another video, going by the length that its header announces."""
    announced = frame_count(video)
    if announced is None:
        return
    excess = n_labels - announced
    if may_end_early:
        excess = max(excess, 0)
    if abs(excess) > _SLACK_FRAMES + _SLACK_PERCENT * announced / 100:
        raise ValueError(
            f"the label file {path!r} has labels of {counted(n_labels, 'frame')}, and the header "
            f"of its video {video!r} announces {announced}: they do not belong together, or "
            "one is cut short. Put the right one there; if the header is wrong, replace the video "
            "by a folder of its frames."
        )


def _expand(path: str, lines: list[str], n_frames: int | None) -> list[str]:
    """Turn ranges into a word for each frame, empty where there is none."""
    ranges = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        match = _RANGE.fullmatch(line)
        if match is None:
            raise ValueError(
                f"{path!r}, line {number}: {shown(line)} is no 'first last label', as the first "
                "line tells this file to be; write the numbers of two frames and a word."
            )
        if max(len(match[1]), len(match[2])) > _MOST_DIGITS:
            raise ValueError(
                f"{path!r}, line {number}: {shown(line)} has no frame numbers of a video; correct "
                "them."
            )
        begin, end = int(match[1]), int(match[2])
        if end < begin:
            raise ValueError(
                f"{path!r}, line {number}: the range {begin} to {end} runs backwards; write the "
                "first frame first."
            )
        if end >= _MOST_FRAMES:
            raise ValueError(
                f"{path!r}, line {number}: {end} is no frame number of a video; correct it."
            )
        ranges.append((begin, end, number, match[3]))
    ranges.sort()
    for before, after in pairwise(ranges):
        if after[0] <= before[1]:
            raise ValueError(
                f"{path!r}, lines {before[2]} and {after[2]}: the ranges {before[0]} to "
                f"{before[1]} and {after[0]} to {after[1]} overlap; the last frame is part of a "
                "range, so let the next begin one later."
            )
    last = ranges[-1][1]
    if n_frames is not None and last >= n_frames:
        raise ValueError(
            f"{path!r}, line {ranges[-1][2]}: its last frame is {last}, and its sequence has "
            f"{counted(n_frames, 'frame')}, 0 to {n_frames - 1}; correct the range."
        )
    words = [""] * (last + 1 if n_frames is None else n_frames)
    for begin, end, _, word in ranges:
        words[begin : end + 1] = [word] * (end + 1 - begin)
    return words
