"""Files that others made are decoded in another process, which may hang or crash.

A decoder that hangs can hold Python's lock, and one that crashes takes its process with it: neither
is to happen where descriptors are computed. A reading process imports neither torch nor
scikit-learn, so that it starts in a fraction of a second and is small; it is kept for the next
videos.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d import exceptions
from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError, VideoTimeoutError

from .clips import ClipRecipe, PreparedFrame, ReadingCost, VideoClip
from .damage import Losses
from .limits import DEFAULT_LIMITS, ReadingLimits
from .messages import Channel, ChannelClosedError, recipe_to_json, source_to_json
from .processes import START_TIMEOUT, ReadingProcess, give_back, take
from .sources import VideoSource

__all__ = ["IsolatedReader", "call_isolated", "is_isolation_possible"]


def is_isolation_possible() -> bool:
    """Tell whether files are read in another process.

    Returns
    -------
    bool
        False on Windows, and where the environment variable ``SKVIDEO3D_ISOLATION`` is ``off``:
        then files are read in this process, `timeout` has no effect, and a decoder that crashes
        takes the process with it.
    """
    return (
        os.name == "posix"
        and bool(sys.executable)
        and os.environ.get("SKVIDEO3D_ISOLATION", "").lower() != "off"
    )


class IsolatedReader:
    """Reads some videos in another process, one after the other; see `read_clips`.

    Parameters
    ----------
    sources : sequence of VideoSource
        In the order in which they will be read; some may be left out then.
    recipe : ClipRecipe
    limits : ReadingLimits
    """

    def __init__(
        self, sources: Sequence[VideoSource], recipe: ClipRecipe, limits: ReadingLimits
    ) -> None:
        self._sources = sources
        self._recipe = recipe
        self._limits = limits
        self._left = limits.timeout  # of the video that is being read
        self._process: ReadingProcess | None = None
        self._is_reading = False
        self._is_aborted = False

    def read(self, index: int, cost: ReadingCost, losses: Losses) -> Iterator[VideoClip]:
        """Read a video.

        Parameters
        ----------
        index : int
            Its place in `sources`.
        cost : ReadingCost
        losses : Losses

        Yields
        ------
        VideoClip

        Raises
        ------
        VideoDecodeError
            If it cannot be read, or the decoder crashed.
        VideoTimeoutError
            If it took longer than it may.
        """
        n_given = 0
        self._left = self._limits.timeout
        is_second = False
        while True:
            process = self._ready_process(anew=is_second)
            is_first, process.is_fresh = process.is_fresh, False
            try:
                for n_clips, clip in enumerate(self._clips(process, index, cost, losses), 1):
                    if n_clips > n_given:
                        yield clip
                        n_given = n_clips
                return
            except ChannelClosedError as error:
                ending = self._drop(is_ending=True)
                # A file before this one may have left the decoder in a state in which it crashes.
                if is_first or self._is_aborted:
                    raise VideoDecodeError(
                        f"{self._sources[index].name!r} crashed the decoder, which ran in a "
                        f"process of its own ({ending}); re-encode or replace it."
                    ) from error
                is_second = True
            except TimeoutError as error:
                self._drop()
                raise VideoTimeoutError(
                    f"{self._sources[index].name!r} was given up after {self._limits.timeout:g} "
                    "seconds of reading; raise timeout= if it is long, or re-encode or replace it."
                ) from error
            except SkVideo3DError:
                raise
            except BaseException:  # nobody wants the rest, which would come before anything else
                self._drop()
                raise

    def opens(self, index: int) -> bool:
        """Tell that a video is opened to be read, whichever it is."""
        return True

    def abort(self) -> None:
        """End what another thread reads here, at once."""
        self._is_aborted = True
        process = self._process
        if process is not None:
            process.end()

    def close(self) -> None:
        """Leave the process to others, or end it if it is at a video."""
        if self._is_reading:
            self._drop()
            return
        process, self._process = self._process, None
        if process is not None:
            give_back(process)

    def _clips(
        self, process: ReadingProcess, index: int, cost: ReadingCost, losses: Losses
    ) -> Iterator[VideoClip]:
        known: dict[int, NDArray[np.uint8]] = {}
        self._is_reading = True
        process.channel.send({"index": index}, timeout=self._left)
        while True:
            began = time.monotonic()
            message = process.channel.receive(self._left)
            deadline = math.inf if self._left is None else began + self._left
            try:
                match message.get("is"):
                    case "clip":
                        clip = self._clip(message, known, process.channel, deadline)
                    case "read":
                        ending = ReadingCost(**message["cost"])
                        loss = str(message["loss"])
                        break
                    case "failure":
                        self._is_reading = False
                        raise _error(message)
                    case _:
                        raise ChannelClosedError
            except (KeyError, TypeError, ValueError) as error:
                if isinstance(error, SkVideo3DError):
                    raise
                # A decoder that wrote where it must not: what comes is no message any more.
                raise ChannelClosedError from error
            if self._left is not None:
                self._left = deadline - time.monotonic()
            yield clip
        self._is_reading = False
        cost += ending
        losses.take(loss)

    def _clip(
        self,
        message: dict[str, Any],
        known: dict[int, NDArray[np.uint8]],
        channel: Channel,
        deadline: float,
    ) -> VideoClip:
        """Take a clip; `known` are the frames of the one before, and then of this one."""
        places, new = message["places"], message["new"]
        if len(places) != self._recipe.clip_len or not set(new) <= set(places):
            raise ChannelClosedError
        height, width = map(int, message["size"])
        # Whole frames are of any size that is allowed, and one video may have several.
        is_whole = self._recipe.whole and 0 < height * width <= self._recipe.max_pixels
        if not is_whole and (height, width) != self._recipe.preprocessing.crop:
            raise ChannelClosedError
        pixels = np.empty((len(set(new)), height, width, 3), np.uint8)
        if pixels.size:
            channel.fill(memoryview(pixels.data).cast("B"), deadline)
        known.update(zip(new, pixels, strict=True))
        frames = [PreparedFrame(place, known[place]) for place in places]
        for place in set(known) - set(places):
            del known[place]
        return VideoClip(int(message["start_frame"]), float(message["start_time"]), frames)

    def _ready_process(self, *, anew: bool) -> ReadingProcess:
        while self._process is None:
            # To be seen by `abort` while it starts.
            process = self._process = ReadingProcess() if anew else take()
            try:
                process.wait_until_ready()
                process.channel.send(
                    {
                        "do": "read",
                        "recipe": recipe_to_json(self._recipe),
                        "sources": [source_to_json(source) for source in self._sources],
                    },
                    timeout=START_TIMEOUT,
                )
            except (ChannelClosedError, TimeoutError):  # it was ended while it waited
                self._drop()
            except BaseException as error:
                self._drop()
                if self._is_aborted and isinstance(error, RuntimeError):  # while it started
                    raise VideoDecodeError("Nobody wants what was to be read.") from error
                raise
        if self._is_aborted:
            self._process.end()
        return self._process

    def _drop(self, *, is_ending: bool = False) -> str:
        """Be done with the process, and say how it ended."""
        process, self._process, self._is_reading = self._process, None, False
        return process.kill(is_ending=is_ending) if process is not None else ""


def call_isolated(function: str, *arguments: Any, limits: ReadingLimits = DEFAULT_LIMITS) -> Any:
    """Call a function that opens a file, where it can hang or crash without harm.

    Parameters
    ----------
    function : str
        As "package.module:name"; it must not import torch, to be quick.
    *arguments : object
        Of what JSON has; the first one is what errors name.
    limits : ReadingLimits, optional

    Returns
    -------
    object
        Of what JSON has.

    Raises
    ------
    VideoDecodeError
        If the call fails, crashes or takes too long.
    """
    request = {
        "do": "call",
        "function": function,
        "arguments": arguments,
        "max_pixels": limits.max_pixels,
    }
    message = None
    while message is None:
        process = take()
        process.wait_until_ready()
        is_first, process.is_fresh = process.is_fresh, False
        try:
            process.channel.send(request, timeout=limits.timeout)
            message = process.channel.receive(limits.timeout)
        except (ChannelClosedError, TimeoutError) as error:
            is_ending = isinstance(error, ChannelClosedError)
            ending = process.kill(is_ending=is_ending)
            if is_ending and not is_first:
                continue  # it was ended while it waited, or not by this file
            raise VideoDecodeError(
                f"{arguments[0]!r} cannot be read: what reads it, in a process of its own, was "
                f"ended ({ending if is_ending else 'it took too long'})."
            ) from error
        except BaseException:
            process.kill()
            raise
    give_back(process)
    if message.get("is") != "value":
        raise _error(message)
    return message["value"]


def _error(message: dict[str, Any]) -> SkVideo3DError:
    kind = getattr(exceptions, str(message.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, SkVideo3DError)):
        kind = VideoDecodeError
    return kind(str(message.get("text")))
