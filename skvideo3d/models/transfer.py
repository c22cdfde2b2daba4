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
from typing import Any
from urllib.parse import urlsplit

from skvideo3d.exceptions import DownloadError

__all__ = ["transfer"]

_CHUNK = 1 << 20
_TRIES = 4
_TIMEOUT = 30.0
_SPARE = 1 << 30
"""Bytes that a file of unpublished size leaves free on the disk."""


def transfer(
    url: str, part: Path, *, size: int | None = None, secure: bool = False, progress: bool = False
) -> None:
    """Bring the file at an address to `part`, after what `part` already holds.

    A connection that breaks is taken up again, as long as bytes come and then a few times; what
    came stays in `part` for the next call. Nothing is verified here, but that no more than the
    published size comes, or than the disk can spare where nobody published it.

    Parameters
    ----------
    url : str
    part : Path
        In an existing folder.
    size : int, optional
        Of the whole file, in bytes, if known beforehand.
    secure : bool, default=False
        Follow no redirection that leaves https: for what no hash can tell from a forgery.
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
    opener = _opener(secure=secure)
    if size is not None and _size(part) > size:
        part.unlink()  # of another file: nothing that comes after it can be right
    trial, most = 0, _size(part)
    while trial < _TRIES:
        try:
            if _receive(opener, url, part, size, progress=progress):
                return
        except _RefusedError as error:
            reason = error
            break
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


class _RefusedError(Exception):
    """An answer that is not taken; the text ends a sentence."""


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows http and https alone, and only the latter where it has to be secure."""

    def __init__(self, *, secure: bool) -> None:
        self.allowed = ("https",) if secure else ("http", "https")

    def redirect_request(  # noqa: PLR0917
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme.lower() not in self.allowed:
            fp.close()
            why = (
                "nobody published a hash of the file, so it is taken from https alone"
                if self.allowed == ("https",)
                else "files are fetched over http and https alone"
            )
            raise _RefusedError(f"it redirects to {newurl!r}, and {why}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(*, secure: bool) -> urllib.request.OpenerDirector:
    # Not build_opener, which also opens file:, ftp: and data: addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirections(secure=secure),
    ):
        opener.add_handler(handler)
    return opener


def _receive(
    opener: urllib.request.OpenerDirector,
    url: str,
    part: Path,
    size: int | None,
    *,
    progress: bool,
) -> bool:
    """Take one response, and say whether the file is whole."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "skvideo3d"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with opener.open(request, timeout=_TIMEOUT) as response:
        if response.status != 206:
            have = 0  # a server without ranges starts again from the beginning
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise HTTPException(f"bytes from {have} on were asked for and others came")
        total = size if response.length is None else have + response.length
        if size is not None and total is not None and total > size:
            raise _RefusedError(f"it announces {total} bytes, and {size} are published")
        _check_space(part.parent, total, have, spare=_SPARE if size is None else 0)
        with (
            open(part, "ab" if have else "wb") as file,
            _bar(part.stem, have, total, shown=progress) as advance,
        ):
            while block := response.read(_CHUNK):
                have += len(block)
                if size is not None and have > size:
                    part.unlink()
                    raise _RefusedError(f"it goes on after the {size} bytes that are published")
                file.write(block)
                advance(len(block))
                if total is None:  # it may never end
                    _check_space(part.parent, None, have, spare=_SPARE)
    return total is None or _size(part) >= total


def _announced(error: urllib.error.HTTPError) -> int | None:
    """Size of the whole file in an answer that refuses a range, as ``bytes */1234``."""
    total = error.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdecimal() and len(total) < 20 else None


def _check_space(folder: Path, total: int | None, have: int, *, spare: int) -> None:
    free = shutil.disk_usage(folder).free
    needed = 0 if total is None else total - have
    if needed + spare > free:
        kept = f", of which {spare} are to stay so" if spare else ""
        raise OSError(f"{needed or 'more'} bytes are needed and {free} are free{kept}")


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
