"""Intervals are those of the textbooks where these apply, and cover what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from scipy.stats import binomtest, t

from skvideo3d.benchmarks.intervals import difference_interval, share_interval


@pytest.mark.parametrize(("n_hits", "n_videos"), [(0, 9), (4, 9), (18, 20), (27, 27)])
def test_videos_of_different_people_have_the_exact_binomial_interval(n_hits, n_videos):
    hits = np.repeat([1.0, 0.0], [n_hits, n_videos - n_hits])
    exact = binomtest(n_hits, n_videos).proportion_ci(0.95, method="exact")
    assert_allclose(share_interval(hits, range(n_videos)), (exact.low, exact.high))


def test_people_who_always_fail_or_always_succeed_are_worth_a_video_each():
    # 12 people with 10 videos each, 9 of whom are recognised in all of them: only the people count.
    hits, people = np.repeat([1.0] * 9 + [0.0] * 3, 10), np.repeat(np.arange(12), 10)
    # The variance of such a mean is p (1 - p) / 11, that of independent videos p (1 - p) / 119.
    worth = 120 * 11 / 119 * (t.isf(0.025, 119) / t.isf(0.025, 11)) ** 2
    assert 8 < worth < 12
    low, high = share_interval(hits, people)
    wide = binomtest(9, 12).proportion_ci(0.95, method="exact")
    assert low < wide.low
    assert high > wide.high
    # By the definition of Clopper and Pearson, for a number of videos that is not whole.
    from scipy.special import betainc

    assert betainc(0.75 * worth, 0.25 * worth + 1, low) == pytest.approx(0.025)
    assert betainc(0.75 * worth + 1, 0.25 * worth, high) == pytest.approx(0.975)


def test_intervals_of_people_who_differ_cover_the_truth():
    rng = np.random.default_rng(0)
    n_people, n_videos, n_trials = 8, 6, 200
    people = np.repeat(np.arange(n_people), n_videos)
    # Each person is recognised with a probability of their own: 0.7 on average.
    chances = rng.beta(1.4, 0.6, (n_trials, n_people))
    covered = naive = 0
    for chance in chances:
        hits = (rng.random(len(people)) < chance[people]).astype(float)
        low, high = share_interval(hits, people)
        covered += low <= 0.7 <= high
        low, high = share_interval(hits, range(len(hits)))
        naive += low <= 0.7 <= high
    assert covered / n_trials > 0.93
    assert naive / n_trials < 0.9  # what treating videos as independent would give


def test_intervals_of_differences_cover_the_truth():
    rng = np.random.default_rng(1)
    n_people, n_videos, n_trials = 8, 6, 200
    people = np.repeat(np.arange(n_people), n_videos)
    covered = 0
    for _ in range(n_trials):
        of_person = rng.beta(1.4, 0.6, n_people)[people]
        ours = rng.random(len(people)) < of_person
        theirs = rng.random(len(people)) < of_person * 0.5
        low, high = difference_interval(ours * 1.0 - theirs, people)
        covered += low <= 0.35 <= high
    assert covered / n_trials > 0.93


def test_difference_of_independent_pairs_is_that_of_agresti_and_min():
    # 2 videos that the first alone hits, 1 that the second alone hits, 17 on which they agree.
    differences = np.array([1.0] * 2 + [-1.0] + [0.0] * 17)
    b, c, n = 2.5, 1.5, 22
    centre = (b - c) / n
    margin = t.isf(0.025, 19) * np.sqrt((b + c) - (b - c) ** 2 / n) / n
    found = difference_interval(differences, range(20))
    # The variance of groups, over n - 1, is smaller than that of the pairs with what was added.
    assert_allclose(found, (centre - margin, centre + margin))


def test_methods_that_agree_on_everything_still_have_an_interval():
    low, high = difference_interval(np.zeros(27), np.repeat([1, 2, 3], 9))
    assert low == pytest.approx(-high)
    assert 0.1 < high < 0.2


@given(
    hits=hnp.arrays(np.float64, 24, elements=st.sampled_from([0.0, 0.2, 0.5, 1.0])),
    n_groups=st.integers(2, 24),
)
def test_the_share_is_in_its_interval(hits, n_groups):
    low, high = share_interval(hits, np.arange(24) % n_groups)
    assert 0 <= low <= hits.mean() <= high <= 1
    assert high - low > 0.1


@pytest.mark.parametrize("interval", [share_interval, difference_interval])
def test_one_group_tells_nothing_of_others(interval):
    with pytest.raises(ValueError, match="at least two groups"):
        interval(np.ones(5), ["anna"] * 5)
