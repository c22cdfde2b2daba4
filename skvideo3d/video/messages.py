"""What we and a reading process say to each other: a line of JSON, and pixels after it.

The other side decodes files of strangers: what it sends is never unpickled, and how many pixels
follow is for the receiver to know.
"""

from __future__ import annotations

import json
import math
import os
import select
import struct
import time
from dataclasses import replace
from typing import Any

from .clips import ClipRecipe
from .preprocessing import Preprocessing
from .sources import FileSource, FolderSource, SegmentSource, VideoSegment, VideoSource, as_source

__all__ = [
    "Channel",
    "ChannelClosedError",
    "is_foreign",
    "recipe_from_json",
    "recipe_to_json",
    "source_from_json",
    "source_to_json",
]

_LENGTH = struct.Struct(">I")
_MAX_LINE = 2**26


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """Two pipes, one in and one out.

    Parameters
    ----------
    incoming, outgoing : int
        File descriptors; they stay the caller's to close.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._in = incoming
        self._out = outgoing

    def send(self, message: dict[str, Any], *parts: Any, timeout: float | None = None) -> None:
        """Send a message, and bytes after it.

        Parameters
        ----------
        message : dict
            Of what JSON has.
        *parts : bytes-like
            C-contiguous.
        timeout : float, optional
            Seconds, for an end that does not block.

        Raises
        ------
        ChannelClosedError
            If nobody listens any more.
        TimeoutError
            If not all of it was taken in time.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        line = json.dumps(message).encode()  # lone surrogates of odd paths become escapes
        try:
            for part in (_LENGTH.pack(len(line)) + line, *parts):
                rest = memoryview(part).cast("B")
                while rest:
                    try:
                        rest = rest[os.write(self._out, rest) :]
                    except BlockingIOError:
                        _wait(self._out, select.POLLOUT, deadline)
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for a message.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        dict

        Raises
        ------
        ChannelClosedError
            If none will come, or what came is none.
        TimeoutError
            If none came in time.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        head = bytearray(_LENGTH.size)
        self.fill(memoryview(head), deadline)
        (length,) = _LENGTH.unpack(head)
        if length > _MAX_LINE:
            raise ChannelClosedError
        line = bytearray(length)
        self.fill(memoryview(line), deadline)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ChannelClosedError from error
        if not isinstance(message, dict):
            raise ChannelClosedError
        return message

    def fill(self, buffer: memoryview, deadline: float = math.inf) -> None:
        """Wait for as many bytes as a buffer takes.

        Parameters
        ----------
        buffer : memoryview of bytes
        deadline : float
            By `time.monotonic`.

        Raises
        ------
        ChannelClosedError, TimeoutError
            As `receive` does.
        """
        while buffer:
            if deadline < math.inf:
                _wait(self._in, select.POLLIN, deadline)
            n_read = os.readv(self._in, [buffer])
            if n_read == 0:
                raise ChannelClosedError
            buffer = buffer[n_read:]


def _wait(end: int, event: int, deadline: float) -> None:
    """Wait until one can read from or write to an end of a pipe."""
    waiting = select.poll()
    waiting.register(end, event)
    while not waiting.poll(min(max(deadline - time.monotonic(), 0), 3600) * 1000):
        if time.monotonic() >= deadline:
            raise TimeoutError


def is_foreign(source: VideoSource) -> bool:
    """Tell whether a source is files, which are not to be decoded in this process.

    Parameters
    ----------
    source : VideoSource

    Returns
    -------
    bool
    """
    inner = source.source if isinstance(source, SegmentSource) else source
    return isinstance(inner, (FileSource, FolderSource))


def source_to_json(source: VideoSource) -> dict[str, Any]:
    """Give a source of which `is_foreign` is true as plain values.

    Parameters
    ----------
    source : VideoSource

    Returns
    -------
    dict
    """
    if not isinstance(source, SegmentSource):
        return {"path": source.name}
    part = source.segment
    bounds = {"start": part.start, "stop": part.stop, "unit": part.unit}
    # numpy's numbers are none of JSON's
    for name in ("start", "stop"):
        value = bounds[name]
        if value is not None:
            bounds[name] = int(value) if part.unit == "frames" else float(value)
    return {"path": source.source.name, **bounds}


def source_from_json(values: dict[str, Any]) -> VideoSource:
    """Rebuild a source from `source_to_json`.

    Parameters
    ----------
    values : dict

    Returns
    -------
    VideoSource
    """
    if "unit" not in values:
        return as_source(values["path"])
    bounds = {name: values[name] for name in ("start", "stop", "unit")}
    return as_source(VideoSegment(values["path"], **bounds))


def recipe_to_json(recipe: ClipRecipe) -> dict[str, Any]:
    """Give what of a recipe concerns frames as plain values.

    Parameters
    ----------
    recipe : ClipRecipe

    Returns
    -------
    dict
    """
    # The mean is subtracted later, and a cube's file need not be there.
    plain = replace(recipe.preprocessing, mean=(0.0, 0.0, 0.0))
    return {**vars(recipe), "preprocessing": plain.to_dict()}


def recipe_from_json(values: dict[str, Any]) -> ClipRecipe:
    """Rebuild a recipe from `recipe_to_json`.

    Parameters
    ----------
    values : dict

    Returns
    -------
    ClipRecipe
    """
    return ClipRecipe(
        **{**values, "preprocessing": Preprocessing.from_dict(values["preprocessing"])}
    )
