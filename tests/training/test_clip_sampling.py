"""Which frames an epoch takes is what the papers say, whatever the length of a video."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skvideo3d.training.clip_sampling import ClipSampling, clip_frames, spread_starts
from skvideo3d.video.sampling import iter_clips

UCF101 = ClipSampling(16)
SPORTS1M = ClipSampling(16, 5, span_seconds=2.0)
KINETICS = ClipSampling(64, 1)
N_FRAMES = st.integers(1, 400)


@given(N_FRAMES, st.integers(1, 64))
def test_without_a_number_clips_are_all_windows_without_overlap(n_frames, clip_len):
    sampling = ClipSampling(clip_len)
    windows = list(iter_clips(range(n_frames), clip_len, clip_len))
    assert sampling.n_clips(n_frames) == len(windows)
    rng = np.random.default_rng(0)
    for number, window in enumerate(windows):
        span = sampling.span(number, n_frames, 25.0, rng)
        assert sampling.start(*span, rng) == window[0]


def test_the_parts_of_sports_1m_are_two_seconds_and_the_same_for_every_clip_of_the_video():
    spans = [SPORTS1M.span(number, 3000, 30.0, np.random.default_rng(3)) for number in range(5)]
    assert [stop - first for first, stop in spans] == [60] * 5
    # What one draw of five places among 3000 - 60 + 1 gives.
    assert [first for first, _ in spans] == np.random.default_rng(3).integers(2941, size=5).tolist()


def test_without_a_clock_a_second_has_25_frames():
    first, stop = SPORTS1M.span(0, 3000, math.nan, np.random.default_rng(0))
    assert stop - first == 50


@given(N_FRAMES, st.floats(1, 120), st.integers(0, 4), st.integers(0, 2**32))
def test_parts_lie_in_their_video_and_clips_in_their_part(n_frames, fps, number, seed):
    first, stop = SPORTS1M.span(number, n_frames, fps, np.random.default_rng(seed))
    assert 0 <= first < stop <= n_frames
    assert stop - first >= min(16, n_frames)
    start = SPORTS1M.start(first, stop, np.random.default_rng(seed))
    assert first <= start <= max(stop - 16, first)


def test_a_clip_of_i3d_begins_anywhere_where_64_frames_are_left():
    rng = np.random.default_rng(0)
    span = KINETICS.span(0, 70, 25.0, rng)
    assert {KINETICS.start(*span, rng) for _ in range(200)} == set(range(7))


@given(N_FRAMES, st.integers(1, 64), st.sampled_from(["loop", "repeat_last"]))
def test_short_videos_are_filled_up_as_the_transformers_do(n_frames, clip_len, short_video):
    [first, *_] = iter_clips(range(n_frames), clip_len, clip_len, short_video)
    found = np.arange(n_frames)[clip_frames(0, clip_len, n_frames, short_video)]
    assert found.tolist() == first


@given(N_FRAMES, st.integers(1, 64), st.integers(1, 20))
def test_clips_for_testing_are_spread_evenly_from_the_beginning_to_the_end(
    n_frames, clip_len, n_clips
):
    last = max(n_frames - clip_len, 0)
    starts = spread_starts(n_frames, clip_len, n_clips)
    assert starts.dtype == np.int64
    assert len(starts) == min(n_clips, last + 1)
    assert len(set(starts.tolist())) == len(starts)
    assume(len(starts) > 1)
    assert (starts[0], starts[-1]) == (0, last)
    assert np.ptp(np.diff(starts)) <= 1


def test_one_clip_for_testing_is_in_the_middle():
    assert spread_starts(100, 16, 1).tolist() == [42]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clip_len": 0}, "clip_len=0"),
        ({"clip_len": 2.5}, "clip_len=2.5"),
        ({"clips_per_video": 0}, "clips_per_video=0"),
        ({"span_seconds": 2.0}, "needs clips_per_video"),
        ({"clips_per_video": 5, "span_seconds": 0.0}, "span_seconds=0.0"),
        ({"clips_per_video": 5, "span_seconds": math.inf}, "span_seconds=inf"),
        ({"short_video": "pad"}, "short_video='pad'"),
    ],
)
def test_what_has_no_meaning_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ClipSampling(**changes)
