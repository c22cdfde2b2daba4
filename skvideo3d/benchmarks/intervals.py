"""Intervals of accuracies over videos that depend on each other, as those of one person do.

Videos of a person succeed and fail together, so that they tell less than as many videos of
different people. A bootstrap over a handful of groups draws too few different samples, and where
every video was recognised it finds no spread at all. So variances come from the totals of groups
(linearised, as in cluster sampling), quantiles from Student's t with the groups' degrees of
freedom, and what is added keeps an interval from collapsing where everything agrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["difference_interval", "share_interval"]


def share_interval(
    hits: NDArray[np.float64], groups: Sequence[Any] | NDArray[Any], level: float = 0.95
) -> tuple[float, float]:
    """Bound the share of hits among videos of groups not seen.

    The exact binomial interval of Clopper and Pearson for as many independent videos as these are
    worth, after Korn & Graubard, Survey Methodology 24 (1998), 193-201: their number, times the
    variance of independent videos over that of groups, at most 1, times the square of the ratio of
    Student's quantiles for videos and for groups. Where every group is one video, it is the
    interval of Clopper and Pearson itself.

    Parameters
    ----------
    hits : ndarray of shape (n_videos,)
        1 for a hit, 0 for none; between them where several networks were asked.
    groups : sequence of n_videos
    level : float, default=0.95

    Returns
    -------
    low, high : float
        From 0 to 1.

    Raises
    ------
    ValueError
        If there are fewer than two groups.

    Examples
    --------
    18 of 20 videos, all of different people, then of four people:

    >>> hits = np.repeat([0.0, 1.0], [2, 18])
    >>> [round(end, 3) for end in share_interval(hits, range(20))]
    [0.683, 0.988]
    >>> [round(end, 3) for end in share_interval(hits, np.arange(20) // 5)]
    [0.312, 1.0]
    """
    from scipy.stats import beta, t

    n_videos, n_groups = len(hits), _n_groups(groups)
    share = float(np.mean(hits))
    independent = share * (1 - share) / (n_videos - 1)
    variance = max(_variance_of_mean(hits, groups), independent)
    n_worth = n_videos * (independent / variance if variance > 0 else 1.0)
    tail = (1 - level) / 2
    n_worth *= float(t.isf(tail, n_videos - 1) / t.isf(tail, n_groups - 1)) ** 2
    n_hits = share * n_worth
    low = beta.ppf(tail, n_hits, n_worth - n_hits + 1) if share > 0 else 0.0
    high = beta.isf(tail, n_hits + 1, n_worth - n_hits) if share < 1 else 1.0
    return float(low), float(high)


def difference_interval(
    differences: NDArray[np.float64], groups: Sequence[Any] | NDArray[Any], level: float = 0.95
) -> tuple[float, float]:
    """Bound the mean difference of two methods that were asked about the same videos.

    Half a video that the one alone hits, half a video that the other alone hits and one on which
    they agree are added (Agresti & Min, Statistics in Medicine 24 (2005), 729-740). The variance is
    the larger one of that of independent videos and that of groups, the quantile Student's for the
    number of groups.

    Parameters
    ----------
    differences : ndarray of shape (n_videos,)
        Of the hits of both, from -1 to 1.
    groups : sequence of n_videos
    level : float, default=0.95

    Returns
    -------
    low, high : float
        From -1 to 1.

    Raises
    ------
    ValueError
        If there are fewer than two groups.

    Examples
    --------
    Two methods that agree on ten people, one video each:

    >>> [round(end, 3) for end in difference_interval(np.zeros(10), range(10))]
    [-0.189, 0.189]
    """
    from scipy.stats import t

    n_videos, n_groups = len(differences), _n_groups(groups)
    centre = float(differences.sum()) / (n_videos + 2)
    square = (float(np.square(differences).sum()) + 1) / (n_videos + 2)
    independent = (square - centre**2) / (n_videos + 2)
    variance = max(independent, _variance_of_mean(differences, groups))
    margin = float(t.isf((1 - level) / 2, n_groups - 1)) * math.sqrt(variance)
    return max(centre - margin, -1.0), min(centre + margin, 1.0)


def _n_groups(groups: Sequence[Any] | NDArray[Any]) -> int:
    n_groups = len(np.unique(np.asarray(groups)))
    if n_groups < 2:
        raise ValueError("an interval over groups of videos needs at least two groups, got one.")
    return n_groups


def _variance_of_mean(values: NDArray[np.float64], groups: Sequence[Any] | NDArray[Any]) -> float:
    """Estimate the variance of a mean from the totals of groups of any sizes."""
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.bincount(codes, weights=values - np.mean(values))
    n_groups = len(totals)
    return float(np.square(totals).sum() * n_groups / (n_groups - 1)) / len(values) ** 2
