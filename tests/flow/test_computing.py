"""The flow of whole videos, against OpenCV pair by pair."""

import threading
from itertools import pairwise

import cv2
import numpy as np
import pytest
from joblib import cpu_count
from miniatures.plain_flow import Difference, moving

from skvideo3d import VideoSegment
from skvideo3d.exceptions import FlowError, VideoNotFoundError
from skvideo3d.flow import OpticalFlow, compute_flow, iter_flow


def plain(frames, shorter=40):
    """DIS between frames that are resized by OpenCV; the last has the flow of the one before."""
    height, width = frames[0].shape[:2]
    size = (shorter * width // height, shorter)
    grey = [cv2.cvtColor(cv2.resize(frame, size), cv2.COLOR_RGB2GRAY) for frame in frames]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = [dis.calc(*pair, None) for pair in pairwise(grey)]
    return np.stack([*flow, flow[-1]])


@pytest.fixture
def film():
    return moving(9, size=(48, 64), seed=0)


def test_it_is_the_methods_flow_pair_by_pair(film):
    flow = compute_flow(film, "dis", resize=40)
    assert flow.dtype == np.float32
    assert flow.shape == (9, 40, 53, 2)
    assert np.abs(flow).max() > 0.5
    np.testing.assert_array_equal(flow, np.clip(plain(film), -20, 20))


def test_a_bound_and_a_precision_apply(film):
    held = OpticalFlow("dis", bound=0.5, precision="uint8")
    flow = compute_flow(film, held, resize=40)
    exact = np.clip(plain(film), -0.5, 0.5)
    assert np.abs(flow - exact).max() <= 0.5 / 255 + 1e-6  # half a step
    assert len(np.unique(flow)) <= 256
    assert np.abs(exact).max() == 0.5


def test_frame_by_frame_with_numbers_and_times(film, write_video, tmp_path):
    path = write_video(tmp_path / "film.mp4", film, rate=10)
    found = list(iter_flow(VideoSegment(path, 2, 8), "dis", resize=40))
    assert [frame.number for frame in found] == list(range(2, 8))
    np.testing.assert_allclose([frame.time for frame in found], np.arange(2, 8) / 10, atol=1e-6)
    whole = compute_flow(path, "dis", resize=40)
    for frame, expected in zip(found[:-1], whole[2:], strict=False):
        np.testing.assert_array_equal(frame.flow, expected)


def test_frames_that_resampling_repeats_do_not_move(film, write_video, tmp_path):
    path = write_video(tmp_path / "film.mp4", film, rate=10)
    flow = compute_flow(path, "dis", resize=40, fps=20)
    assert len(flow) == 18
    assert not flow[0:-2:2].any()
    assert all(np.abs(moved).max() > 0.5 for moved in flow[1:-2:2])


def test_nothing_is_computed_far_ahead_and_no_thread_is_left():
    counted = Difference()
    frames = iter_flow(moving(200, size=(24, 32), seed=0), counted, resize=20)
    next(frames)
    assert 1 <= counted.n_calls <= 2 * cpu_count() + 2
    frames.close()
    n_calls = counted.n_calls
    assert not [t for t in threading.enumerate() if t.name.startswith("skvideo3d-flow")]
    assert counted.n_calls == n_calls < 199


def test_errors_name_the_video(film):
    with pytest.raises(FlowError, match=r"'array of shape \(1, 48, 64, 3\)': it has one frame"):
        compute_flow(film[:1], "dis")
    with pytest.raises(FlowError, match=r"'array of shape \(9.*16 on each side"):
        compute_flow(film, "dis", resize=8)
    with pytest.raises(VideoNotFoundError, match=r"no-such\.mp4"):
        compute_flow("no-such.mp4", "dis")
    with pytest.raises(ValueError, match="fps=-1: give a positive number"):
        compute_flow(film, "dis", fps=-1)


def test_what_is_wrong_is_told_before_the_first_frame_is_asked_for(film):
    with pytest.raises(ValueError, match="fps=0"):
        iter_flow(film, "dis", fps=0)
    with pytest.raises(ValueError, match="method='brox'"):
        iter_flow(film, "brox")


def test_sizes_may_be_numpys(film):
    flow = compute_flow(film, "dis", resize=np.int64(40))
    assert flow.shape == (9, 40, 53, 2)
    assert compute_flow(film, "dis", resize=(np.int32(32), 40)).shape == (9, 32, 40, 2)
