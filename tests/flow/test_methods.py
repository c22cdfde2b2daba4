import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import pytest
from miniatures.generated_motion import MOTIONS, end_point_error, frames_and_flow

from skvideo3d.exceptions import FlowError, SkVideo3DError
from skvideo3d.flow import OpticalFlow
from skvideo3d.flow.methods import SMALLEST_SIDE, FlowEstimator
from skvideo3d.flow.opencv import opencv_method

# In pixels, for motions of 0.5 to 2.7 pixels. Seen: TV-L1 0.025 to 0.038, DIS 0.031 to 0.058.
ALLOWED = {"tvl1": 0.06, "dis": 0.09}

BLACK = np.zeros((24, 32, 3), np.uint8)


def estimate(method, previous, following, **options):
    return FlowEstimator(OpticalFlow(method, **options))(previous, following)


@pytest.mark.parametrize("method", ["tvl1", "dis"])
@pytest.mark.parametrize("motion", MOTIONS)
def test_generated_motion_is_found_to_a_fraction_of_a_pixel(method, motion):
    previous, following, truth = frames_and_flow(motion)

    flow = estimate(method, previous, following)

    assert flow.dtype == np.float32
    assert flow.shape == (*previous.shape[:2], 2)
    assert end_point_error(flow, truth) < ALLOWED[method]
    # What is wrong in sign, in the order of x and y, or nothing at all, is far from that.
    for wrong in (-flow, flow[..., ::-1], np.zeros_like(flow)):
        assert end_point_error(wrong, truth) > 5 * ALLOWED[method]
    backward = estimate(method, following, previous)
    assert end_point_error(backward, truth) > 5 * ALLOWED[method]


@pytest.mark.parametrize("method", ["tvl1", "dis"])
@pytest.mark.parametrize(("shift", "component"), [((3, 0), 0), ((0, 3), 1)])
def test_the_first_component_is_to_the_right_and_the_second_down(method, shift, component):
    rng = np.random.default_rng(1)
    large = cv2.GaussianBlur(rng.integers(0, 256, (80, 90, 3), dtype=np.uint8), (0, 0), 2)
    dx, dy = shift
    previous, following = large[8:72, 8:82], large[8 - dy : 72 - dy, 8 - dx : 82 - dx]

    flow = estimate(method, previous, following)[12:-12, 12:-12].mean(axis=(0, 1))

    assert flow[component] == pytest.approx(3, abs=0.1)
    assert flow[1 - component] == pytest.approx(0, abs=0.1)


@pytest.mark.realdata
@pytest.mark.parametrize(("method", "allowed"), [("tvl1", 0.06), ("dis", 0.3)])
@pytest.mark.parametrize(
    "clip", ["ucf101/v_ApplyEyeMakeup_g01_c01.avi", "hmdb51/TrumanShow_wave_f_nm_np1_fr_med_26.avi"]
)
def test_a_real_frame_that_is_shifted_has_the_flow_of_the_shift(realdata, clip, method, allowed):
    frame = cv2.VideoCapture(str(realdata / clip)).read()[1][:140, :200, ::-1]
    previous, following = frame[10:-10, 10:-10], frame[12:-8, 7:-13]  # 3 to the right, 2 up

    flow = estimate(method, previous, following)

    truth = np.broadcast_to(np.float32([3, -2]), flow.shape)
    assert end_point_error(flow, truth) < allowed


def test_flow_is_opencvs_of_grey_frames():
    previous, following, _ = frames_and_flow("rotation", (40, 56))
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (previous, following)]
    expected = {
        "tvl1": cv2.optflow.createOptFlow_DualTVL1().calc(*grey, None),
        "dis": cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*grey, None),
    }
    for method, flow in expected.items():
        np.testing.assert_array_equal(estimate(method, previous, following), flow)


def test_tvl1_has_the_settings_that_its_description_names():
    method = opencv_method("tvl1")
    assert (method.getTau(), method.getLambda(), method.getTheta()) == (0.25, 0.15, 0.3)
    assert (method.getScalesNumber(), method.getWarpingsNumber()) == (5, 5)
    assert method.getEpsilon() == 0.01


