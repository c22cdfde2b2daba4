"""Bringing one file over http, going on where an earlier try broke off."""

from __future__ import annotations

import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError

from skvideo3d.exceptions import DownloadError

__all__ = ["transfer"]

_CHUNK = 1 << 20
_TRIES = 4
_TIMEOUT = 30.0


def transfer(url: str, part: Path, *, size: int | None = None, progress: bool = False) -> None:
    """Bring the file at an address to `part`, after what `part` already holds.

    A connection that breaks is taken up again, as long as bytes come and then a few times; what
    came stays in `part` for the next call. Nothing is verified here.

    Parameters
    ----------
    url : str
    part : Path
        In an existing folder.
    size : int, optional
        Of the whole file, in bytes, if known beforehand.
    progress : bool, default=False
        Show a bar on stderr.

    Raises
    ------
    DownloadError
        If the file did not come whole; the text names the address and the reason.
    OSError
        If `part` cannot be written.
    """
    reason: object = "the connection closed before the end"
    trial, most = 0, _size(part)
    while trial < _TRIES:
        try:
            if _receive(url, part, size, progress=progress):
                return
        except urllib.error.HTTPError as error:
            error.close()
            reason = error
            if error.code == 416 and part.exists():
                # Nothing lies beyond what is here: it is whole, or it is something else.
                if _size(part) == (size or _announced(error) or _size(part)):
                    return
                part.unlink()
            elif error.code >= 500:
                time.sleep(0.2 * trial)
            else:
                break
        except urllib.error.URLError as error:
            # Nobody answers there; asking again at once would only take longer.
            reason = error.reason
            break
        except (HTTPException, ConnectionError, TimeoutError, SSLError) as error:
            reason = error
        trial += 1
        if _size(part) > most:  # it advances; a server that starts over each time does not
            trial, most = 0, _size(part)
    kept = _size(part)
    again = f" The {kept} bytes that came are kept; the next call goes on from there."
    raise DownloadError(f"{url} could not be fetched: {reason}.{again if kept else ''}")


def _receive(url: str, part: Path, size: int | None, *, progress: bool) -> bool:
    """Take one response, and say whether the file is whole."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "skvideo3d"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.status != 206:
            have = 0  # a server without ranges starts again from the beginning
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise HTTPException(f"bytes from {have} on were asked for and others came")
        length = response.headers.get("Content-Length")
        total = size if length is None else have + int(length)
        _check_space(part.parent, total, have)
        with (
            open(part, "ab" if have else "wb") as file,
            _bar(part.stem, have, total, shown=progress) as advance,
        ):
            while block := response.read(_CHUNK):
                file.write(block)
                advance(len(block))
    return total is None or _size(part) >= total


def _announced(error: urllib.error.HTTPError) -> int | None:
    """Size of the whole file in an answer that refuses a range, as ``bytes */1234``."""
    total = error.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else None


def _check_space(folder: Path, total: int | None, have: int) -> None:
    free = shutil.disk_usage(folder).free
    if total is not None and total - have > free:
        raise OSError(f"{total - have} bytes are needed and {free} are free")


@contextmanager
def _bar(
    name: str, have: int, total: int | None, *, shown: bool
) -> Iterator[Callable[..., object]]:
    if not shown:
        yield lambda n: None
        return
    from tqdm import tqdm

    with tqdm(desc=name, initial=have, total=total, unit="B", unit_scale=True) as bar:
        yield bar.update


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
