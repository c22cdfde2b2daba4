"""A bar on stderr: videos done, clips per second, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

__all__ = ["ProgressBar"]


class ProgressBar:
    """Progress over a number of videos.

    Parameters
    ----------
    n_videos : int
    description : str
    enabled : bool
        Silent otherwise.
    """

    def __init__(self, n_videos: int, description: str, enabled: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=n_videos, desc=description, unit="video", file=sys.stderr, disable=not enabled
        )
        self._n_clips = 0
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def update(self, n_clips: int) -> None:
        """Count one more video.

        Parameters
        ----------
        n_clips : int
            Clips computed for it; 0 if it was in the store.
        """
        self._n_clips += n_clips
        rate = self._n_clips / max(time.perf_counter() - self._began, 1e-9)
        self._bar.set_postfix_str(f"{rate:.1f} clips/s", refresh=False)
        self._bar.update()
