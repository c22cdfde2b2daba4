from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skvideo3d.video.resizing import resize_bilinear, resized_shape

side = st.integers(1, 90)


@settings(max_examples=200, deadline=None)
@given(side, side, side, side, st.integers(0, 2**32 - 1))
def test_every_pixel_is_opencvs(height, width, new_height, new_width, seed):
    frame = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = cv2.resize(frame, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resize_bilinear(frame, (new_height, new_width)), expected)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((240, 320), (128, 171)),
        ((120, 160), (128, 171)),
        ((1080, 1920), (128, 171)),
        ((256, 342), (128, 171)),  # exactly one half, for which OpenCV has another routine
        ((240, 320), (256, 341)),
        ((128, 171), (128, 171)),
    ],
)
def test_every_pixel_is_opencvs_at_the_networks_sizes(source, target):
    frame = np.random.default_rng(0).integers(0, 256, (*source, 3), dtype=np.uint8)
    expected = cv2.resize(frame, target[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resize_bilinear(frame, target), expected)


def test_a_crop_is_that_part_of_the_whole():
    frame = np.random.default_rng(0).integers(0, 256, (77, 99, 3), dtype=np.uint8)
    expected = cv2.resize(frame, (171, 128), interpolation=cv2.INTER_LINEAR)[8:120, 29:141]
    crop = (slice(8, 120), slice(29, 141))
    np.testing.assert_array_equal(resize_bilinear(frame, (128, 171), crop), expected)


@settings(max_examples=100, deadline=None)
@given(st.data(), side, side, side, side)
def test_every_crop_of_every_size_is_opencvs(data, height, width, new_height, new_width):
    top, left = data.draw(st.integers(0, new_height - 1)), data.draw(st.integers(0, new_width - 1))
    bottom = data.draw(st.integers(top + 1, new_height))
    right = data.draw(st.integers(left + 1, new_width))
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = cv2.resize(frame, (new_width, new_height))[top:bottom, left:right]
    crop = (slice(top, bottom), slice(left, right))
    np.testing.assert_array_equal(resize_bilinear(frame, (new_height, new_width), crop), expected)


@pytest.mark.parametrize(
    "view",
    [
        lambda frame: frame[::-1],
        lambda frame: frame[:, ::2],
        lambda frame: frame[..., ::-1],
        lambda frame: frame[3:50, 5:60],
        lambda frame: frame.transpose(1, 0, 2),
    ],
)
@pytest.mark.parametrize("target", [(31, 40), (81, 106), (53, 62)])
def test_frames_may_be_views_and_read_only(view, target):
    frame = view(np.random.default_rng(0).integers(0, 256, (77, 99, 3), dtype=np.uint8))
    frame.flags.writeable = False
    expected = cv2.resize(np.ascontiguousarray(frame), target[::-1])
    np.testing.assert_array_equal(resize_bilinear(frame, target), expected)


def test_results_outlive_the_next_call_and_threads_do_not_meet():
    frames = np.random.default_rng(0).integers(0, 256, (40, 60, 80, 3), dtype=np.uint8)
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda frame: resize_bilinear(frame, (128, 171)), frames))
    for frame, result in zip(frames, results, strict=True):
        np.testing.assert_array_equal(result, cv2.resize(frame, (171, 128)))


def test_shorter_side_keeps_the_aspect_rounded_down():
    assert resized_shape(240, 320, 256) == (256, 341)  # 341.33
    assert resized_shape(480, 270, 256) == (455, 256)  # 455.11
    assert resized_shape(10, 10, 256) == (256, 256)
    assert resized_shape(10, 20, (128, 171)) == (128, 171)
