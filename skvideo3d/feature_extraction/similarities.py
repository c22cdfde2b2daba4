"""The 12 similarities and dissimilarities of two vectors of the ASLAN paper."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SIMILARITIES", "pair_similarities"]

SIMILARITIES: Final = (
    "inner_product",
    "sqrt_inner_product",
    "sqrt_bhattacharyya",
    "sqrt_harmonic",
    "cosine",
    "chi_distance",
    "l1_distance",
    "hellinger_distance",
    "unit_l2_distance",
    "symmetric_kl",
    "sqrt_max_ratio",
    "intersection",
)
"""In the order of Kliper-Gross et al. 2012, table 3."""

# What stands for 0 in a logarithm: the smallest normal float32, so that no positive value of a
# network is touched.
_TINY = float(np.finfo(np.float32).tiny)
_BLOCK_BYTES = 128 * 2**10  # of an intermediate array, so that all stay in the cache


def pair_similarities(rows: ArrayLike, first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Compare pairs of vectors in 12 ways.

    With sums over dimensions, and u for x divided by its L2 norm:

    ==  ====================  ====================================================
    1   inner_product         sum(x1 x2)
    2   sqrt_inner_product    sqrt(sum(x1 x2))
    3   sqrt_bhattacharyya    sqrt(sum(sqrt(x1) sqrt(x2)))
    4   sqrt_harmonic         sqrt(sum(x1 x2 / (x1 + x2)))
    5   cosine                sum(x1 x2) / (norm(x1) norm(x2))
    6   chi_distance          sqrt(sum((x1 - x2)^2 / (x1 + x2)))
    7   l1_distance           sum(abs(x1 - x2))
    8   hellinger_distance    sqrt(sum((sqrt(x1) - sqrt(x2))^2))
    9   unit_l2_distance      sqrt(sum((u1 - u2)^2))
    10  symmetric_kl          (sum(u1 log(u1 / u2)) + sum(u2 log(u2 / u1))) / 2
    11  sqrt_max_ratio        sum(sqrt(max(u1, u2)) / sqrt(u1 + u2))
    12  intersection          sum(min(u1, u2)) / (sum(u1) sum(u2))
    ==  ====================  ====================================================

    They are meant for vectors without negative values, as ReLU and softmax leave them, and finite
    for all finite float32 vectors: a quotient whose denominator is not positive counts 0 (in the
    sums of 4, 6 and 11 also below the smallest normal float32), a root is taken of 0 instead of a
    negative number, a logarithm of the smallest normal float32 instead of anything smaller.

    Parameters
    ----------
    rows : array-like of shape (n_vectors, n_features)
    first, second : array-like of shape (n_pairs,), int
        The rows of each pair.

    Returns
    -------
    ndarray of shape (n_pairs, 12), float64
        In the order of `SIMILARITIES`; NaN for pairs with a vector that is not finite.

    References
    ----------
    .. [1] Kliper-Gross, Hassner, Wolf, "The action similarity labeling challenge", TPAMI 34(3),
       2012, table 3.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> pair_similarities(rows, [0, 0], [0, 1]).round(2)[:, [0, 4, 6, 8]]
    array([[1.  , 1.  , 0.  , 0.  ],
           [0.  , 0.  , 2.  , 1.41]])
    """
    vectors: NDArray[Any] = np.asarray(rows)
    first, second = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    result = np.empty((len(first), len(SIMILARITIES)))
    size = max(1, _BLOCK_BYTES // (8 * max(vectors.shape[1], 1)))
    for begin in range(0, len(first), size):
        block = slice(begin, begin + size)
        x1 = vectors[first[block]].astype(np.float64)
        x2 = vectors[second[block]].astype(np.float64)
        is_usable = np.isfinite(x1).all(axis=1) & np.isfinite(x2).all(axis=1)
        x1[~is_usable] = x2[~is_usable] = 0.0
        result[block, :8] = _of_vectors(x1, x2)
        result[block, 8:] = _of_unit_vectors(_to_unit(x1), _to_unit(x2))
        result[begin:][: len(x1)][~is_usable] = np.nan
    return result


def _of_vectors(x1: NDArray[np.float64], x2: NDArray[np.float64]) -> NDArray[np.float64]:
    total = x1 + x2
    inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > _TINY)
    difference = x1 - x2
    inner = _dot(x1, x2)
    harmonic = _dot(x1 * x2, inverse)
    chi = _dot(difference * difference, inverse)
    distance = np.abs(difference).sum(axis=1)
    norms = np.sqrt(_dot(x1, x1)) * np.sqrt(_dot(x2, x2))
    r1 = np.sqrt(np.maximum(x1, 0.0))
    r2 = np.sqrt(np.maximum(x2, 0.0))
    bhattacharyya = _dot(r1, r2)
    r1 -= r2
    columns = (
        inner,
        _root(inner),
        np.sqrt(bhattacharyya),
        _root(harmonic),
        _quotient(inner, norms),
        _root(chi),
        distance,
        np.sqrt(_dot(r1, r1)),
    )
    return np.stack(columns, axis=1)


def _of_unit_vectors(u1: NDArray[np.float64], u2: NDArray[np.float64]) -> NDArray[np.float64]:
    difference = u1 - u2
    total, larger = u1 + u2, np.maximum(u1, u2)
    ratio = np.divide(larger, total, out=np.zeros_like(total), where=total > _TINY)
    logarithms = np.log(np.maximum(u1, _TINY))
    logarithms -= np.log(np.maximum(u2, _TINY))
    columns = (
        np.sqrt(_dot(difference, difference)),
        # Both sums at once: (u1 - u2) (log u1 - log u2) / 2.
        _dot(difference, logarithms) / 2,
        np.sqrt(ratio).sum(axis=1),
        # min = u1 + u2 - max
        _quotient(total.sum(axis=1) - larger.sum(axis=1), u1.sum(axis=1) * u2.sum(axis=1)),
    )
    return np.stack(columns, axis=1)


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    products: NDArray[np.float64] = np.einsum("ij,ij->i", a, b)
    return products


def _root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(values, 0.0))


def _quotient(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0.0)


def _to_unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.sqrt(_dot(x, x))[:, np.newaxis]
    return np.divide(x, norms, out=np.zeros_like(x), where=norms > 0.0)
