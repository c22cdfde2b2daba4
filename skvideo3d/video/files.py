"""Whether a path leads to a file that can be read, and why not."""

from __future__ import annotations

import os

from skvideo3d.exceptions import VideoDecodeError, VideoNotFoundError

__all__ = ["check_file", "file_state"]


def check_file(path: str) -> None:
    """Refuse what is no file to be read.

    Parameters
    ----------
    path : str

    Raises
    ------
    VideoNotFoundError
        If there is none.
    VideoDecodeError
        If it is something else, is empty or may not be read.
    """
    size, _ = file_state(path)
    if not os.path.isfile(path):
        raise VideoDecodeError(f"{path!r} is neither a file nor a folder of frames.")
    if size == 0:
        raise VideoDecodeError(f"{path!r} is empty (0 bytes); fetch or copy it again.")
    if not os.access(path, os.R_OK):
        raise VideoDecodeError(f"{path!r} cannot be read: permission denied.")


def file_state(path: str) -> tuple[int, int]:
    """Tell a file from another one under the same name.

    Parameters
    ----------
    path : str

    Returns
    -------
    size : int
        In bytes.
    mtime_ns : int
        When it was last written to.

    Raises
    ------
    VideoNotFoundError
        If there is none.
    VideoDecodeError
        If the system does not say.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        looked = "" if os.path.isabs(path) else f" (looked in {os.getcwd()!r})"
        raise VideoNotFoundError(f"{path!r} does not exist{looked}; check the path.") from None
    except (OSError, ValueError) as error:  # a null in it, or what is no text here
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoDecodeError(f"{path!r} cannot be read: {reason}; check the path.") from error
    return status.st_size, status.st_mtime_ns
