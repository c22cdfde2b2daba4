"""3D convolutions by Winograd's algorithm along all three axes."""

from __future__ import annotations

from functools import reduce
from itertools import product
from math import ceil

import torch
from torch import Tensor

from .onednn import Linear
from .threads import run_all
from .transforms import OUTPUT_SCALES, TILE, filter_matrix, transform_input, transform_output
from .workspace import workspace

__all__ = ["WinogradConvolution"]

_TAPS = 3
_OUTPUTS = TILE - _TAPS + 1
# Transformed tiles that are worked on at once: small enough for a processor's cache, large enough
# for efficient products.
_BLOCK_BYTES = 32 << 20


class WinogradConvolution:
    """A convolution of 3x3x3, its bias, a ReLU, and a max pool if wanted; float32.

    Clips are cut into overlapping tiles of 6 frames of 6x6 pixels, which are transformed to 216
    points. Between channels there is a matrix product at each point then, and 64 outputs come back.
    They take 216 multiplications a channel in place of 1728.

    Parameters
    ----------
    weight : Tensor of shape (out_channels, in_channels, 3, 3, 3), float32
    bias : Tensor of shape (out_channels,), float32

    Notes
    -----
    The output has as many frames, rows and columns as the input, which is padded with a zero on
    every side.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.out_channels, self.in_channels = weight.shape[:2]
        self._bias = bias
        cube = reduce(torch.kron, [filter_matrix()] * 3).to(weight)
        flat = weight.permute(2, 3, 4, 0, 1).reshape(_TAPS**3, -1)
        self._products: dict[int, Linear] = {}

        def transform(first: int) -> None:
            # Several points at once, since the weights are read for each time.
            filters = cube[first : first + TILE] @ flat
            for point, values in enumerate(filters, start=first):
                self._products[point] = Linear(values.view(weight.shape[:2]))

        run_all(transform, range(0, TILE**3, TILE))
        scales = OUTPUT_SCALES.to(weight)
        self._scales = torch.einsum("t,h,w->thw", scales, scales, scales)[..., None, None]

    def __call__(self, x: Tensor, *, pool: bool = False, out: Tensor | None = None) -> Tensor:
        """Convolve clips.

        Parameters
        ----------
        x : Tensor of shape (n, t, h, w, in_channels)
        pool : bool, default=False
            Whether to keep the largest of every 2x2 pixels only; height and width are then even.
        out : Tensor of shape (n, t, h, w, out_channels), optional
            Written to; half of h and w with `pool`.

        Returns
        -------
        Tensor of shape (n, t, h, w, out_channels)
            Half of h and w with `pool`.
        """
        n, frames, height, width, _ = x.shape
        down, across, along = (ceil(size / _OUTPUTS) for size in (height, width, frames))
        if out is None:
            size = (height // 2, width // 2) if pool else (height, width)
            out = x.new_empty(n, frames, *size, self.out_channels)
        row_bytes = 4 * TILE**3 * along * across * self.in_channels
        rows = ceil(down / ceil(down * row_bytes / _BLOCK_BYTES))
        clips = max(1, _BLOCK_BYTES // (row_bytes * rows)) if rows == down else 1
        for first in range(0, n, clips):
            part = slice(first, first + clips)
            for top in range(0, down, rows):
                self._convolve(x[part], out[part], range(top, min(top + rows, down)), pool)
        return out

    def _convolve(self, x: Tensor, out: Tensor, rows: range, pool: bool) -> None:
        """Convolve some rows of tiles."""
        n, frames, _, width, channels = x.shape
        grid = n, ceil(frames / _OUTPUTS), len(rows), ceil(width / _OUTPUTS)
        tiles = workspace("tiles", (*(TILE,) * 3, *grid, channels))
        products = workspace("products", (*(TILE,) * 3, *grid, self.out_channels))
        pieces = list(product(range(grid[0]), range(grid[1]), range(grid[2])))

        def transform(piece: tuple[int, int, int]) -> None:
            clip, step, row = piece
            _transform(x[clip], step, rows[row], tiles[:, :, :, clip, step, row])

        run_all(transform, pieces)
        points = tiles.view(TILE**3, -1, channels)
        results = products.view(TILE**3, -1, self.out_channels)

        def multiply(point: int) -> None:
            results[point].copy_(self._products[point](points[point]))

        run_all(multiply, range(TILE**3))

        def transform_back(piece: tuple[int, int, int]) -> None:
            clip, step, row = piece
            done = products[:, :, :, clip, step, row]
            self._write(done, out[clip], step, rows[row], pool)

        run_all(transform_back, pieces)

    def _write(self, products: Tensor, out: Tensor, step: int, row: int, pool: bool) -> None:
        """Transform a row of tiles back, (6, 6, 6, across, c), to pixels of a clip."""
        across, channels = shape = products.shape[3:]
        m = _OUTPUTS
        in_time = products.new_empty(m, TILE, TILE, *shape)
        transform_output(products.unbind(), in_time.unbind())
        in_rows = products.new_empty(m, m, TILE, *shape)
        transform_output(in_time.unbind(1), in_rows.unbind(1))
        values = products.new_empty(m, m, m, *shape)
        transform_output(in_rows.unbind(2), values.unbind(2))
        values.mul_(self._scales)
        if pool:
            values = torch.maximum(values[:, 0::2], values[:, 1::2])
            values = torch.maximum(values[:, :, 0::2], values[:, :, 1::2])
            m //= 2
        values.add_(self._bias).relu_()
        target = out[_OUTPUTS * step : _OUTPUTS * (step + 1), m * row : m * (row + 1)]
        # (4, m, m, across, c) -> (4, m, across, m, c)
        image = values.transpose(2, 3)
        if target.shape[:3] == (_OUTPUTS, m, m * across):
            target.view(_OUTPUTS, m, across, m, channels).copy_(image)
        else:
            image = image.reshape(_OUTPUTS, m, m * across, channels)
            target.copy_(image[: target.shape[0], : target.shape[1], : target.shape[2]])


def _transform(x: Tensor, step: int, row: int, tiles: Tensor) -> None:
    """Transform a row of tiles of a clip, (t, h, w, c), to (6, 6, 6, across, c)."""
    frames, height, width, channels = x.shape
    across = tiles.shape[3]
    start, top = _OUTPUTS * step - 1, _OUTPUTS * row - 1
    begin, end = max(start, 0), min(start + TILE, frames)
    first, last = max(top, 0), min(top + TILE, height)
    padded = x.new_zeros(TILE, TILE, _OUTPUTS * (across - 1) + TILE, channels)
    padded[begin - start : end - start, first - top : last - top, 1 : 1 + width] = x[
        begin:end, first:last
    ]
    in_time = torch.empty_like(padded)
    transform_input(padded.unbind(), in_time.unbind())
    in_rows = torch.empty_like(padded)
    transform_input(in_time.unbind(1), in_rows.unbind(1))
    columns = in_rows.unfold(2, TILE, _OUTPUTS).unbind(-1)
    transform_input(columns, tiles.unbind(2))
