"""Winograd's minimal filtering: transforms of tiles of six by six values.

Toom and Cook's construction with the points 0, p, -p, q, -q and infinity (Winograd 1980; Lavin and
Gray, CVPR 2016): four outputs of a filter of three taps take six products in place of twelve. The
points of Lavin and Gray are 1 and 2. With 1/sqrt(2) and sqrt(2) rounding errors are half as large,
because the powers of the points, up to the third, stay between 0.35 and 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "OUTPUT_SCALES",
    "TILE",
    "filter_matrix",
    "input_matrix",
    "output_matrix",
    "transform_input",
    "transform_output",
]

_TAPS = 3
TILE = 6  # values of a tile along one axis: as many as there are points
_P, _Q = 2**-0.5, 2**0.5

# What the outputs of `transform_output` are still to be multiplied by: once for all axes together
# costs less than along each.
OUTPUT_SCALES = torch.tensor([_P**k for k in range(4)], dtype=torch.float64)


def filter_matrix() -> Tensor:
    """Give the matrix that transforms a filter.

    Returns
    -------
    Tensor of shape (6, 3), float64
        Row by row the filter as a polynomial at each point, divided by the product of the point's
        distances from the other finite points.
    """
    points = (0.0, _P, -_P, _Q, -_Q)
    rows = []
    for point in points:
        distances = [point - other for other in points if other != point]
        scale = torch.tensor(distances, dtype=torch.float64).prod()
        rows.append(torch.tensor([point**k for k in range(_TAPS)], dtype=torch.float64) / scale)
    rows.append(torch.tensor([0.0, 0.0, 1.0 / OUTPUT_SCALES[-1]], dtype=torch.float64))
    return torch.stack(rows)


def input_matrix() -> Tensor:
    """Give `transform_input` as a matrix of shape (6, 6), float64."""
    columns = torch.eye(TILE, dtype=torch.float64)
    found = torch.empty_like(columns)
    transform_input(columns.unbind(), found.unbind())
    return found


def output_matrix() -> Tensor:
    """Give `transform_output` as a matrix of shape (4, 6), float64."""
    columns = torch.eye(TILE, dtype=torch.float64)
    found = columns.new_empty(TILE - _TAPS + 1, TILE)
    transform_output(columns.unbind(), found.unbind())
    return found


def transform_input(d: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Transform tiles along one axis.

    Parameters
    ----------
    d, out : sequence of 6 Tensor
        The values of the tiles at each place, and the results at each point, which are written.
    """
    # Each row holds the coefficients of the product of (x - point) over the other points: for 0 it
    # is (x^2 - p^2)(x^2 - q^2), for p it is x(x + p)(x^2 - q^2), and -p changes the odd ones' sign.
    both = _P**2 + _Q**2
    torch.add(d[4], d[2], alpha=-both, out=out[0]).add_(d[0], alpha=(_P * _Q) ** 2)
    torch.add(d[5], d[3], alpha=-both, out=out[5]).add_(d[1], alpha=(_P * _Q) ** 2)
    for point, other, plus, minus in ((_P, _Q, out[1], out[2]), (_Q, _P, out[3], out[4])):
        even = torch.sub(d[4], d[2], alpha=other**2)
        odd = torch.sub(d[3], d[1], alpha=other**2)
        torch.add(even, odd, alpha=point, out=plus)
        torch.sub(even, odd, alpha=point, out=minus)


def transform_output(m: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Transform products back along one axis.

    Parameters
    ----------
    m : sequence of 6 Tensor
        The products at each point.
    out : sequence of 4 Tensor
        The filter's outputs divided by `OUTPUT_SCALES`, which are written. The k-th output is the
        sum of the products weighted by the k-th power of their points; infinity counts for the last
        one alone.
    """
    even = m[1] + m[2], m[3] + m[4]
    odd = m[1] - m[2], m[3] - m[4]
    torch.add(*even, out=out[0]).add_(m[0])
    torch.add(*odd, alpha=_Q / _P, out=out[1])
    torch.add(*even, alpha=(_Q / _P) ** 2, out=out[2])
    torch.add(*odd, alpha=(_Q / _P) ** 3, out=out[3]).add_(m[5])
