"""Every frame of a collection of videos, decoded and resized once, as memory maps."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.utils.parallel import delayed

from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.sources import VideoSource
from skvideo3d.video.workers import results_of

from .clip_sampling import ClipSampling
from .disk_budget import DiskBudget
from .frame_keeping import keep_in_worker, keeper_of
from .kept_video import KeepingRecipe, KeptVideo, video_key

__all__ = ["FrameStore", "KeptVideo", "StoreStatistics"]

# Maps that stay open: each takes a file descriptor, of which a process often has 1024 or 256.
_MAX_MAPS: Final = 64
# Of the frames of videos that are not on disk, beside those of the last one.
_MEMORY_BYTES: Final = 256 * 2**20


class StoreStatistics(NamedTuple):
    """What a store has done and holds.

    Parameters
    ----------
    n_kept : int
        Videos, out of those asked for, whose frames are on disk.
    n_bytes : int
        That all files in its folder take, those of others too.
    n_not_kept : int
        Videos, out of those asked for, that are decoded anew.
    n_decoded : int
        How often a video was decoded for this store.
    """

    n_kept: int
    n_bytes: int
    n_not_kept: int
    n_decoded: int


class FrameStore:
    """Every decoded frame of some videos, resized, in memory-mapped files of uint8.

    A video is decoded once, in a process of its own where it is a file, however many epochs, fits
    and processes then read it. Several processes may use a folder at the same time; what a killed
    one leaves is not taken for frames. A frame of 128 x 171 takes 64 KiB, the 27 hours of UCF101
    160 GB.

    Beyond `max_bytes` nothing is written and nothing is removed: a video that does not fit is
    decoded again whenever it is asked for, except for the last ones, which stay in memory.

    Parameters
    ----------
    folder : path-like or None
        Made when first written to. None for a temporary one, which goes with the store.
    resize : int or (int, int)
        As in `Preprocessing`; frames are kept whole, for crops at any place.
    fps : float, optional
        Rate to which videos are resampled, as in the transformers.
    max_bytes : int, optional
        That all files in the folder may take together. None is what there is in it plus half of
        what is free on its disk.
    limits : ReadingLimits, optional
        What reading one video may take.

    Raises
    ------
    ValueError
        If a value has no meaning.

    Examples
    --------
    >>> import numpy as np
    >>> from skvideo3d.training.frame_store import FrameStore
    >>> from skvideo3d.video.sources import as_source
    >>> video = as_source(np.zeros((40, 60, 80, 3), np.uint8))
    >>> with FrameStore(None, resize=(30, 40)) as store:
    ...     [kept] = store.fill([video])
    ...     store.frames(kept).shape, store.statistics.n_bytes
    ((40, 30, 40, 3), 144201)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        *,
        resize: int | tuple[int, int],
        fps: float | None = None,
        max_bytes: int | None = None,
        limits: ReadingLimits = DEFAULT_LIMITS,
    ) -> None:
        if max_bytes is not None and not (math.isfinite(max_bytes) and max_bytes >= 0):
            raise ValueError(f"max_bytes={max_bytes!r}: give a number of bytes, or None.")
        resize = KeepingRecipe.check(resize, fps).resize  # before there is a folder
        if folder is None:
            folder = tempfile.mkdtemp(prefix="skvideo3d-frames-")
            # Not TemporaryDirectory, which a process that was forked from this one would remove.
            self._ending = weakref.finalize(self, _remove, folder, os.getpid())
        elif os.path.exists(folder) and not os.path.isdir(folder):
            raise ValueError(f"folder={str(folder)!r} is no folder; give one, or a new name.")
        self.folder = Path(os.path.abspath(folder))
        if max_bytes is None:
            max_bytes = _half_of_what_is_free(self.folder)
        self._recipe = KeepingRecipe(str(self.folder), resize, fps, int(max_bytes), limits)
        self._is_kept: dict[str, bool] = {}
        self._n_decoded = 0
        self._has_told = False
        self._start()

    @property
    def resize(self) -> int | tuple[int, int]:
        """What the frames are resized to."""
        return self._recipe.resize

    @property
    def max_bytes(self) -> int:
        """What all files in the folder may take together."""
        return self._recipe.max_bytes

    def fill(
        self,
        sources: Sequence[VideoSource],
        *,
        sampling: ClipSampling | None = None,
        on_error: Literal["raise", "nan"] = "raise",
        n_jobs: int | None = None,
        on_video: Callable[[KeptVideo], None] | None = None,
    ) -> list[KeptVideo]:
        """Decode what is not there yet.

        Parameters
        ----------
        sources : sequence of VideoSource
        sampling : ClipSampling, optional
            Videos that are too short for it have failed.
        on_error : {"raise", "nan"}, default="raise"
            Whether the first video that fails stops the work, or is noted in its `error`.
        n_jobs : int, optional
            Processes, or other workers of the active `joblib.parallel_config`, each at a video.
        on_video : callable, optional
            Called with each `KeptVideo`, in order but for those that another process was at.

        Returns
        -------
        list of KeptVideo
            For each source, in order.

        Raises
        ------
        VideoDecodeError
            If a video fails and `on_error` is "raise"; it names the video and its place.

        Warns
        -----
        UserWarning
            If not all videos fit into `max_bytes`; how many, and how much they would take.
        """
        self._check_open()
        if on_error not in ("raise", "nan"):
            raise ValueError(f"on_error={on_error!r}: use 'raise' or 'nan'.")
        n_workers = min(effective_n_jobs(n_jobs), max(len(sources), 1))
        done: dict[int, KeptVideo] = {}
        todo = list(range(len(sources)))
        # Those that another process is at are left for the end.
        for wait in (False, True):
            calls = (
                delayed(keep_in_worker)(self._recipe, sources[place], wait=wait) for place in todo
            )
            postponed = []
            with results_of(calls, n_workers) as results:
                for place, found in zip(todo, results, strict=True):
                    if found is None:
                        postponed.append(place)
                        continue
                    kept = found.with_source(sources[place])
                    if sampling is not None:
                        kept = kept.checked(sampling)
                    if kept.error is not None and on_error == "raise":
                        raise type(kept.error)(
                            f"Item {place} of X: {kept.error} Remove it, or pass on_error='nan' "
                            "to go on without it."
                        ) from kept.error
                    done[place] = kept
                    self._note(kept)
                    if on_video is not None:
                        on_video(kept)
            todo = postponed
        videos = [done[place] for place in range(len(sources))]
        self._tell_of_bound(videos)
        return videos

    def frames(self, video: VideoSource | KeptVideo) -> NDArray[np.uint8]:
        """Give all frames of a video, and decode it if need be.

        Parameters
        ----------
        video : VideoSource or KeptVideo
            The latter saves a look at the video, which a folder of images is slow to be told by.

        Returns
        -------
        ndarray of shape (n_frames, height, width, 3), uint8, RGB
            Read-only; of a video on disk a memory map.

        Raises
        ------
        VideoDecodeError
            If it cannot be read, or is another than when the store was filled.
        """
        self._check_open()
        if isinstance(video, KeptVideo):
            source, key = video.source, video.key
            if video.error is not None:
                raise video.error
        else:
            source, key = video, video_key(video, self._recipe)
        frames = self._recall(key)
        if frames is None:
            frames = self._found(source, key)
            self._remember(key, frames)
        if isinstance(video, KeptVideo) and frames.shape[:3] != (video.n_frames, *video.size):
            raise VideoDecodeError(
                f"{source.name!r} is another video than when training began: it had "
                f"{video.n_frames} frames and has {len(frames)}. Leave videos alone until the end."
            )
        return frames

    @property
    def statistics(self) -> StoreStatistics:
        """What the store has done and holds."""
        n_kept = sum(self._is_kept.values())
        n_bytes = self._keeper.budget.count()
        return StoreStatistics(n_kept, n_bytes, len(self._is_kept) - n_kept, self._n_decoded)

    def close(self) -> None:
        """Let go of all frames, and remove a temporary folder."""
        with self._guard:
            self._recent.clear()
        if hasattr(self, "_ending"):
            self._ending()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # For the workers of a DataLoader: what is mapped or locked here stays here.
        here = ("_ending", "_guard", "_recent", "_keeper")
        return {name: value for name, value in vars(self).items() if name not in here}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def _start(self) -> None:
        self._keeper = keeper_of(self._recipe)
        self._guard = threading.Lock()
        self._recent: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()

    def _check_open(self) -> None:
        if hasattr(self, "_ending") and not self._ending.alive:
            raise ValueError("The frame store is closed, and its temporary folder removed.")

    def _found(self, source: VideoSource, key: str) -> NDArray[np.uint8]:
        frames = self._keeper.mapped(key)
        if frames is None and self._is_kept.get(key, True):
            kept = self._keeper.keep(source, wait=True)
            assert kept is not None
            if kept.error is not None:
                raise kept.error
            self._note(kept)
            self._tell_of_bound([kept])
            frames = self._keeper.mapped(kept.key)
        if frames is None:
            self._n_decoded += 1
            frames = self._keeper.decode(source)
        return frames

    def _note(self, kept: KeptVideo) -> None:
        if kept.was_decoded:
            self._n_decoded += 1
        if kept.error is None:
            self._is_kept[kept.key] = kept.is_kept

    def _tell_of_bound(self, videos: Sequence[KeptVideo]) -> None:
        left_out = {video.key: video.n_bytes for video in videos if video.is_beyond_budget}
        if not left_out or self._has_told:
            return
        self._has_told = True
        warnings.warn(
            f"{len(left_out)} of {len(videos)} videos do not fit into max_bytes={self.max_bytes} "
            f"of the frame store {str(self.folder)!r} and are decoded anew for nearly every clip; "
            f"they would take {sum(left_out.values())} bytes more. Raise max_bytes, or remove the "
            "folder if it holds videos that are not needed any more.",
            UserWarning,
            stacklevel=3,
        )

    def _recall(self, key: str) -> NDArray[np.uint8] | None:
        with self._guard:
            frames = self._recent.get(key)
            if frames is not None:
                self._recent.move_to_end(key)
            return frames

    def _remember(self, key: str, frames: NDArray[np.uint8]) -> None:
        with self._guard:
            self._recent.pop(key, None)
            self._recent[key] = frames
            in_memory = {k: v.nbytes for k, v in self._recent.items() if v.flags.owndata}
            n_bytes = sum(in_memory.values())
            for old in list(self._recent)[:-1]:
                if len(self._recent) > _MAX_MAPS or n_bytes > _MEMORY_BYTES:
                    n_bytes -= in_memory.get(old, 0)
                    del self._recent[old]


def _half_of_what_is_free(folder: Path) -> int:
    there = folder
    while not there.exists():
        there = there.parent
    return DiskBudget(folder, 0).count() + shutil.disk_usage(there).free // 2


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
