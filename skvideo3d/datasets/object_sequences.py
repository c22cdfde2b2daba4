"""Sequences labelled frame by frame, cut into windows: objects seen from who handles them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.utils import Bunch

from skvideo3d.datasets.frame_labels import read_frame_labels, window_labels
from skvideo3d.datasets.layout import VideoIndex, check_root, counted
from skvideo3d.video import VideoSegment
from skvideo3d.video.naming import IMAGE_SUFFIXES

__all__ = ["load_object_sequences"]

_LABELS: Final = "labels"
_SUFFIX: Final = ".txt"

_DESCR = """\
Sequences with an object's label for each frame
-----------------------------------------------
Loaded: {windows} of {clip_len}, every {stride}, of {n_objects} in
{n_sequences}. Dropped, as no object shows in at least {min_frames}: {dropped}.

Protocol: each sequence is classified by what was trained on all others. It is that of Tran et al.
2015 for the egocentric objects of Ren and Philipose (42 objects, 10 sequences).

Objects: {objects}.

Terms: the publisher's page says what the videos may be used for. They are other people's, and none
of them comes with this package.

Source of the egocentric objects: X. Ren, M. Philipose: Egocentric recognition of handled objects:
benchmark and analysis. Workshop on Egocentric Vision, CVPR, 2009.
Source of the protocol: D. Tran, L. Bourdev, R. Fergus, L. Torresani, M. Paluri: Learning
spatiotemporal features with 3D convolutional networks. ICCV, 2015 (section 6).
"""


def load_object_sequences(
    root: str | os.PathLike[str],
    *,
    clip_len: int = 16,
    stride: int = 8,
    min_frames: int = 8,
    background: Sequence[str] = ("0", "none", "background", ""),
    follow_links: bool = False,
) -> Bunch:
    r"""Load windows of sequences that are labelled frame by frame, such as egocentric objects.

    C3D was tried on 42 handled objects [1]_ in this way [2]_: windows of 16 frames every 8 frames
    have the most frequent label of their frames; where that is on fewer than 8 frames, the window
    is left out of training and test.

    In what form that set publishes its labels could not be confirmed. The layout below is this
    package's own, so bring the labels into it first:

    * Every video file and every folder of frames below the folder, at any depth, is a sequence. A
      recording in several parts has to be joined, or its parts would be told apart as sequences.
    * Each has a text file of the same name with the ending ``.txt``, in UTF-8, beside it or in a
      folder called ``labels``: ``kitchen.mp4`` or the folder ``kitchen`` has ``kitchen.txt`` or
      ``labels/kitchen.txt``. Other ``.txt`` files may not be in these places, but readmes may.
    * The file has a label a line, line `i` (from 0) for frame `i`, or lines "first last label",
      with frame numbers from 0 and the last included. A label is any words. The first line that is
      not blank decides the form.
    * Frames without an object have a blank line or one of the `background` words; in the second
      form frames of no range have none either.

    Windows run over the labelled frames: all lines, or all frames up to the highest last one. For a
    folder of frames this is checked against the images in it, for a video file against the length
    that its header announces. Headers may be a little off: labels of 2 frames and 5 % more or fewer
    are taken, and any where the header tells no length. Ranges may end early. A window after the
    true end of its video fails when it is described.

    Parameters
    ----------
    root : path-like
        Folder with the sequences.
    clip_len, stride : int, default=16 and 8
        Frames of a window, and from one window's start to the next's.
    min_frames : int, default=8
        Frames that have to have a window's label.
    background : sequence of str, default=("0", "none", "background", "")
        Labels that stand for no object, whatever the case of their letters.
    follow_links : bool, default=False
        Whether links below `root` may lead out of it. Otherwise such links are left out, and a
        warning counts them.

    Returns
    -------
    sklearn.utils.Bunch
        data : list of VideoSegment
            The windows that have a label, in order, sequence by sequence.
        target : ndarray of shape (n_kept,), int64
        target_names : list of str
            All objects of the label files, sorted, also those that no window has.
        groups : ndarray of shape (n_kept,), int64
            The sequence of each window, as its place in `sequences`.
        cv : list of (ndarray, ndarray)
            For each sequence with a window the windows of the others, to train on, and its own.
        sequences : list of str
            Absolute paths, sorted.
        n_windows, n_dropped : int
            All windows, and those left out because no object shows in enough frames.
        n_listed : int
            Number of sequences.
        missing : list of str
            Always empty: a sequence without labels is refused.
        DESCR : str

    Raises
    ------
    ValueError
        If there is no such folder; a sequence has no label file or several, or a label file no
        sequence; a label file is damaged, or does not suit the length of its sequence; fewer than
        two sequences have a labelled window; or a length has no meaning.

    References
    ----------
    .. [1] Ren, Philipose, "Egocentric recognition of handled objects: benchmark and analysis",
       Workshop on Egocentric Vision, CVPR 2009.
    .. [2] Tran et al., "Learning spatiotemporal features with 3D convolutional networks", ICCV
       2015, section 6.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("home", "work"):
    ...         Path(folder, f"{name}.mp4").touch()
    ...         _ = Path(folder, f"{name}.txt").write_text("0 19 cup\n24 39 phone\n")
    ...     windows = load_object_sequences(folder)
    >>> [(window.start, window.stop) for window in windows.data]
    [(0, 16), (8, 24), (16, 32), (24, 40), (0, 16), (8, 24), (16, 32), (24, 40)]
    >>> windows.target, windows.groups
    (array([0, 0, 1, 1, 0, 0, 1, 1]), array([0, 0, 0, 0, 1, 1, 1, 1]))
    """
    if isinstance(background, str):
        raise ValueError(f"background={background!r} is one word; pass a list, [{background!r}].")
    nothing = {word.lower() for word in background}
    folder = check_root(root)
    index = VideoIndex(folder, follow_links=follow_links)
    sequences = index.paths
    if len(sequences) < 2:
        raise ValueError(
            f"{counted(len(sequences), 'sequence is', 'sequences are')} below {str(folder)!r}; "
            "leaving one out takes at least 2. Each is a video file or a folder of frames."
            + index.hints()
        )
    files = _match_labels(index)
    frames = [
        read_frame_labels(file, nothing, _count_images(path), video=path)
        for path, file in zip(sequences, files, strict=True)
    ]
    objects = sorted({label for labels in frames for label in labels if label is not None})
    code = {label: number for number, label in enumerate(objects)}

    data, target, groups, n_windows = [], [], [], 0
    for number, (path, labels) in enumerate(zip(sequences, frames, strict=True)):
        windows = window_labels(labels, clip_len, stride, min_frames)
        n_windows += len(windows)
        for start, label in windows:
            if label is not None:
                data.append(VideoSegment(path, start, start + clip_len))
                target.append(code[label])
                groups.append(number)
    if len(set(groups)) < 2:
        raise ValueError(
            f"{len(set(groups))} of the {len(sequences)} sequences below {str(folder)!r} "
            f"{'has' if groups else 'have'} a window of {counted(clip_len, 'frame')} with an "
            f"object in at least {min_frames}; leaving one out takes 2. Check the labels, or use "
            "shorter windows."
        )
    return Bunch(
        data=data,
        target=np.array(target, dtype=np.int64),
        target_names=objects,
        groups=np.array(groups, dtype=np.int64),
        cv=list(LeaveOneGroupOut().split(data, groups=groups)),
        sequences=sequences,
        n_windows=n_windows,
        n_dropped=n_windows - len(data),
        n_listed=len(sequences),
        missing=[],
        DESCR=_DESCR.format(
            windows=counted(len(data), "window"),
            clip_len=counted(clip_len, "frame"),
            stride=counted(stride, "frame"),
            min_frames=counted(min_frames, "frame"),
            n_objects=counted(len(objects), "object"),
            n_sequences=counted(len(sequences), "sequence"),
            dropped=counted(n_windows - len(data), "window"),
            objects=", ".join(objects),
        ),
    )


def _match_labels(index: VideoIndex) -> list[str]:
    """Find the label file of each sequence, and leave none over."""
    sequences = index.paths
    beside = {os.path.dirname(path) for path in sequences}
    files = [
        path
        for path in index.texts
        if path.endswith(_SUFFIX)
        and not os.path.basename(path).lower().startswith("readme")
        and (os.path.dirname(path) in beside or _is_in_labels(path))
    ]
    chosen: dict[str, str] = {}
    for path in sequences:
        name = os.path.basename(path)
        stem = name if os.path.isdir(path) else os.path.splitext(name)[0]
        found = [
            file
            for file in files
            if os.path.basename(file) == stem + _SUFFIX
            and (os.path.dirname(file) == os.path.dirname(path) or _is_in_labels(file))
        ]
        if not found:
            raise ValueError(
                f"the sequence {path!r} has no label file; write {stem + _SUFFIX!r} beside it or "
                f"in a folder {_LABELS!r}, or take the sequence away."
            )
        if len(found) > 1:
            raise ValueError(
                f"the sequence {path!r} could have its labels in {found[0]!r} or {found[1]!r}; "
                "keep one."
            )
        if found[0] in chosen:
            raise ValueError(
                f"the label file {found[0]!r} could be of {chosen[found[0]]!r} or of {path!r}; "
                "give each sequence a name of its own."
            )
        chosen[found[0]] = path
    left = [file for file in files if file not in chosen]
    if left:
        others = f" (the first of {len(left)} such files)" if len(left) > 1 else ""
        raise ValueError(
            f"the label file {left[0]!r} has no sequence{others}; add the "
            "video of its name, or take the file away."
        )
    return list(chosen)


def _is_in_labels(path: str) -> bool:
    return os.path.basename(os.path.dirname(path)).lower() == _LABELS


def _count_images(path: str) -> int | None:
    if not os.path.isdir(path):
        return None
    return sum(
        not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
        for name in os.listdir(path)
    )
