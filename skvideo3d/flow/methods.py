"""Optical flow between two frames, by any method and from any thread."""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import FlowError

from .opencv import opencv_method
from .recipe import FlowFunction, OpticalFlow, callable_name

if TYPE_CHECKING:
    import cv2

__all__ = ["SMALLEST_SIDE", "FlowEstimator"]

# In pixels. OpenCV's DIS refuses frames below 8 x 12, its TV-L1 none; at 12 x 12 TV-L1 misses
# generated motion of 0.9 pixels by 0.15 (at 8 x 8 by 0.3), at 16 x 16 by 0.06.
SMALLEST_SIDE = 16

_own = threading.local()  # OpenCV's objects hold buffers: each thread has its own
_one_caller = threading.RLock()  # a callable may itself use another one


@dataclass(frozen=True)
class FlowEstimator:
    """Computes the flow that leads from one frame to the next.

    May be called by any number of threads at once, and sent to other processes. OpenCV computes
    the same bits with any number of its own threads (``cv2.setNumThreads``), which is left as it
    is found.

    Parameters
    ----------
    flow : OpticalFlow
        The recipe; its bound and precision are applied by `OpticalFlow.encode`, not here.

    Examples
    --------
    >>> rows, columns = np.mgrid[:64, :64]
    >>> def frame(shift):  # seen `shift` pixels further to the right
    ...     light = 128 + 60 * np.sin((columns - shift) / 3) + 60 * np.sin(rows / 3)
    ...     return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)
    >>> flow = FlowEstimator(OpticalFlow("dis"))(frame(0), frame(2))
    >>> flow[10:-10, 10:-10].mean(axis=(0, 1)).round(1) + 0.0
    array([2., 0.], dtype=float32)
    """

    flow: OpticalFlow

    def __call__(
        self, previous: NDArray[np.uint8], following: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Compute the flow between two frames.

        Parameters
        ----------
        previous, following : ndarray of shape (height, width, 3), uint8, RGB

        Returns
        -------
        ndarray of shape (height, width, 2), float32
            In pixels, not clipped: how far each pixel of `previous` goes to the right and down.
            Frames that are equal have none, which the built-in methods need not compute.

        Raises
        ------
        FlowError
            If the frames differ in size or are too small for the method, or a callable fails or
            returns no flow. The message does not name the video, which is the caller's to do.
        ImportError
            If the method is not installed; see `OpticalFlow.check`.
        """
        _check_frames(previous, following)
        method = self.flow.method
        if not isinstance(method, str):
            return self._by_callable(method, previous, following)
        height, width, _ = previous.shape
        if min(height, width) < SMALLEST_SIDE:
            raise FlowError(
                f"Frames of {height}x{width} pixels are too small for optical flow by {method!r}, "
                f"which needs {SMALLEST_SIDE} on each side; resize them to more."
            )
        if np.array_equal(previous, following):
            return np.zeros((height, width, 2), np.float32)
        return _by_opencv(method, previous, following)

    def _by_callable(
        self,
        function: FlowFunction,
        previous: NDArray[np.uint8],
        following: NDArray[np.uint8],
    ) -> NDArray[np.float32]:
        turn: AbstractContextManager[Any] = nullcontext() if self.flow.is_parallel else _one_caller
        name = callable_name(self.flow)
        try:
            # Copies: a frame is seen twice, and what a callable writes into it is its own affair.
            with turn:
                returned = function(previous.copy(), following.copy())
                # Still its turn: it may return a buffer that it writes into again.
                return _as_flow(returned, previous.shape[:2])
        except _NoFlow as error:
            raise FlowError(
                f"The flow callable {name} returned {error}. Mend the callable."
            ) from None
        except Exception as error:
            raise FlowError(
                f"The flow callable {name} failed on two frames of "
                f"{previous.shape[0]}x{previous.shape[1]} pixels: {type(error).__name__}: {error}. "
                "Mend the callable."
            ) from error


class _NoFlow(Exception):
    """What a callable returned, and what it should have."""


def _check_frames(previous: NDArray[np.uint8], following: NDArray[np.uint8]) -> None:
    for frame in (previous, following):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise FlowError(
                f"Optical flow is of frames of shape (height, width, 3) and type uint8; this one "
                f"is of shape {frame.shape} and type {frame.dtype}."
            )
    if previous.shape != following.shape:
        raise FlowError(
            f"Consecutive frames differ in size: {previous.shape[0]}x{previous.shape[1]} and "
            f"{following.shape[0]}x{following.shape[1]} pixels; resize them to one size."
        )


def _by_opencv(
    name: str, previous: NDArray[np.uint8], following: NDArray[np.uint8]
) -> NDArray[np.float32]:
    methods: dict[str, cv2.DenseOpticalFlow] = _own.__dict__
    if name not in methods:
        methods[name] = opencv_method(name)  # says what to install
    import cv2

    grey = [
        cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        for frame in (previous, following)
    ]
    try:
        # The stubs want an array for the result; without one, no earlier flow is built on.
        flow = methods[name].calc(*grey, None)  # type: ignore[call-overload]
    except cv2.error as error:
        raise FlowError(
            f"OpenCV cannot compute optical flow by {name!r} for frames of "
            f"{previous.shape[0]}x{previous.shape[1]} pixels: {str(error).strip()[:300]}"
        ) from None
    return np.asarray(flow, np.float32)


def _as_flow(returned: Any, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Copy what a callable returned, or raise _NoFlow."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(returned, torch.Tensor):
        if returned.is_floating_point():
            returned = returned.float()  # NumPy has no bfloat16
        returned = returned.detach().cpu().numpy()
    array = np.asarray(returned)
    expected = (*size, 2)
    if array.shape != expected:
        what = "None" if returned is None else f"an array of shape {array.shape}"
        hint = ""
        if array.shape == (2, *size):
            hint = "; move its first axis to the end, as in numpy.moveaxis(flow, 0, 2)"
        elif array.shape in ((1, *expected), (1, 2, *size)):
            hint = "; take it out of its batch of one"
        raise _NoFlow(
            f"{what} for frames of {size[0]}x{size[1]} pixels, where (height, width, 2) = "
            f"{expected} was expected{hint}"
        )
    if array.dtype.kind != "f":
        raise _NoFlow(
            f"an array of type {array.dtype}; return flow in pixels as floating-point numbers"
        )
    with np.errstate(over="ignore"):  # becomes infinite, which is told next
        flow = np.array(array, np.float32, order="C")
    n_bad = np.count_nonzero(~np.isfinite(flow).all(axis=2))
    if n_bad:
        raise _NoFlow(f"values that are NaN or infinite, at {n_bad} of {size[0] * size[1]} pixels")
    return flow
