"""Files that decoders search for hours are given up, and only they."""

import os

import numpy as np
import pytest

from hostile.encoding import BY_NAME, encode_as
from hostile.harness import describe, error_of, left_behind
from skvideo3d.exceptions import VideoTimeoutError

# Seen to be searched to the end, byte by byte, for another frame.
SEARCHED = ("avi-mpeg4", "mkv-libx264", "mpg-mpeg2video")


@pytest.fixture
def endless(tmp_path):
    """Films with a hole of a terabyte behind them, which takes no room on the disk."""
    paths = []
    for name in SEARCHED:
        format_ = BY_NAME[name]
        paths.append(encode_as(format_, tmp_path / f"endless.{format_.suffix}"))
        os.truncate(paths[-1], 2**40)
    return paths


def test_the_videos_between_endless_ones_are_described(endless, small_c3d, tmp_path):
    good = encode_as(BY_NAME["mp4-libx264"], tmp_path / "good.mp4")
    mixed = [good, endless[0], good, *endless[1:], good]
    endings, findings = describe(mixed, small_c3d, timeout=1)
    assert findings == []
    rows = [ending.row for path, ending in zip(mixed, endings, strict=True) if path == good]
    np.testing.assert_allclose(rows, [rows[0]] * 3, atol=1e-6)
    for path, ending in zip(mixed, endings, strict=True):
        if path != good:
            assert "given up after 1 second" in ending.reason


def test_a_video_that_is_given_up_has_an_error_of_its_own(endless, small_c3d):
    assert isinstance(error_of(endless[0], small_c3d, timeout=0.5), VideoTimeoutError)


def test_readers_that_were_given_up_are_gone(endless, small_c3d):
    describe(endless[:1], small_c3d, timeout=0.5)
    before = left_behind()
    for _ in range(3):
        describe(endless[:1], small_c3d, timeout=0.5)
    assert left_behind() == before
