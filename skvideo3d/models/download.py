"""Fetching published files: resumed, checked, and moved into place whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from skvideo3d.exceptions import CheckpointError, DownloadError

from .hashing import git_blob_of, sha256_of
from .registry import WEIGHTS, WeightsEntry
from .transfer import transfer

__all__ = [
    "fetch",
    "home",
    "locate",
    "refuse_foreign",
    "shipped_folder",
    "verify",
    "weights_folder",
]


def home() -> Path:
    """Give the folder where skvideo3d keeps what it fetched.

    Returns
    -------
    Path
        The environment variable ``SKVIDEO3D_HOME``, or the platform's cache folder.
    """
    chosen = os.environ.get("SKVIDEO3D_HOME")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("skvideo3d")


def weights_folder() -> Path:
    """Give the folder of the weights files, below `home`.

    Returns
    -------
    Path
        It need not exist yet.
    """
    return home() / "weights"


def shipped_folder() -> Path:
    """Give the folder of the weights that come with the package.

    Returns
    -------
    Path
        It need not exist.
    """
    return Path(__file__).parent / "shipped"


def locate(entry: WeightsEntry) -> Path:
    """Say where the file of an entry is, or would be.

    Parameters
    ----------
    entry : WeightsEntry

    Returns
    -------
    Path

    Examples
    --------
    >>> from skvideo3d.models.registry import WEIGHTS
    >>> locate(WEIGHTS["kinetics400-rgb"]).name
    'rgb_imagenet.pt'
    """
    return (shipped_folder() if entry.shipped else weights_folder()) / entry.filename


def verify(path: str | os.PathLike[str], entry: WeightsEntry) -> None:
    """Check that a file is the one that was published.

    A file whose hash nobody published passes if its size is right or unknown.

    Parameters
    ----------
    path : path-like
    entry : WeightsEntry

    Raises
    ------
    CheckpointError
        If size, SHA-256 or git blob id differ.
    """
    if difference := _difference(path, entry):
        now = f"Delete it and run 'skvideo3d weights download {entry.name}'"
        if entry.shipped:
            now = "It came with skvideo3d: install skvideo3d again"
        raise CheckpointError(
            f"'{path}' is not the published {entry.name!r}: its {difference}. {now}."
        )


def refuse_foreign(entry: WeightsEntry) -> None:
    """Refuse a file of the weights folder that is not the published one, and move it aside.

    It becomes ``<name>.rejected``, or ``<name>.rejected-2`` and so on where something else has that
    name, so that nothing is lost and the next `fetch` brings the published file. One that came with
    the package stays where it is.

    Parameters
    ----------
    entry : WeightsEntry
        Of which there is a file.

    Raises
    ------
    CheckpointError
        If size, SHA-256 or git blob id differ; the text says where the file lies now.
    """
    path = locate(entry)
    if entry.shipped:
        verify(path, entry)
        return
    difference = _difference(path, entry)
    if not difference:
        return
    now = f"run 'skvideo3d weights download {entry.name}'"
    if entry.url is None:
        now = f"put the published one, as linked from {entry.source}, at '{path}'"
    reason = f"'{path}' is not the published {entry.name!r}: its {difference}. "
    use = "If it is a checkpoint that you want, use it by its path."
    try:
        aside = _move_aside(path, entry)
    except OSError as error:
        raise CheckpointError(
            f"{reason}It is not used, and could not be moved aside ({error.strerror or error}): "
            f"move it yourself, or point SKVIDEO3D_HOME at another folder, and {now}. {use}"
        ) from error
    if aside is not None:
        raise CheckpointError(f"{reason}It was moved to '{aside}'. Now {now}. {use}")
    if not path.exists():
        raise CheckpointError(f"{reason}Another process has moved it aside. Now {now}. {use}")


def fetch(entry: WeightsEntry, *, download: bool = True, progress: bool = False) -> Path:
    """Give the verified file of an entry, downloading it if it is not there.

    One that comes with the package needs no network.

    A transfer goes to ``<name>.part``, is taken up where it broke, and becomes the file only when
    it is the published one; another process that wants the same file waits and finds it.

    Parameters
    ----------
    entry : WeightsEntry
    download : bool, default=True
        False: use only what is there.
    progress : bool, default=False
        Show a bar on stderr.

    Returns
    -------
    Path

    Raises
    ------
    CheckpointError
        If the file is there but is not the published one; it is moved aside, and the next call
        fetches anew. Or if the package came without a file that belongs to it.
    DownloadError
        If the file is not there and cannot be fetched, or what came is not the published file.
    """
    path = locate(entry)
    if entry.shipped and not path.exists():
        raise CheckpointError(
            f"The weights {entry.name!r} come with skvideo3d, and there is no '{path}': install "
            "skvideo3d again."
        )
    if not path.exists():
        if not download:
            raise DownloadError(f"{_absent(entry)} {_advice(entry)}")
        _refuse_unsafe(entry)
        with _writing_to(path, entry):
            from filelock import FileLock

            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(_lock_of(path)):
                if not path.exists():  # another process may have fetched it meanwhile
                    _download(entry, path, progress=progress)
    refuse_foreign(entry)
    return path


def _move_aside(path: Path, entry: WeightsEntry) -> Path | None:
    """Rename a file that is not the published one; None if it has become so meanwhile."""
    from filelock import FileLock

    with FileLock(_lock_of(path)):
        # Another process may have moved it away and fetched the right one.
        if not path.exists() or not _difference(path, entry):
            return None
        aside = _free_name(path, path)
        os.replace(path, aside)
        return aside


def _free_name(path: Path, rejected: Path) -> Path:
    """Give a name for a rejected file under which there is nothing, or the same content."""
    for number in itertools.count(1):
        aside = path.with_name(f"{path.name}.rejected{f'-{number}' if number > 1 else ''}")
        if not os.path.lexists(aside):
            break
        with suppress(OSError):
            if aside.is_file() and sha256_of(aside) == sha256_of(rejected):
                break
    return aside


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _difference(path: str | os.PathLike[str], entry: WeightsEntry) -> str:
    size = Path(path).stat().st_size
    if entry.size is not None and size != entry.size:
        return f"size is {size} bytes, published is {entry.size}"
    if entry.sha256 is not None:
        found, published, what = sha256_of(path), entry.sha256, "sha256"
    elif entry.git_blob is not None:
        found, published, what = git_blob_of(path), entry.git_blob, "git blob id"
    else:
        return ""
    return "" if found == published else f"{what} is {found}, published is {published}"


def _download(entry: WeightsEntry, path: Path, *, progress: bool) -> None:
    part = path.with_name(f"{path.name}.part")
    resumed = part.exists() and part.stat().st_size > 0
    _transfer(entry, part, progress=progress)
    if resumed and _difference(part, entry):
        # The beginning may be of an older version of the file: once more, all of it.
        part.unlink()
        _transfer(entry, part, progress=progress)
    if difference := _difference(part, entry):
        aside = _free_name(path, part)
        os.replace(part, aside)
        raise DownloadError(
            f"What came from {entry.url} is not the published {entry.name!r}: its {difference}. It "
            f"was moved to '{aside}'; a proxy or a login page may have answered instead. "
            f"{_advice(entry)}"
        )
    os.replace(part, path)


def _transfer(entry: WeightsEntry, part: Path, *, progress: bool) -> None:
    assert entry.url is not None  # _refuse_unsafe came before
    try:
        transfer(entry.url, part, size=entry.size, secure=not entry.verifiable, progress=progress)
    except DownloadError as error:
        raise DownloadError(f"{_absent(entry)} {error} {_advice(entry)}") from error


@contextmanager
def _writing_to(path: Path, entry: WeightsEntry) -> Iterator[None]:
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{entry.name!r} could not be written to '{path.parent}': {error}. Make room or point "
            "the environment variable SKVIDEO3D_HOME at a folder that can be written."
        ) from error


def _refuse_unsafe(entry: WeightsEntry) -> None:
    if entry.url is None:
        raise DownloadError(f"{_absent(entry)} It has no address of its own. {_advice(entry)}")
    scheme = urlsplit(entry.url).scheme
    if scheme not in ("http", "https"):
        raise DownloadError(f"{entry.url} of {entry.name!r} is not an http address.")
    if scheme == "http" and not entry.verifiable:
        raise DownloadError(
            f"{_absent(entry)} Its address {entry.url} is plain http and nobody published a hash, "
            "so what comes could not be told from a forgery. "
            f"{_advice(entry)} 'skvideo3d weights verify {entry.name}' then prints its sha256, to "
            "compare with somebody else's."
        )


def _absent(entry: WeightsEntry) -> str:
    return f"The weights {entry.name!r} are not in '{locate(entry).parent}'."


def _advice(entry: WeightsEntry) -> str:
    alternatives = [
        repr(other.name) + " (which comes with skvideo3d)" * other.shipped
        for other in WEIGHTS.values()
        if other.name != entry.name
        and (other.architecture, other.stream, other.kind)
        == (entry.architecture, entry.stream, entry.kind)
    ]
    otherwise = ""
    if entry.kind == "network":
        otherwise = (
            f" Otherwise use {', '.join(alternatives)}, the path of a checkpoint, or weights=None "
            "(random)."
        )
    return (
        f"By hand: fetch {entry.url or entry.filename + ' as linked from ' + entry.source} and put "
        f"it at '{locate(entry)}' (SKVIDEO3D_HOME moves that folder).{otherwise}"
    )
