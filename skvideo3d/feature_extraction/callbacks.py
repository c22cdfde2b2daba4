"""scikit-learn's callbacks where the installed version has them (1.9), else nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["CallbackSupportMixin", "FitTask", "with_callbacks"]

_Method = TypeVar("_Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method: _Method) -> _Method:
        """Leave a method as it is."""
        return method


class FitTask:
    """The fit of an estimator as callbacks see it: one task, with a subtask for each video.

    Parameters
    ----------
    estimator : estimator
    X : sequence
        The videos.
    y : array-like or None
    n_videos : int
        How many of them will be described.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, n_videos: int) -> None:
        self._estimator = estimator
        self._data = {"X": X, "y": y}
        self._context = None
        if hasattr(estimator, "_init_callback_context"):
            self._context = estimator._init_callback_context(max_subtasks=n_videos)
            self._context.call_on_fit_task_begin(estimator=estimator, **self._data)

    def video_done(self) -> None:
        """Tell the callbacks that one more video is described."""
        if self._context is not None:
            subtask = self._context.subcontext(task_name="video")
            subtask.call_on_fit_task_begin(estimator=self._estimator)
            subtask.call_on_fit_task_end(estimator=self._estimator)

    def end(self) -> None:
        """Tell the callbacks that the fit is over."""
        if self._context is not None:
            self._context.call_on_fit_task_end(estimator=self._estimator, **self._data)
