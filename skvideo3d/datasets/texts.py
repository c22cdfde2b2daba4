"""Text files that come with data sets, which anything may have been put in place of."""

from __future__ import annotations

import os
import stat
from typing import Final

__all__ = ["read_text", "shown"]

_SHOWN: Final = 200
_MOST_BYTES: Final = 1 << 26
"""The longest list of any set that is known has a fiftieth of that."""


def read_text(path: str, what: str, advice: str) -> str:
    """Read a text file in UTF-8, if it is one.

    Parameters
    ----------
    path : str
    what : str
        What it is, for the beginning of an error.
    advice : str
        What to do if it is not, for the end of the error.

    Returns
    -------
    str
        With each end of a line as a line feed.

    Raises
    ------
    ValueError
        If the file is not there, may not be read, is no regular file, is longer than any list, or
        is no text.

    Examples
    --------
    >>> read_text("/", "the list", "unpack the lists again")
    Traceback (most recent call last):
        ...
    ValueError: the list '/' cannot be read: it is no file; unpack the lists again.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # such as a pipe, at which reading would wait
            raise ValueError(f"{what} {path!r} cannot be read: it is no file; {advice}.")
        if status.st_size > _MOST_BYTES:
            raise ValueError(
                f"{what} {path!r} has {status.st_size} bytes, and no list is longer than "
                f"{_MOST_BYTES}; {advice}."
            )
        with open(path, encoding="utf-8-sig") as file:
            return file.read(_MOST_BYTES)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{what} {path!r} is not UTF-8 text ({error.reason} at byte {error.start}); {advice}."
        ) from error
    except OSError as error:
        raise ValueError(f"{what} {path!r} cannot be read: {error.strerror}; {advice}.") from error


def shown(line: str) -> str:
    """Quote a line for an error, and of an endless one the beginning.

    Parameters
    ----------
    line : str

    Returns
    -------
    str

    Examples
    --------
    >>> shown("1 Archery"), len(shown("x" * 1_000_000))
    ("'1 Archery'", 205)
    """
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "...")
