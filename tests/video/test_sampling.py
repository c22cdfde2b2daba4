import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skvideo3d.video.sampling import clip_starts, iter_clips

small = st.integers(1, 20)


@given(st.integers(1, 120), small, small)
def test_clips_are_all_whole_windows_and_no_others(n_frames, clip_len, stride):
    # The definition, spelt out: every start that is a multiple of the stride and fits.
    expected = [s for s in range(n_frames) if s % stride == 0 and s + clip_len <= n_frames]
    windows = list(iter_clips(range(n_frames), clip_len, stride))
    if n_frames >= clip_len:
        np.testing.assert_array_equal(clip_starts(n_frames, clip_len, stride), expected)
        assert windows == [list(range(s, s + clip_len)) for s in expected]
    else:
        assert len(windows) == 1


def test_the_papers_clips():
    # 16 frames that overlap by 8: a 40-frame video has four.
    assert clip_starts(40, 16, 8).tolist() == [0, 8, 16, 24]
    assert clip_starts(39, 16, 8).tolist() == [0, 8, 16]


def test_short_videos_are_looped():
    assert list(iter_clips("abc", 8, 4, "loop")) == [list("abcabcab")]


def test_short_videos_repeat_their_last_frame():
    assert list(iter_clips("abc", 6, 4, "repeat_last")) == [list("abcccc")]


def test_short_videos_are_refused_on_request():
    with pytest.raises(ValueError, match="3 frames, fewer than clip_len=8; use short_video="):
        list(iter_clips("abc", 8, 4, "error"))


def test_no_frames_are_never_a_clip():
    with pytest.raises(ValueError, match="no frames"):
        list(iter_clips("", 8, 4, "loop"))


def test_starts_of_a_short_video_are_refused():
    with pytest.raises(ValueError, match="no clip of 16"):
        clip_starts(15, 16, 8)


def test_a_stream_is_never_held_longer_than_a_clip():
    alive = []

    class Frame:
        def __init__(self):
            alive.append(self)

    import weakref

    references = []

    def stream():
        for _ in range(200):
            frame = Frame()
            alive.clear()
            references.append(weakref.ref(frame))
            yield frame
            del frame
            assert sum(reference() is not None for reference in references) <= 16 + 8

    for clip in iter_clips(stream(), 16, 8):
        del clip
