"""Crops are anywhere in the frame with the same probability, and flips half of the time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from skvideo3d.training.jitter import Jitter, Window
from skvideo3d.video import C3D_PREPROCESSING, I3D_PREPROCESSING

SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def test_a_window_is_what_three_random_numbers_say():
    # 128 - 112 + 1 = 17 tops and 171 - 112 + 1 = 60 lefts.
    rng = np.random.default_rng(7)
    top, left, chance = rng.integers(17), rng.integers(60), rng.random()
    window = Jitter((112, 112)).draw(np.random.default_rng(7), (128, 171))
    assert window == Window(int(top), int(left), 112, 112, flipped=bool(chance < 0.5))


def test_all_positions_are_equally_probable_and_half_of_the_windows_flipped():
    rng, jitter = np.random.default_rng(0), Jitter((112, 112))
    counts, n_flipped, n_draws = np.zeros((17, 60)), 0, 40_000
    for _ in range(n_draws):
        window = jitter.draw(rng, (128, 171))
        counts[window.top, window.left] += 1
        n_flipped += window.flipped
    assert chisquare(counts.ravel()).pvalue > 0.01
    assert binomtest(n_flipped, n_draws, 0.5).pvalue > 0.01


@pytest.mark.parametrize("flip", [0, 1])
def test_a_flip_of_probability_0_never_happens_and_of_1_always(flip):
    rng = np.random.default_rng(0)
    flips = {Jitter((2, 2), flip=flip).draw(rng, (4, 4)).flipped for _ in range(50)}
    assert flips == {bool(flip)}


@given(SIDES, SIDES, st.integers(0, 2**32))
def test_windows_lie_inside_the_frame(crop, margin, seed):
    size = crop[0] + margin[0], crop[1] + margin[1]
    for window in (Jitter(crop).draw(np.random.default_rng(seed), size), Jitter(crop).centre(size)):
        assert 0 <= window.top <= size[0] - crop[0]
        assert 0 <= window.left <= size[1] - crop[1]
        assert window.apply(np.zeros((2, *size, 3))).shape == (2, *crop, 3)


@given(SIDES, SIDES, st.integers(0, 2**32))
def test_a_window_holds_the_pixels_that_loops_pick(crop, margin, seed):
    height, width = crop[0] + margin[0], crop[1] + margin[1]
    frame = np.arange(height * width).reshape(1, height, width, 1)
    window = Jitter(crop).draw(np.random.default_rng(seed), (height, width))
    found = window.apply(frame)[0, :, :, 0]
    for row in range(crop[0]):
        for column in range(crop[1]):
            from_left = crop[1] - 1 - column if window.flipped else column
            expected = (window.top + row) * width + window.left + from_left
            assert found[row, column] == expected


@pytest.mark.parametrize("recipe", [C3D_PREPROCESSING, I3D_PREPROCESSING])
@pytest.mark.parametrize("size", [(128, 171), (256, 340), (257, 301)])
def test_the_centre_is_that_of_the_preprocessing(recipe, size):
    if size[0] < recipe.crop[0]:
        size = (256, 455)
    rows, columns = recipe.crop_window(size)
    window = Jitter(recipe.crop).centre(size)
    assert (window.top, window.left, window.flipped) == (rows.start, columns.start, False)


def test_c3ds_centre_is_rows_8_and_columns_29():
    assert Jitter((112, 112)).centre((128, 171)) == Window(8, 29, 112, 112)


@pytest.mark.parametrize("crop", [(0, 4), (4,), 4, (4.0, 4), "ab"])
def test_what_is_no_crop_is_refused(crop):
    with pytest.raises(ValueError, match="crop="):
        Jitter(crop)


@pytest.mark.parametrize("flip", [-0.1, 1.5, float("nan")])
def test_what_is_no_probability_is_refused(flip):
    with pytest.raises(ValueError, match="flip="):
        Jitter((4, 4), flip=flip)


def test_a_frame_smaller_than_the_crop_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"\(112, 112\) does not fit into frames of 100x171"):
        Jitter((112, 112)).draw(np.random.default_rng(0), (100, 171))