@pytest.mark.parametrize("method", ["tvl1", "dis"])
@pytest.mark.parametrize("content", ["texture", "flat"])
def test_equal_frames_have_no_flow_by_opencv_either(method, content):
    frame = frames_and_flow("zoom", (40, 56))[0] if content == "texture" else BLACK
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    assert not opencv_method(method).calc(grey, grey.copy(), None).any()
    assert not estimate(method, frame, frame.copy()).any()


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_threads_and_earlier_pairs_do_not_change_a_bit(method):
    pairs = [frames_and_flow(motion, (40, 56), seed)[:2] for motion in MOTIONS for seed in range(2)]
    estimator = FlowEstimator(OpticalFlow(method))
    threads = cv2.getNumThreads()

    alone = []
    for pair in pairs:
        with ThreadPoolExecutor(1) as pool:  # a thread of its own: a fresh object of OpenCV
            alone.append(pool.submit(estimator, *pair).result())
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: estimator(*pair), pairs * 3))

    for flow, expected in zip(together, alone * 3, strict=True):
        np.testing.assert_array_equal(flow, expected)
    assert cv2.getNumThreads() == threads


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_opencvs_count_of_threads_does_not_change_a_bit(method):
    pair = frames_and_flow("shear", (64, 90))[:2]
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        expected = estimate(method, *pair)
        cv2.setNumThreads(3)
        np.testing.assert_array_equal(estimate(method, *pair), expected)
    finally:
        cv2.setNumThreads(threads)


def test_views_of_any_layout_are_frames():
    previous, following, _ = frames_and_flow("zoom", (40, 56))
    expected = estimate("dis", previous, following)
    mirrored = [np.ascontiguousarray(f[:, ::-1])[:, ::-1] for f in (previous, following)]
    np.testing.assert_array_equal(estimate("dis", *mirrored), expected)


def test_an_estimator_works_after_pickling():
    pair = frames_and_flow("zoom", (40, 56))[:2]
    estimator = FlowEstimator(OpticalFlow("dis"))
    expected = estimator(*pair)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(estimator))(*pair), expected)


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_the_smallest_frames_have_flow_and_smaller_ones_say_so(method):
    motion = (np.eye(2), (0.75, -0.5))
    previous, following, truth = frames_and_flow(motion, (SMALLEST_SIDE, SMALLEST_SIDE))
    assert end_point_error(estimate(method, previous, following), truth, border=4) < 0.3

    short = (slice(0, SMALLEST_SIDE - 1), slice(None))
    with pytest.raises(FlowError, match=rf"15x16 pixels are too small .* by '{method}'.* 16 on"):
        estimate(method, previous[short], following[short])
    # Equal ones too: whether a video can be described does not hang on its motion.
    with pytest.raises(FlowError, match="too small"):
        estimate(method, previous[short], previous[short])


@pytest.mark.parametrize("method", ["dis", lambda previous, following: None])
def test_frames_of_two_sizes_are_refused(method):
    with pytest.raises(FlowError, match="differ in size: 24x32 and 24x30 pixels"):
        estimate(method, BLACK, BLACK[:, :30])


@pytest.mark.parametrize("frame", [BLACK[..., 0], BLACK[..., :2], BLACK.astype(np.float32)])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(FlowError, match=r"\(height, width, 3\) and type uint8"):
        estimate("dis", frame, frame)


def test_what_opencv_refuses_is_told_in_its_words(monkeypatch):
    # Nothing that passes our own check is known to be refused by OpenCV: without the check, then.
    monkeypatch.setattr("skvideo3d.flow.methods.SMALLEST_SIDE", 1)
    tiny = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
    with pytest.raises(FlowError, match=r"by 'dis' for frames of 6x6 pixels: .*dis_flow"):
        estimate("dis", tiny, tiny[::-1])


def red_difference(previous, following):
    change = following[..., 0].astype(np.float64) - previous[..., 0]
    return np.stack([change, -change / 2], axis=-1)


def test_a_callable_gets_both_frames_in_colour_and_in_order():
    previous, following, _ = frames_and_flow("zoom", (40, 56))
    flow = estimate(red_difference, previous, following)
    expected = np.subtract(following[..., 0], previous[..., 0], dtype=np.float32)
    np.testing.assert_array_equal(flow, np.stack([expected, -expected / 2], axis=-1))
    assert flow.dtype == np.float32


def test_a_callable_may_return_any_float_and_tensors():
    import torch

    values = np.arange(24 * 32 * 2).reshape(24, 32, 2) / 8
    tensor = torch.tensor(values, requires_grad=True)
    for returned in (
        values,
        values.astype(np.float16),
        np.asfortranarray(values),
        tensor,
        tensor.bfloat16(),
        tensor.half().permute(2, 0, 1).permute(1, 2, 0),
    ):
        flow = estimate(lambda previous, following, flow=returned: flow, BLACK, BLACK)
        np.testing.assert_allclose(flow, values, rtol=2**-8)
        assert type(flow) is np.ndarray
        assert flow.flags.c_contiguous


def test_what_a_callable_does_to_its_frames_and_its_buffer_stays_with_it():
    buffer = np.zeros((24, 32, 2), np.float32)

    def scribbling(previous, following):
        previous[:] = following[:] = 7
        buffer[:] += 1
        return buffer

    frame = BLACK.copy()
    frame.flags.writeable = False
    estimator = FlowEstimator(OpticalFlow(scribbling))
    flows = [estimator(frame, frame) for _ in range(2)]
    assert [float(flow.max()) for flow in flows] == [1, 2]
    assert not frame.any()


