"""3D convolutions by Winograd's algorithm along all three axes."""

from __future__ import annotations

from itertools import product
from math import ceil

import torch
from torch import Tensor

from .memory import empty_map
from .onednn import Linear
from .threads import run_all
from .transforms import FOUR, OUTPUT_SCALES, TWO, Filtering, transform_input, transform_output
from .workspace import workspace

__all__ = ["WinogradConvolution", "steps_of"]

_TAPS = 3
# Along rows and columns.
_TILE = FOUR.n_points
_OUTPUTS = FOUR.n_outputs
# Transformed tiles and products that are worked on at once: more would be more memory, fewer would
# be products of fewer rows, and weights that are read more often.
_BLOCK_BYTES = 128 << 20


class WinogradConvolution:
    """A convolution of 3x3x3, its bias, a ReLU, and a max pool if wanted; float32.

    Clips are cut into overlapping tiles of 6 frames of 6x6 pixels, which are transformed to 216
    points. Between channels there is a matrix product at each point then, and 64 outputs come back.
    They take 216 multiplications a channel in place of 1728. Of short clips tiles are of 4 frames,
    which have fewer points and smaller products.

    Parameters
    ----------
    weight : Tensor of shape (out_channels, in_channels, 3, 3, 3), float32
    bias : Tensor of shape (out_channels,), float32
    steps : int
        Frames that a tile gives, 4 or 2: see `steps_of`.

    Notes
    -----
    The output has as many frames, rows and columns as the input, which is padded with a zero on
    every side.
    """

    def __init__(self, weight: Tensor, bias: Tensor, steps: int) -> None:
        self.out_channels, self.in_channels = weight.shape[:2]
        self._bias = bias
        self._in_time = FOUR if steps == FOUR.n_outputs else TWO
        self._products = _transform_filters(weight, self._in_time)
        self._to_planes = torch.kron(self._in_time.inputs, FOUR.inputs).to(weight)
        self._from_planes = torch.kron(self._in_time.outputs, FOUR.outputs).to(weight)
        self._scales = OUTPUT_SCALES.to(weight)[:, None, None]

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
        along = ceil(frames / self._in_time.n_outputs)
        down, across = ceil(height / _OUTPUTS), ceil(width / _OUTPUTS)
        if out is None:
            size = (height // 2, width // 2) if pool else (height, width)
            out = empty_map(n, frames, *size, self.out_channels)
        channels = self.in_channels + self.out_channels
        fitting = max(1, _BLOCK_BYTES // (4 * len(self._products) * across * channels))
        # Rows of tiles: whole clips of them, or else all steps of a few rows, or else some steps.
        clips = max(1, fitting // (along * down))
        rows = min(down, max(1, fitting // along))
        rows = ceil(down / ceil(down / rows))  # blocks of about the same size
        steps = min(along, fitting)
        for first, top, step in product(
            range(0, n, clips), range(0, down, rows), range(0, along, steps)
        ):
            part = slice(first, first + clips)
            block = range(step, min(step + steps, along)), range(top, min(top + rows, down))
            self._convolve(x[part], out[part], *block, pool)
        return out

    def _convolve(self, x: Tensor, out: Tensor, steps: range, rows: range, pool: bool) -> None:
        """Convolve some steps in time of some rows of tiles."""
        channels = x.shape[4]
        grid = len(x), len(steps), len(rows), ceil(x.shape[3] / _OUTPUTS)
        pieces = list(product(range(grid[0]), range(grid[1]), range(grid[2])))
        points = self._in_time.n_points, _TILE, _TILE
        with (
            workspace("tiles", (*points, *grid, channels)) as tiles,
            workspace("products", (*points, *grid, self.out_channels)) as products,
        ):

            def transform(piece: tuple[int, int, int]) -> None:
                clip, step, row = piece
                into = tiles[:, :, :, clip, step, row]
                self._transform(x[clip], steps[step], rows[row], into)

            run_all(transform, pieces)
            values = tiles.view(len(self._products), -1, channels)
            results = products.view(len(self._products), -1, self.out_channels)

            def multiply(point: int) -> None:
                results[point].copy_(self._products[point](values[point]))

            run_all(multiply, range(len(self._products)))

            def transform_back(piece: tuple[int, int, int]) -> None:
                clip, step, row = piece
                done = products[:, :, :, clip, step, row]
                self._write(done, out[clip], steps[step], rows[row], pool)

            run_all(transform_back, pieces)

    def _transform(self, x: Tensor, step: int, row: int, tiles: Tensor) -> None:
        """Transform a row of tiles of a clip, (t, h, w, c), to (points, 6, 6, across, c)."""
        frames, height, width, channels = x.shape
        length, _, _, across, _ = tiles.shape
        start, top = self._in_time.n_outputs * step - 1, _OUTPUTS * row - 1
        begin, end = max(start, 0), min(start + length, frames)
        first, last = max(top, 0), min(top + _TILE, height)
        padded = x.new_zeros(length, _TILE, _OUTPUTS * (across - 1) + _TILE, channels)
        padded[begin - start : end - start, first - top : last - top, 1 : 1 + width] = x[
            begin:end, first:last
        ]
        # Along time and rows at once, as one product.
        in_planes = torch.mm(self._to_planes, padded.flatten(2).flatten(0, 1)).view(padded.shape)
        columns = in_planes.unfold(2, _TILE, _OUTPUTS).unbind(-1)
        transform_input(columns, tiles.unbind(2))

    def _write(self, products: Tensor, out: Tensor, step: int, row: int, pool: bool) -> None:
        """Transform a row of tiles back, (points, 6, 6, across, c), to pixels of a clip."""
        across, channels = shape = products.shape[3:]
        steps, m = self._in_time.n_outputs, _OUTPUTS
        # (6, steps * m, across * c): the points of time and rows, for each of those of columns
        planes = products.flatten(3).flatten(0, 1).transpose(0, 1)
        in_planes = torch.matmul(self._from_planes, planes).view(_TILE, steps, m, *shape)
        values = products.new_empty(steps, m, m, *shape)
        transform_output(in_planes.unbind(), values.unbind(2))
        values.mul_(self._scales)
        if pool:
            values = torch.maximum(values[:, 0::2], values[:, 1::2])
            values = torch.maximum(values[:, :, 0::2], values[:, :, 1::2])
            m //= 2
        values.add_(self._bias).relu_()
        target = out[steps * step : steps * (step + 1), m * row : m * (row + 1)]
        # (steps, m, m, across, c) -> (steps, m, across, m, c)
        image = values.transpose(2, 3)
        if target.shape[:3] == (steps, m, m * across):
            target.view(steps, m, across, m, channels).copy_(image)
        else:
            image = image.reshape(steps, m, m * across, channels)
            target.copy_(image[: target.shape[0], : target.shape[1], : target.shape[2]])


def steps_of(frames: int) -> int:
    """Choose how many frames a tile gives.

    Parameters
    ----------
    frames : int
        Of the clips.

    Returns
    -------
    int
        4, or 2 if there are no more than 4 frames: half of the filters' memory is worth more there
        than fewer products, of which each has few rows.
    """
    return FOUR.n_outputs if frames > FOUR.n_outputs else TWO.n_outputs


def _transform_filters(weight: Tensor, in_time: Filtering) -> list[Linear]:
    """Transform filters of shape (c', c, 3, 3, 3) to a product for each point."""
    matrix = in_time.filters.to(weight)
    planes = torch.kron(FOUR.filters, FOUR.filters).to(weight)
    outputs, inputs = weight.shape[:2]
    taps = empty_map(_TAPS, _TAPS**2, outputs, inputs)
    products: dict[int, Linear] = {}

    def lay_out(row: int) -> None:
        rows = slice(row, row + 32)
        taps[:, :, rows] = weight[rows].permute(2, 3, 4, 0, 1).flatten(1, 2)

    def transform(step: int) -> None:
        filters = empty_map(_TAPS**2, outputs * inputs)
        torch.mul(taps[0].flatten(1), float(matrix[step, 0]), out=filters)
        for tap in (1, 2):
            filters.add_(taps[tap].flatten(1), alpha=float(matrix[step, tap]))
        # A few at a time, to pack them while they are in the cache.
        some = empty_map(_TILE, outputs * inputs)
        for first in range(0, _TILE**2, _TILE):
            torch.mm(planes[first : first + _TILE], filters, out=some)
            for point, values in enumerate(some, start=_TILE**2 * step + first):
                products[point] = Linear(values.view(outputs, inputs))

    run_all(lay_out, range(0, outputs, 32))
    run_all(transform, range(in_time.n_points))
    return [products[point] for point in range(len(products))]
