"""The last step before the network, where the network is: from bytes to numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from skvideo3d.video.preprocessing import scale_of_row

if TYPE_CHECKING:
    from torch import Tensor

    from skvideo3d.video.preprocessing import Preprocessing

__all__ = ["ClipPreparation"]


class ClipPreparation:
    """`Preprocessing.prepare_clips` on a device, equal to it to the last bit.

    Clips cross to the device as bytes, a quarter of the numbers that they become. The memory of
    those is kept from batch to batch: on a CPU, getting it anew would take longer than the
    arithmetic.

    Parameters
    ----------
    recipe : Preprocessing
    device : str
        A torch device.
    """

    def __init__(self, recipe: Preprocessing, device: str) -> None:
        self._recipe = recipe
        self._device = device
        self._scale = self._scale_of_lines()
        self._minus_mean: Tensor | None = None
        self._values: Tensor | None = None

    def __call__(self, clips: Tensor) -> Tensor:
        """Order channels, scale and subtract the mean.

        Parameters
        ----------
        clips : Tensor of shape (n_clips, frames, crop height, crop width, 3), uint8, RGB
            On the device.

        Returns
        -------
        Tensor of shape (n_clips, 3, frames, crop height, crop width), float32
            A view of channels-last memory, which the next call overwrites.
        """
        if self._values is None or self._values.shape[1:] != clips.shape[1:]:
            self._values = torch.empty(clips.shape, dtype=torch.float32, device=self._device)
            self._minus_mean = self._black(tuple(clips.shape[1:]))
        if len(self._values) < len(clips):
            self._values = torch.empty(clips.shape, dtype=torch.float32, device=self._device)
        assert self._minus_mean is not None
        values = self._values[: len(clips)]
        values.copy_(clips.flip(-1) if self._recipe.channel_order == "bgr" else clips)
        if self._scale is not None:
            values.mul_(self._scale)
        # Two roundings, as in numpy: a fused product and sum would have one.
        values.add_(self._minus_mean)
        return values.permute(0, 4, 1, 2, 3)

    def _scale_of_lines(self) -> Tensor | float | None:
        scale = scale_of_row(self._recipe)
        if scale is None or scale.ndim == 0:
            return None if scale is None else float(scale)
        # Whole lines of pixels, for the reason that holds for the mean.
        return torch.from_numpy(scale).reshape(-1, 3).to(self._device)

    def _black(self, shape: tuple[int, ...]) -> Tensor:
        """Say what a black clip becomes, which is the mean's opposite whatever kind it is of."""
        is_for_any_frame = isinstance(self._recipe.mean, tuple)
        n_frames = 1 if is_for_any_frame else shape[0]
        black = self._recipe.prepare_clips(np.zeros((1, n_frames, *shape[1:]), dtype=np.uint8))
        minus_mean = black.transpose(0, 2, 3, 4, 1)
        if is_for_any_frame:
            # A whole line of pixels: adding three numbers at a time would take ten times as long.
            minus_mean = minus_mean[:, :, :1]
        return torch.from_numpy(np.ascontiguousarray(minus_mean)).to(self._device)
