"""Names of files: what is taken for a video or a frame, and in which order."""

import re

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "natural_key"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
VIDEO_SUFFIXES = (
    *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".gif", ".m2ts", ".m4v", ".mkv"),
    *(".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm"),
    ".wmv",
)


def natural_key(name: str) -> list[tuple[int, str]]:
    """Give a key under which frame 2 sorts before frame 10; equal only for what is the same.

    Parameters
    ----------
    name : str

    Returns
    -------
    list of (int, str)

    Examples
    --------
    >>> sorted(["frame10.jpg", "frame2.jpg"], key=natural_key)
    ['frame2.jpg', 'frame10.jpg']
    """
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), part) if i % 2 else (-1, part) for i, part in enumerate(parts)]
