"""The 12 (dis)similarities against the formulas of the paper, one dimension after the other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skvideo3d.feature_extraction.similarities import SIMILARITIES, pair_similarities


def plain(x1, x2):
    """Kliper-Gross et al. 2012, table 3, for positive vectors, in Python's own floats."""
    x1, x2 = [float(v) for v in x1], [float(v) for v in x2]
    norm1, norm2 = (math.sqrt(sum(v * v for v in x)) for x in (x1, x2))
    u1, u2 = [v / norm1 for v in x1], [v / norm2 for v in x2]
    both, units = list(zip(x1, x2, strict=True)), list(zip(u1, u2, strict=True))
    inner = sum(a * b for a, b in both)
    return [
        inner,
        math.sqrt(inner),
        math.sqrt(sum(math.sqrt(a) * math.sqrt(b) for a, b in both)),
        math.sqrt(sum(a * b / (a + b) for a, b in both)),
        inner / (norm1 * norm2),
        math.sqrt(sum((a - b) ** 2 / (a + b) for a, b in both)),
        sum(abs(a - b) for a, b in both),
        math.sqrt(sum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in both)),
        math.sqrt(sum((a - b) ** 2 for a, b in units)),
        (sum(a * math.log(a / b) for a, b in units) + sum(b * math.log(b / a) for a, b in units))
        / 2,
        sum(math.sqrt(max(a, b)) / math.sqrt(a + b) for a, b in units),
        sum(min(a, b) for a, b in units) / (sum(u1) * sum(u2)),
    ]


@pytest.mark.parametrize("n_features", [1, 3, 500, 20_000])
def test_the_twelve_are_those_of_a_plain_loop(n_features):
    rng = np.random.default_rng(n_features)
    rows = rng.gamma(0.5, size=(6, n_features)) + 1e-6
    first, second = rng.integers(0, 6, (2, 40))
    expected = [plain(rows[a], rows[b]) for a, b in zip(first, second, strict=True)]
    result = pair_similarities(rows, first, second)
    assert result.shape == (40, 12)
    assert result.dtype == np.float64
    # Of equal vectors the distances 6 to 10 are 0 but for rounding.
    assert_allclose(result, expected, rtol=1e-9, atol=1e-7)


def test_a_case_worked_by_hand():
    # x1 = (1, 4), x2 = (4, 0): sums (5, 4), products (4, 0), norms sqrt(17) and 4.
    by_name = dict(zip(SIMILARITIES, pair_similarities([[1, 4], [4, 0]], [0], [1])[0], strict=True))
    expected = {
        "inner_product": 4,
        "sqrt_inner_product": 2,
        "sqrt_bhattacharyya": math.sqrt(2),
        "sqrt_harmonic": math.sqrt(4 / 5),
        "cosine": 4 / (4 * math.sqrt(17)),
        "chi_distance": math.sqrt(9 / 5 + 16 / 4),
        "l1_distance": 7,
        "hellinger_distance": math.sqrt(1 + 4),
        "unit_l2_distance": math.sqrt((1 - 1 / math.sqrt(17)) ** 2 + 16 / 17),
        # u1 = (1, 4) / sqrt(17), u2 = (1, 0).
        "sqrt_max_ratio": math.sqrt(1 / (1 + 1 / math.sqrt(17))) + 1,
        "intersection": (1 / math.sqrt(17)) / (5 / math.sqrt(17)),
    }
    for name, value in expected.items():
        assert by_name[name] == pytest.approx(value, rel=1e-12), name


values = st.floats(0, np.finfo(np.float32).max.item(), width=32)
signed = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(arrays(np.float32, (2, 5), elements=values | st.just(0.0)))
def test_finite_and_symmetric_for_anything_a_network_gives(rows):
    there = pair_similarities(rows, [0, 0], [1, 0])
    back = pair_similarities(rows, [1, 0], [0, 0])
    assert np.isfinite(there).all()
    assert_allclose(there, back, rtol=1e-9)


@given(arrays(np.float32, (2, 4), elements=signed))
def test_finite_for_negative_values_too(rows):
    assert np.isfinite(pair_similarities(rows, [0], [1])).all()


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [1, 2, 3]],
        [[1, 2, 0], [0, 0, 3]],
        [[-1, 1, 0], [1, -1, 0]],
        [[1e-38, 0, 0], [1e38, 0, 1e38]],
    ],
    ids=["zeros", "one zero", "disjoint", "opposite", "tiny and huge"],
)
def test_finite_where_formulas_divide_by_zero_or_take_its_logarithm(rows):
    assert np.isfinite(pair_similarities(np.array(rows, dtype=np.float32), [0], [1])).all()


@given(st.integers(-40, 38), st.integers(-40, 38))
def test_a_factor_changes_nothing_where_vectors_are_normalised(exponent1, exponent2):
    rows = np.random.default_rng(0).gamma(1, size=(2, 6)) + 0.1
    scales = 10.0 ** np.array([[exponent1], [exponent2]])
    scaled = pair_similarities(rows * scales, [0], [1])[:, [4, 8, 9, 10, 11]]
    assert_allclose(scaled, pair_similarities(rows, [0], [1])[:, [4, 8, 9, 10, 11]], rtol=1e-9)


def test_a_vector_and_itself_have_no_distance():
    rows = np.random.default_rng(0).random((1, 50))
    result = dict(zip(SIMILARITIES, pair_similarities(rows, [0], [0])[0], strict=True))
    for name in (*(s for s in SIMILARITIES if s.endswith("_distance")), "symmetric_kl"):
        assert result[name] == 0
    assert result["cosine"] == pytest.approx(1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_pair_with_a_vector_that_is_not_finite_is_nan_and_the_others_are_not(bad):
    rows = np.random.default_rng(0).random((40, 5000))
    whole = pair_similarities(rows, np.arange(39), np.arange(1, 40))
    rows[20, 7] = bad
    result = pair_similarities(rows, np.arange(39), np.arange(1, 40))
    assert_array_equal(np.isnan(result).all(axis=1), np.isin(np.arange(39), [19, 20]))
    kept = ~np.isnan(result).any(axis=1)
    assert_array_equal(result[kept], whole[kept])
