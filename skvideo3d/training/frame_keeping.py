"""A video to a file of all its resized frames: decoded once, by one process among many."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError
from skvideo3d.video.claims import Claim, Claims
from skvideo3d.video.clips import ReadingCost, VideoClip
from skvideo3d.video.damage import Losses
from skvideo3d.video.reading import make_reader
from skvideo3d.video.sealed_files import DamagedEntryError
from skvideo3d.video.sources import FileSource, VideoSource
from skvideo3d.video.workers import end_with_parent

from .disk_budget import DiskBudget
from .frame_files import BeyondBudgetError, FrameFile, FrameFiles, FrameFileWriter
from .kept_video import KeepingRecipe, KeptVideo, video_key

__all__ = ["FrameKeeper", "keep_in_worker", "keeper_of"]

_LEFT_WITH_CALLER: Final = FileSource("")
_POLL: Final = 0.2  # seconds between looks at what another process is at


class FrameKeeper:
    """Decodes videos and keeps their frames as long as there is room.

    Parameters
    ----------
    recipe : KeepingRecipe
    """

    def __init__(self, recipe: KeepingRecipe) -> None:
        folder = Path(recipe.folder)
        self.budget = DiskBudget(folder, recipe.max_bytes)
        self._recipe = recipe
        self._files = FrameFiles(folder, self.budget)
        self._claims = Claims(folder / "locks")
        self._is_unwritable = False

    def mapped(self, key: str) -> NDArray[np.uint8] | None:
        """Look for frames on disk.

        Parameters
        ----------
        key : str
            From `video_key`.

        Returns
        -------
        ndarray or None
            None where there are none, or damaged ones (with a warning).
        """
        file = self._open(key)
        return None if file is None else file.frames

    def keep(self, source: VideoSource, *, wait: bool) -> KeptVideo | None:
        """Have the frames of a video on disk, if there is room.

        Parameters
        ----------
        source : VideoSource
        wait : bool
            Whether to wait for another process that is at it.

        Returns
        -------
        KeptVideo or None
            With the error of a video that cannot be read. None if another process is at it.
        """
        key = ""
        try:
            key = video_key(source, self._recipe)
            file = self._open(key)
            if file is not None:
                return _kept(source, key, file)
            claim = self._claim(key, wait=wait)
            if claim is None:
                return None
            try:
                file = self._open(key)  # another may have finished it just now
                if file is not None:
                    return _kept(source, key, file)
                return self._decoded(source, key, claim)
            finally:
                claim.release()
        except SkVideo3DError as error:
            return KeptVideo(source, key, error=error, was_decoded=key != "")

    def decode(self, source: VideoSource) -> NDArray[np.uint8]:
        """Decode a video and keep nothing.

        Parameters
        ----------
        source : VideoSource

        Returns
        -------
        ndarray of shape (n, height, width, 3), uint8
            Read-only.

        Raises
        ------
        VideoDecodeError
            If it cannot be read.
        """
        frames = np.stack([clip.frames[0].pixels for clip in self._read(source, Losses(""))])
        frames.flags.writeable = False
        return frames

    def _open(self, key: str) -> FrameFile | None:
        try:
            return self._files.open(key)
        except (OSError, DamagedEntryError) as error:
            warnings.warn(
                f"The frames kept in {str(self._files.path(key))!r} are damaged ({error}); the "
                "video is decoded anew.",
                UserWarning,
                stacklevel=3,
            )
            return None

    def _claim(self, key: str, *, wait: bool) -> Claim | None:
        try:
            while (claim := self._claims.take(key)) is None and wait:
                end_with_parent()
                time.sleep(_POLL)
        except OSError as error:
            self._warn_unwritable(error)
            return Claim()
        return claim

    def _decoded(self, source: VideoSource, key: str, claim: Claim) -> KeptVideo:
        """Decode a video into a file, a piece in memory at a time, however long it is."""
        losses = Losses(source.name)
        n_frames, size, first, last = 0, (0, 0), math.nan, math.nan
        with _Attempt(self._files, key) as attempt:
            for clip in self._read(source, losses):
                claim.refresh()
                end_with_parent()
                pixels = clip.frames[0].pixels
                first = first if n_frames else clip.start_time
                n_frames, size, last = n_frames + 1, pixels.shape[:2], clip.start_time
                attempt.add(pixels)
            fps = (n_frames - 1) / (last - first) if last > first else math.nan
            attempt.finish(fps, losses.text())
        if attempt.error is not None:
            self._warn_unwritable(attempt.error)
        return KeptVideo(
            source,
            key,
            n_frames,
            size,
            fps,
            losses.text(),
            is_kept=attempt.is_finished,
            is_beyond_budget=attempt.is_beyond_budget,
            was_decoded=True,
        )

    def _read(self, source: VideoSource, losses: Losses) -> Iterator[VideoClip]:
        """Read a video in clips of one frame, all of one size."""
        reader = make_reader([source], self._recipe.clip_recipe(), self._recipe.limits)
        size: tuple[int, ...] | None = None
        try:
            for clip in reader.read(0, ReadingCost(), losses):
                found = clip.frames[0].pixels.shape
                if size is not None and found != size:
                    raise VideoDecodeError(
                        f"{source.name!r} has frames of several aspect ratios, which "
                        f"resize={self._recipe.resize!r} makes {size[1]}x{size[0]} and "
                        f"{found[1]}x{found[0]}; cut it, or resize to one (height, width)."
                    )
                size = found
                yield clip
        finally:
            reader.close()

    def _warn_unwritable(self, error: OSError) -> None:
        if not self._is_unwritable:
            self._is_unwritable = True
            warnings.warn(
                f"The frame store {self._recipe.folder!r} cannot be written to "
                f"({error.strerror or error}): videos are decoded anew for nearly every "
                "clip. Free space, mend the permissions, or use another folder.",
                UserWarning,
                stacklevel=4,
            )


class _Attempt:
    """Keeps frames as long as that is possible; why it is not is no fault of the video.

    Parameters
    ----------
    files : FrameFiles
    key : str
    """

    def __init__(self, files: FrameFiles, key: str) -> None:
        self.is_finished = False
        self.is_beyond_budget = False
        self.error: OSError | None = None
        self._ending = ExitStack()
        self._writer: FrameFileWriter | None = None
        with self._noting():
            self._writer = self._ending.enter_context(files.write(key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def add(self, frame: NDArray[np.uint8]) -> None:
        if self._writer is not None:
            with self._noting():
                self._writer.add(frame)

    def finish(self, fps: float, loss: str) -> None:
        if self._writer is not None:
            with self._noting():
                self._writer.finish(fps, loss)
                self.is_finished = True

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except BeyondBudgetError:
            self.is_beyond_budget = True
        except OSError as error:
            self.error = error
        else:
            return
        self._writer = None
        self._ending.close()  # the bytes are free for other videos


def _kept(source: VideoSource, key: str, file: FrameFile) -> KeptVideo:
    n_frames, height, width, _ = file.frames.shape
    return KeptVideo(source, key, n_frames, (height, width), file.fps, file.loss, is_kept=True)


@lru_cache(maxsize=4)
def keeper_of(recipe: KeepingRecipe) -> FrameKeeper:
    """Give this process's keeper.

    Parameters
    ----------
    recipe : KeepingRecipe

    Returns
    -------
    FrameKeeper
    """
    return FrameKeeper(recipe)


def keep_in_worker(recipe: KeepingRecipe, source: VideoSource, *, wait: bool) -> KeptVideo | None:
    """Call `FrameKeeper.keep` in whatever process.

    Parameters
    ----------
    recipe : KeepingRecipe
    source : VideoSource
    wait : bool

    Returns
    -------
    KeptVideo or None
        Without its source, which may be gigabytes.
    """
    try:
        kept = keeper_of(recipe).keep(source, wait=wait)
    finally:
        end_with_parent()
    return None if kept is None else kept.with_source(_LEFT_WITH_CALLER)
