"""Videos in memory: arrays of frames, and of optical flow."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skvideo3d.exceptions import VideoDecodeError

from .frames import Frame
from .limits import MAX_PIXELS

if TYPE_CHECKING:
    from .sources import VideoSource

__all__ = ["holds_flow", "source_of_array"]


def source_of_array(video: Any) -> VideoSource:
    """Recognise an array or a tensor.

    Parameters
    ----------
    video : ndarray or Tensor
        uint8 of shape (T, H, W, 3), RGB; or optical flow in pixels, floating point of shape
        (T, H, W, 2).

    Returns
    -------
    VideoSource

    Raises
    ------
    VideoDecodeError
        If it is neither.
    """
    return _Array(_checked(video))


def holds_flow(source: VideoSource) -> bool:
    """Tell whether a source's frames are optical flow.

    Parameters
    ----------
    source : VideoSource

    Returns
    -------
    bool
    """
    inner = getattr(source, "source", source)  # of a segment
    return isinstance(inner, _Array) and inner.is_flow


@dataclass(frozen=True)
class _Array:
    """Frames in memory: RGB, or optical flow."""

    values: NDArray[Any]
    has_clock: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        return f"array of shape {self.values.shape}"

    @property
    def is_flow(self) -> bool:
        return self.values.dtype != np.uint8

    def identity(self) -> tuple[Any, ...]:
        return self._identity

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        content = hashlib.sha256(np.ascontiguousarray(self.values).data).hexdigest()
        # What was stored of frames before there was flow is still found.
        kind = ("flow", self.values.dtype.str) if self.is_flow else ("array",)
        return (*kind, self.values.shape, content)

    def frames(
        self, first: int = 0, since: float = 0.0, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Frame]:
        for number in range(first, len(self.values)):
            yield Frame(number, math.nan, math.nan, self.values[number])


def _checked(video: Any) -> NDArray[Any]:
    if hasattr(video, "detach"):  # a tensor
        video = video.detach().cpu()
        if str(video.dtype) == "torch.bfloat16":  # which NumPy does not know
            video = video.float()
        video = video.numpy()
    values = np.asarray(video)
    if values.ndim == 4 and values.shape[-1] == 2 and values.dtype.kind == "f":
        return _checked_flow(values)
    found = f"an array of shape {values.shape} and dtype {values.dtype}"
    if values.ndim != 4 or values.shape[-1] != 3:
        hint = "A video is (T, H, W, 3): frames, height, width, RGB."
        if values.ndim == 4 and values.shape[-1] == 4:
            hint = "Four channels: drop alpha with video[..., :3]."
        elif values.ndim == 4 and values.shape[-1] == 2:
            hint = "Two channels: optical flow is of floating point numbers, in pixels."
        elif values.ndim == 4 and values.shape[-1] == 1:
            hint = "One channel: repeat it with np.repeat(video, 3, axis=-1)."
        elif values.ndim == 4 and 3 in values.shape[:2]:
            hint = "Channels come last: use np.moveaxis, to (T, H, W, 3)."
        elif values.ndim == 3:
            hint = "One frame or a grey video: a video is (T, H, W, 3), RGB."
        raise VideoDecodeError(f"{found} is no video. {hint}")
    if values.dtype != np.uint8:
        raise VideoDecodeError(f"{found} is no video. {_dtype_hint(values)}")
    if 0 in values.shape:
        raise VideoDecodeError(f"{found} is empty; a video has at least one frame and one pixel.")
    return values


def _checked_flow(values: NDArray[Any]) -> NDArray[Any]:
    if 0 in values.shape:
        raise VideoDecodeError(f"Optical flow of shape {values.shape} is empty.")
    if not np.isfinite(values).all():
        raise VideoDecodeError(
            f"Optical flow of shape {values.shape} holds NaN or infinity; where nothing is known "
            "of the motion, set it to 0."
        )
    return values


def _dtype_hint(values: NDArray[Any]) -> str:
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            return "It holds NaN or infinity; pixels are uint8, 0 to 255."
        if values.size and values.min() >= 0 and values.max() <= 1:
            return "Pixels are uint8, 0 to 255: use (video * 255).round().astype(np.uint8)."
    if values.dtype.kind in "fiu" and values.size and (values.min() < 0 or values.max() > 255):
        return (
            f"Its values run from {values.min():g} to {values.max():g}, outside 0 to 255; give "
            "uint8 pixels that are not normalised (the transformer does that)."
        )
    return "Pixels are uint8, 0 to 255: use video.astype(np.uint8)."