def test_a_callable_that_is_not_thread_safe_is_called_by_one_thread_at_a_time():
    inside, overlaps = [], []

    def careful(previous, following):
        inside.append(1)
        threading.Event().wait(0.002)
        overlaps.append(len(inside))
        inside.pop()
        return np.zeros((24, 32, 2))

    # By two estimators: the turn is the process's.
    estimators = [FlowEstimator(OpticalFlow(careful)) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: estimators[number % 2](BLACK, BLACK), range(12)))
    assert overlaps == [1] * 12


def test_a_thread_safe_callable_is_called_by_several_threads_at_once():
    meeting = threading.Barrier(2, timeout=20)

    def waits_for_another(previous, following):
        meeting.wait()
        return np.zeros((24, 32, 2))

    estimator = FlowEstimator(OpticalFlow(waits_for_another, thread_safe=True))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: estimator(BLACK, BLACK), range(2)))


def test_a_callable_may_use_another_one():
    inner = FlowEstimator(OpticalFlow(red_difference))
    assert not estimate(inner, BLACK, BLACK).any()


SIZE = (24, 32)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, r"returned None for frames of 24x32 pixels, where .* = \(24, 32, 2\)"),
        (np.zeros((2, *SIZE)), r"\(2, 24, 32\).*numpy.moveaxis\(flow, 0, 2\)"),
        (np.zeros((1, *SIZE, 2)), r"\(1, 24, 32, 2\).*batch of one"),
        (np.zeros((1, 2, *SIZE)), r"\(1, 2, 24, 32\).*batch of one"),
        (np.zeros((32, 24, 2)), r"shape \(32, 24, 2\) for frames of 24x32"),
        (np.zeros((*SIZE, 3)), r"shape \(24, 32, 3\)"),
        (np.zeros((23, 32, 2)), r"shape \(23, 32, 2\)"),
        (0.0, r"shape \(\)"),
        ("flow", r"shape \(\)"),
        (np.zeros((*SIZE, 2), np.uint8), "type uint8; return flow in pixels as floating-point"),
        (np.zeros((*SIZE, 2), np.complex64), "type complex64"),
        (np.zeros((*SIZE, 2), object), "type object"),
        (np.where(np.arange(32)[:, None] < 3, np.nan, np.zeros((*SIZE, 2))), "NaN .* 72 of 768"),
        (np.full((*SIZE, 2), -np.inf), "infinite, at 768 of 768 pixels"),
        (np.full((*SIZE, 2), 1e300), "infinite, at 768 of 768 pixels"),  # in float32
        ([[1.0], [1.0, 2.0]], "failed on two frames of 24x32 pixels: ValueError"),
    ],
)
def test_what_is_no_flow_is_refused_and_the_callable_named(returned, said):
    def raft(previous, following):
        return returned

    with pytest.raises(FlowError, match=said):
        estimate(raft, BLACK, BLACK)
    with pytest.raises(FlowError, match=r"The flow callable '[\w.<>]*raft' "):
        estimate(raft, BLACK, BLACK)
    with pytest.raises(FlowError, match="The flow callable 'raft-small' "):
        estimate(raft, BLACK, BLACK, name="raft-small")


def test_what_a_callable_raises_is_the_cause():
    def failing(previous, following):
        raise RuntimeError("out of memory")

    with pytest.raises(FlowError, match=r"failed .* 24x32 pixels: RuntimeError: out") as caught:
        estimate(failing, BLACK, BLACK)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert isinstance(caught.value, SkVideo3DError)
    # The lock is free again.
    assert not estimate(red_difference, BLACK, BLACK).any()


def test_a_callable_without_a_name_is_called_by_its_type():
    with pytest.raises(FlowError, match="The flow callable 'partial' failed"):
        estimate(partial(red_difference, unknown=1), BLACK, BLACK)


def test_an_interruption_is_no_error_of_the_callable():
    def interrupted(previous, following):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        estimate(interrupted, BLACK, BLACK)


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_absent_opencv_is_named_with_what_installs_it(monkeypatch, method):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        ImportError, match=r"opencv-contrib-python-headless, pip install 'skvideo3d\[flow\]'"
    ):
        OpticalFlow(method).check()
    OpticalFlow(red_difference).check()
    assert not estimate(red_difference, BLACK, BLACK).any()


def test_an_opencv_without_tvl1_says_which_packages_to_remove(monkeypatch):
    monkeypatch.delattr(cv2, "optflow")
    with pytest.raises(ImportError, match=r"cv2.optflow.*pip uninstall opencv-python .*'dis'"):
        OpticalFlow("tvl1").check()
    OpticalFlow("dis").check()


def test_importing_the_package_brings_neither_opencv_nor_torch():
    code = (
        "import sys, skvideo3d; skvideo3d.flow.OpticalFlow(); "
        "print([name for name in ('cv2', 'torch', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
