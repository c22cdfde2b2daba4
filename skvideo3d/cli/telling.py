"""What commands that go through many videos say at their end, and check at their beginning."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["check_writable", "check_writable_file", "tell_some"]

_SHOWN = 10


def check_writable(folder: Path, option: str) -> None:
    """Refuse a folder that cannot be written to before the work begins, not after.

    Parameters
    ----------
    folder : Path
        Made if there is none.
    option : str
        That names it, such as "--output".

    Raises
    ------
    ValueError
        Naming the option, the folder and the reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"{option} {str(folder)!r} cannot be written to ({error.strerror}); choose a folder of "
            "your own."
        ) from error


def check_writable_file(path: Path, option: str) -> None:
    """Refuse a file that cannot be written before the work begins, not after.

    Parameters
    ----------
    path : Path
        Its folder has to be there.
    option : str
        That names it, such as "--json".

    Raises
    ------
    ValueError
        Naming the option, the file and the reason.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"{option} {str(path)!r} cannot be written to ({error.strerror}); choose a file in a "
            "folder of your own."
        ) from error


def tell_some(notes: Sequence[str], what: str, others: str) -> None:
    """List the first notes on stderr, and count the rest.

    Parameters
    ----------
    notes : sequence of str
        A line each, that names its video; of none, nothing is said.
    what : str
        What they have in common.
    others : str
        Where the rest can be found; may be empty.
    """
    if not notes:
        return
    print(f"{len(notes)} {what}:", file=sys.stderr)
    for note in notes[:_SHOWN]:
        print(f"  {note}", file=sys.stderr)
    if len(notes) > _SHOWN:
        print(f"  ... and {len(notes) - _SHOWN} more{others}.", file=sys.stderr)
