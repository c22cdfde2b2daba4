import numpy as np
import pytest

from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.feature_extraction.gathering import Outcome
from skvideo3d.feature_extraction.rows import rows_of

SIZES = {"a": 3, "b": 2}


def outcome(index, a, b):
    layers = {"a": np.array(a, np.float32), "b": np.array(b, np.float32)}
    return Outcome(index, layers)


def test_layers_are_normalised_each_on_its_own_and_failures_are_nan():
    videos = [
        outcome(0, [3, 0, 4], [0, -2]),
        Outcome(1, {}, VideoDecodeError("no")),
        outcome(2, [0, 0, 0], [1, 1]),
    ]
    half = 1 / np.sqrt(2)
    expected = [[0.6, 0, 0.8, 0, -1], [np.nan] * 5, [0, 0, 0, half, half]]
    np.testing.assert_allclose(rows_of(videos, SIZES, "l2"), expected, rtol=1e-7)
    np.testing.assert_array_equal(rows_of(videos, SIZES, None)[0], [3, 0, 4, 0, -2])
    np.testing.assert_allclose(rows_of(videos, SIZES, "max")[0], [0.75, 0, 1, 0, -1])
    np.testing.assert_allclose(rows_of(videos, SIZES, "l1")[0], [3 / 7, 0, 4 / 7, 0, -1], rtol=1e-7)


@pytest.mark.parametrize("scale", [1e-38, 1e-20, 1e20, 1e37])
def test_numbers_whose_squares_float32_does_not_have_are_normalised(scale):
    (row,) = rows_of([outcome(0, [3 * scale, 0, 4 * scale], [0, 1])], SIZES, "l2")
    np.testing.assert_allclose(row, [0.6, 0, 0.8, 0, 1], rtol=1e-6)


def test_more_rows_than_are_normalised_at_a_time():
    videos = [outcome(i, [i + 1, 0, 0], [0, i + 1]) for i in range(2500)]
    np.testing.assert_array_equal(rows_of(videos, SIZES, "l2"), [[1, 0, 0, 0, 1]] * 2500)
