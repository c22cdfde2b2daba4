"""3D convolutions by Winograd's algorithm along all three axes."""

from __future__ import annotations

from itertools import product
from math import ceil

import torch
from torch import Tensor

from .memory import empty_map
from .onednn import Linear
from .threads import run_all
from .transforms import (
    OUTPUT_SCALES,
    TILE,
    filter_matrix,
    input_matrix,
    output_matrix,
    transform_input,
    transform_output,
)
from .workspace import workspace

__all__ = ["WinogradConvolution"]

_TAPS = 3
_OUTPUTS = TILE - _TAPS + 1
# Transformed tiles that are worked on at once: small enough for a processor's cache, large enough
# for efficient products.
_BLOCK_BYTES = 64 << 20


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
        self._products = _transform_filters(weight)
        inputs, outputs = input_matrix(), output_matrix()
        self._to_planes = torch.kron(inputs, inputs).to(weight)
        self._from_planes = torch.kron(outputs, outputs).to(weight)
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
            out = empty_map(n, frames, *size, self.out_channels)
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
        pieces = list(product(range(grid[0]), range(grid[1]), range(grid[2])))
        points = (TILE,) * 3
        with (
            workspace("tiles", (*points, *grid, channels)) as tiles,
            workspace("products", (*points, *grid, self.out_channels)) as products,
        ):

            def transform(piece: tuple[int, int, int]) -> None:
                clip, step, row = piece
                _transform(
                    x[clip], step, rows[row], self._to_planes, tiles[:, :, :, clip, step, row]
                )

            run_all(transform, pieces)
            values = tiles.view(TILE**3, -1, channels)
            results = products.view(TILE**3, -1, self.out_channels)

            def multiply(point: int) -> None:
                results[point].copy_(self._products[point](values[point]))

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
        # (6, m * m, across * c): the 36 points of time and rows, for each of those of columns
        planes = products.flatten(3).flatten(0, 1).transpose(0, 1)
        in_planes = torch.matmul(self._from_planes, planes).view(TILE, m, m, *shape)
        values = products.new_empty(m, m, m, *shape)
        transform_output(in_planes.unbind(), values.unbind(2))
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


def _transform_filters(weight: Tensor) -> list[Linear]:
    """Transform filters of shape (c', c, 3, 3, 3) to a product for each of the 216 points."""
    matrix = filter_matrix().to(weight)
    planes = torch.kron(matrix, matrix)
    outputs, inputs = weight.shape[:2]
    taps = empty_map(_TAPS, _TAPS**2, outputs, inputs)
    products: dict[int, Linear] = {}

    def lay_out(row: int) -> None:
        rows = slice(row, row + 32)
        taps[:, :, rows] = weight[rows].permute(2, 3, 4, 0, 1).flatten(1, 2)

    def transform(in_time: int) -> None:
        size = outputs * inputs
        with (
            workspace("filters in time", (_TAPS**2, size)) as filters,
            workspace("filters", (TILE, size)) as some,
        ):
            torch.mul(taps[0].flatten(1), float(matrix[in_time, 0]), out=filters)
            for tap in (1, 2):
                filters.add_(taps[tap].flatten(1), alpha=float(matrix[in_time, tap]))
            # A few at a time, to pack them while they are in the cache.
            for first in range(0, TILE**2, TILE):
                torch.mm(planes[first : first + TILE], filters, out=some)
                for point, values in enumerate(some, start=TILE**2 * in_time + first):
                    products[point] = Linear(values.view(outputs, inputs))

    run_all(lay_out, range(0, outputs, 32))
    run_all(transform, range(TILE))
    return [products[point] for point in range(TILE**3)]


def _transform(x: Tensor, step: int, row: int, to_planes: Tensor, tiles: Tensor) -> None:
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
    # Along time and rows at once, as one product.
    in_planes = torch.mm(to_planes, padded.view(TILE**2, -1)).view(padded.shape)
    columns = in_planes.unfold(2, TILE, _OUTPUTS).unbind(-1)
    transform_input(columns, tiles.unbind(2))
