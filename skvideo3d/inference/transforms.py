"""Winograd's minimal filtering: a filter of three taps along one axis.

Toom and Cook's construction (Winograd 1980; Lavin and Gray, CVPR 2016): two outputs take four
products in place of six, and four outputs six in place of twelve. For four the points are 0, p, -p,
q, -q and infinity. Those of Lavin and Gray are 1 and 2; with 1/sqrt(2) and sqrt(2) rounding errors
along three axes are a third, because the powers of the points, up to the third, stay between 0.35
and 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

__all__ = ["FOUR", "OUTPUT_SCALES", "TWO", "Filtering", "transform_input", "transform_output"]

_P, _Q = 2**-0.5, 2**0.5

# What the outputs of `transform_output` are still to be multiplied by, all at once.
OUTPUT_SCALES = torch.tensor([_P**k for k in range(4)], dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Filtering:
    """A number of outputs of a filter of three taps, from as many and two more values.

    ``outputs @ ((filters @ taps) * (inputs @ values))`` are the filter's outputs.

    Parameters
    ----------
    inputs : Tensor of shape (points, points), float64
    filters : Tensor of shape (points, 3), float64
    outputs : Tensor of shape (n_outputs, points), float64
    """

    inputs: Tensor
    filters: Tensor
    outputs: Tensor

    @property
    def n_outputs(self) -> int:
        """How many outputs a tile gives."""
        return len(self.outputs)

    @property
    def n_points(self) -> int:
        """Values of a tile, and products."""
        return len(self.inputs)


def transform_input(d: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Transform tiles of six along one axis.

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


def _four() -> Filtering:
    points = (0.0, _P, -_P, _Q, -_Q)
    filters = []
    for point in points:
        # The filter as a polynomial at the point, over the distances from the other points.
        distances = [point - other for other in points if other != point]
        powers = torch.tensor([1.0, point, point**2], dtype=torch.float64)
        filters.append(powers / prod(distances))
    filters.append(torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64) / OUTPUT_SCALES[-1])
    unit = torch.eye(6, dtype=torch.float64)
    inputs, outputs = torch.empty_like(unit), unit.new_empty(4, 6)
    transform_input(unit.unbind(), inputs.unbind())
    transform_output(unit.unbind(), outputs.unbind())
    return Filtering(inputs, torch.stack(filters), OUTPUT_SCALES[:, None] * outputs)


def _two() -> Filtering:
    # Points 0, 1, -1 and infinity.
    return Filtering(
        inputs=torch.tensor(
            [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]], dtype=torch.float64
        ),
        filters=torch.tensor(
            [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64
        ),
        outputs=torch.tensor([[1, 1, 1, 0], [0, 1, -1, 1]], dtype=torch.float64),
    )


FOUR = _four()
TWO = _two()
