"""Clips of flow against OpenCV called plainly, pair by pair, and what may go wrong on the way."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hostile.zoo.damage import DAMAGE
from miniatures.plain_flow import (
    Difference,
    difference,
    dis,
    moving,
    name_of,
    plain_resize,
    tvl1,
    windows,
)
from miniatures.plain_flow import plain_crop as crop
from miniatures.plain_flow import plain_flow as flow_between
from PIL import Image

from skvideo3d import VideoSegment
from skvideo3d.exceptions import FlowError, VideoDecodeError, VideoTimeoutError
from skvideo3d.flow import OpticalFlow, stream
from skvideo3d.flow.reading import FlowReader
from skvideo3d.video import Preprocessing, clips
from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.reading import make_reader
from skvideo3d.video.sources import as_source

TEXT = {"capture_output": True, "text": True, "timeout": 300}

# 48 x 64 frames become 40 x 53, of which the centre is cut.
SIZES = Preprocessing(resize=40, crop=(32, 36))


def plain_crop(values, size=SIZES.crop):
    return crop(values, size)


def plain_flow(frames, estimate, shorter=SIZES.resize):
    return flow_between(frames, estimate, shorter)


def recipe_of(clip_len=6, clip_stride=6, fps=None, short_video="loop", sizes=SIZES):
    return ClipRecipe(clip_len, clip_stride, fps, short_video, sizes)


def reader_of(
    videos, flow, *, with_frames=False, n_threads=2, folder=None, limits=None, **settings
):
    return FlowReader(
        [as_source(video) for video in videos],
        recipe_of(**settings),
        OpticalFlow.from_any(flow),
        limits or ReadingLimits(),
        with_frames=with_frames,
        n_threads=n_threads,
        folder=folder,
    )


def read(video, flow, **settings):
    reader = reader_of([video], flow, **settings)
    try:
        return list(reader.read(0, ReadingCost(), Losses("it")))
    finally:
        reader.close()


def flows_of(clips):
    return [np.stack(clip.flow) for clip in clips]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def as_folder(path, frames):
    path.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(path / f"{number}.png")
    return str(path)


# --- what a clip's flow is -------------------------------------------------------------------


def kinds(tmp_path, write_video):
    """The same 25 frames a second in all that a video can be, and which frames each has."""
    frames = moving(20)
    film = write_video(tmp_path / "film.mp4", list(frames))
    decoded = [frame.pixels for frame in as_source(film).frames()]
    assert len(decoded) == 20
    return {
        "file": (film, decoded),
        "folder": (as_folder(tmp_path / "folder", frames), list(frames)),
        "array": (frames, list(frames)),
        "frames of a file": (VideoSegment(film, 3, 17), decoded[3:17]),
        "seconds of a file": (VideoSegment(film, 0.2, 0.6, unit="seconds"), decoded[5:15]),
        "frames of an array": (VideoSegment(frames, 3, None), list(frames[3:])),
    }


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize(("clip_len", "clip_stride"), [(6, 6), (6, 4), (4, 7), (1, 1)])
def test_flow_is_opencvs_of_neighbours_whatever_the_video_is(
    tmp_path, write_video, n_threads, clip_len, clip_stride
):
    for kind, (video, frames) in kinds(tmp_path, write_video).items():
        clips = read(video, "dis", clip_len=clip_len, clip_stride=clip_stride, n_threads=n_threads)
        expected = plain_crop(plain_flow(frames, dis))
        assert expected.std() > 0.01, kind
        assert_same(flows_of(clips), windows(expected, clip_len, clip_stride))
        assert not any(clip.frames for clip in clips)


@pytest.mark.parametrize("with_frames", [False, True])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_large_frames_that_do_not_wait_for_their_clip_give_the_same(
    monkeypatch, n_threads, with_frames
):
    video = moving(20)
    for settings in (
        {"clip_stride": 4},
        {"clip_len": 4, "clip_stride": 7},
        {"clip_len": 1, "clip_stride": 1},
        {"clip_len": 33},
        {"clip_len": 33, "short_video": "repeat_last"},
    ):
        read_so = partial(read, video, "dis", with_frames=with_frames, n_threads=n_threads)
        expected = read_so(**settings)
        with monkeypatch.context() as patch:
            patch.setattr(stream, "_MAX_WAITING_BYTES", 0)
            patch.setattr(clips, "_MAX_WAITING_BYTES", 0)
            found = read_so(**settings)
        assert_same(flows_of(found), flows_of(expected))
        for clip, other in zip(found, expected, strict=True):
            pixels = [frame.pixels for frame in other.frames]
            np.testing.assert_array_equal([frame.pixels for frame in clip.frames], pixels)


@pytest.mark.parametrize("is_kept", [False, True])
def test_segments_of_a_file_that_is_read_in_one_pass_are_those_read_alone(
    tmp_path, write_video, is_kept
):
    film = write_video(tmp_path / "film.mp4", list(moving(40)))
    bounds = [(0, 12), (6, 20), (8, 40), (30, None), (0, 40)]
    segments = [VideoSegment(film, *each) for each in bounds]
    expected = [flows_of(read(segment, difference)) for segment in segments]
    fails = RuntimeError("in the second")
    flow = OpticalFlow(failing_at(12 + 5, fails), keep=is_kept, name="of this test")
    reader = reader_of(segments, flow, folder=tmp_path / "flow")
    errors = []
    for index, flows in enumerate(expected):
        if index == 1:
            with pytest.raises(FlowError, match=r"\[6, 20\) frames.* in the second") as raised:
                list(reader.read(index, ReadingCost(), Losses("it")))
            errors.append(raised.value)
        else:
            found = list(reader.read(index, ReadingCost(), Losses("it")))
            assert_same(flows_of(found), flows)
    reader.close()


def test_flow_is_opencvs_tvl1():
    video = moving(5, size=(20, 24))
    sizes = Preprocessing(resize=18, crop=(16, 16))
    found = read(video, "tvl1", clip_len=5, sizes=sizes)
    assert_same(flows_of(found), [plain_crop(plain_flow(video, tvl1, 18), (16, 16))])


@pytest.mark.realdata
@pytest.mark.slow
def test_flow_of_a_real_clip_is_opencvs_at_full_size(realdata):
    path = realdata / "ucf101/v_ApplyEyeMakeup_g01_c01.avi"
    video = VideoSegment(str(path), 20, 23)
    sizes = Preprocessing(resize=256, crop=(224, 224))
    found = read(video, "tvl1", clip_len=3, sizes=sizes)
    frames = [frame.pixels for frame in as_source(video).frames()]
    assert_same(flows_of(found), [plain_crop(plain_flow(frames, tvl1, 256), (224, 224))])


@pytest.mark.parametrize("with_frames", [False, True])
@pytest.mark.parametrize("settings", [{}, {"clip_stride": 2}, {"clip_len": 30}, {"fps": 10.0}])
def test_clips_are_those_of_a_reader_of_frames(tmp_path, write_video, settings, with_frames):
    film = write_video(tmp_path / "film.mp4", list(moving(20)))
    reader = make_reader([as_source(film)], recipe_of(**settings), ReadingLimits())
    expected = list(reader.read(0, ReadingCost(), Losses("it")))
    reader.close()
    found = read(film, difference, with_frames=with_frames, **settings)
    assert [clip.start_frame for clip in found] == [clip.start_frame for clip in expected]
    assert [clip.start_time for clip in found] == [clip.start_time for clip in expected]
    for clip, other in zip(found, expected, strict=True):
        assert len(clip.flow) == len(other.frames)
        if with_frames:
            pixels = [frame.pixels for frame in clip.frames]
            np.testing.assert_array_equal(pixels, [frame.pixels for frame in other.frames])
            assert [frame.place for frame in clip.frames] == [f.place for f in other.frames]
        else:
            assert not clip.frames


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_last_frame_has_the_flow_of_the_one_before_also_in_short_videos(
    tmp_path, write_video, kind
):
    frames = moving(4)
    folder = as_folder(tmp_path / "f", frames)
    video = folder if kind == "folder" else write_video(tmp_path / "v.mp4", list(frames))
    decoded = [frame.pixels for frame in as_source(video).frames()]
    flow = plain_crop(plain_flow(decoded, difference))
    for short_video, places in {
        "loop": [0, 1, 2, 3, 0, 1, 2, 3, 0],
        "repeat_last": [0, 1, 2, 3, 3, 3, 3, 3, 3],
    }.items():
        found = read(video, difference, clip_len=9, short_video=short_video, with_frames=True)
        assert_same(flows_of(found), [flow[places]])
        pixels = plain_crop(np.stack(plain_resize(decoded, 40)))[places]
        np.testing.assert_array_equal([frame.pixels for frame in found[0].frames], pixels)
    np.testing.assert_array_equal(flow[3], flow[2])


def test_repeated_frames_of_a_resampled_video_do_not_move(tmp_path, write_video):
    film = write_video(tmp_path / "film.mp4", list(moving(10)), rate=10)
    decoded = [frame.pixels for frame in as_source(film).frames()]
    twice = [frame for frame in decoded for _ in range(2)]
    (clip,) = flows_of(read(film, "dis", clip_len=20, fps=20))
    np.testing.assert_array_equal(clip, plain_crop(plain_flow(twice, dis)))
    assert not clip[0:19:2].any()
    assert clip[1:19:2].any(axis=(1, 2, 3)).all()


def test_dropped_frames_of_a_resampled_video_are_passed_over(tmp_path, write_video):
    film = write_video(tmp_path / "film.mp4", list(moving(20)), rate=20)
    decoded = [frame.pixels for frame in as_source(film).frames()]
    (clip,) = flows_of(read(film, difference, clip_len=9, fps=10))
    # Slot k is 0.1 k s; of the frames 2 k and 2 k - 1 (a half, upwards) on it the last is shown.
    np.testing.assert_array_equal(clip, plain_crop(plain_flow(decoded[0::2], difference))[:9])


@pytest.mark.parametrize("precision", ["float16", "uint8"])
def test_coarser_precisions_are_of_the_same_flow(precision):
    video = moving(6)
    (exact,) = flows_of(read(video, "dis"))
    (found,) = flows_of(read(video, OpticalFlow("dis", precision=precision)))
    if precision == "float16":
        pixels = (exact * np.float32(20)).astype(np.float16).astype(np.float32)
        np.testing.assert_allclose(found, pixels / 20, rtol=2e-3, atol=1e-5)
        assert (found != exact).any()
    else:
        steps = np.rint((exact.astype(np.float64) + 1) / 2 * 255)
        np.testing.assert_allclose(found, steps / 255 * 2 - 1, rtol=0, atol=1e-6)


def test_a_bound_clips_and_scales():
    video = moving(6)
    (found,) = flows_of(read(video, OpticalFlow(difference, bound=2.0)))
    raw = np.stack([difference(a, b) for a, b in pairwise(plain_resize(video, 40))])
    assert np.abs(raw).max() > 2
    np.testing.assert_array_equal(found[:5], plain_crop(np.clip(raw, -2, 2) / 2).astype(np.float32))


# --- flow that is given ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("part", ["whole frames", "their centre"])
def test_the_same_flow_from_an_array_gives_the_same_clips(tmp_path, write_video, dtype, part):
    film = write_video(tmp_path / "film.mp4", list(moving(14)))
    resized = plain_resize([frame.pixels for frame in as_source(film).frames()], 40)
    flow = np.stack([dis(a, b) for a, b in pairwise(resized)])
    flow = np.concatenate([flow, flow[-1:]]).astype(dtype)
    given = flow if part == "whole frames" else plain_crop(flow)
    expected = read(film, "dis", clip_stride=4)
    found = read(given, "dis", clip_stride=4)
    assert_same(flows_of(found), flows_of(expected))
    assert [clip.start_frame for clip in found] == [clip.start_frame for clip in expected]
    segment = read(VideoSegment(given, 4, 10), "dis", clip_stride=4)
    assert_same(flows_of(segment), flows_of(expected)[1:2])


def test_given_flow_is_clipped_however_large_it_is():
    flow = np.zeros((6, 32, 36, 2))
    flow[0, 0, 0] = 1e300, -21
    (found,) = flows_of(read(flow, "dis"))
    assert found[0, 0, 0].tolist() == [1, -1]


@pytest.mark.parametrize("size", [(48, 64), (40, 39), (32, 35), (31, 36)])
def test_flow_of_frames_of_another_size_is_refused_with_the_right_one(size):
    with pytest.raises(
        FlowError, match=rf"{size[0]}x{size[1]} pixels.*resized to 40 at the.*32x36"
    ):
        read(np.zeros((6, *size, 2), np.float32), "dis")


def test_flow_for_a_fixed_size_says_which():
    sizes = Preprocessing(resize=(40, 50), crop=(32, 36))
    with pytest.raises(FlowError, match="resized to 40x50, or give their centre of 32x36"):
        read(np.zeros((6, 40, 53, 2), np.float32), "dis", sizes=sizes)


def test_flow_cannot_stand_for_frames():
    with pytest.raises(FlowError, match=r"array of shape \(6, 32, 36, 2\).* the frames are needed"):
        read(np.zeros((6, 32, 36, 2), np.float32), "dis", with_frames=True)


# --- how much is computed, and by whom -------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "pairs"),
    [
        ({"clip_len": 6, "clip_stride": 6}, range(24)),  # 26 frames: what follows 24 is no clip
        ({"clip_len": 6, "clip_stride": 2}, range(26 - 1)),  # the last frame has no pair
        ({"clip_len": 4, "clip_stride": 10}, [*range(4), *range(10, 14), *range(20, 24)]),
        ({"clip_len": 1, "clip_stride": 25}, [0, 24]),  # the last one's is that before it
    ],
)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_each_pair_that_a_clip_needs_is_computed_once_and_no_other(settings, pairs, n_threads):
    video, counted = moving(26), Difference()
    resized = [name_of(frame) for frame in plain_resize(video, 40)]
    assert len(set(resized)) == 26
    read(video, OpticalFlow(counted, thread_safe=True), n_threads=n_threads, **settings)
    assert sorted(counted.pairs) == sorted((resized[t], resized[t + 1]) for t in pairs)


@pytest.mark.parametrize("is_safe", [False, True])
def test_a_callable_runs_in_several_threads_only_if_it_says_so(is_safe):
    counted = Difference(seconds=0.005)
    flow = OpticalFlow(counted, thread_safe=is_safe)
    readers = [reader_of([moving(24, seed=seed)], flow, n_threads=3) for seed in range(2)]

    def all_of(reader):
        return list(reader.read(0, ReadingCost(), Losses("it")))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(all_of, readers))
    for reader in readers:
        reader.close()
    assert counted.n_calls == 2 * 23
    assert (counted.most_at_once > 1) == is_safe


def test_waiting_for_ones_turn_is_no_time_of_flow():
    cost, reader = ReadingCost(), reader_of([moving(24)], Difference(seconds=0.004), n_threads=4)
    began = time.perf_counter()
    list(reader.read(0, cost, Losses("it")))
    reader.close()
    assert 23 * 0.004 <= cost.flow <= time.perf_counter() - began


def test_what_was_computed_is_counted():
    cost, reader = ReadingCost(), reader_of([moving(13)], Difference(seconds=0.002))
    list(reader.read(0, cost, Losses("it")))
    reader.close()
    assert (cost.n_frames, cost.n_pairs) == (13, 12)
    assert cost.flow >= 12 * 0.002
    assert cost.reading > 0
    assert cost.preprocessing > 0


def test_threads_end_with_the_reader():
    reader = reader_of([moving(13)], difference)
    list(reader.read(0, ReadingCost(), Losses("it")))
    assert any(thread.name.startswith("skvideo3d-flow") for thread in threading.enumerate())
    reader.close()
    assert not any(thread.name.startswith("skvideo3d-flow") for thread in threading.enumerate())


def test_a_reader_that_is_aborted_waits_for_one_pair_and_no_more(tmp_path, write_video):
    film = write_video(tmp_path / "film.mp4", list(moving(60)))
    begun, counted = threading.Event(), []

    def slow(previous, following):
        counted.append(1)
        begun.set()
        time.sleep(0.05)
        return difference(previous, following)

    reader = reader_of([film], slow, clip_len=30, n_threads=2)
    failed = []

    def read_on():
        try:
            list(reader.read(0, ReadingCost(), Losses("it")))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=read_on)
    thread.start()
    assert begun.wait(60)
    reader.abort()
    thread.join(60)
    reader.close()
    assert not thread.is_alive()
    assert failed
    assert len(counted) < 30
    assert not any(thread.name.startswith("skvideo3d-flow") for thread in threading.enumerate())


# --- what goes wrong -----------------------------------------------------------------------


def failing_at(n, what):
    """A callable whose call number n, from 1 on, fails, and no other."""
    calls = []

    def flow(previous, following):
        calls.append(1)
        if len(calls) == n:
            raise what
        return difference(previous, following)

    return flow


@pytest.mark.parametrize("keep", [False, True])
def test_a_video_that_fails_in_the_middle_leaves_the_next_ones_alone(tmp_path, write_video, keep):
    films = [
        write_video(tmp_path / f"{seed}.mp4", list(moving(40, seed=seed))) for seed in range(3)
    ]
    expected = [flows_of(read(film, difference)) for film in films]
    flow = OpticalFlow(failing_at(4, RuntimeError("no more")), keep=keep, name="of this test")
    reader = reader_of(films, flow, folder=tmp_path / "flow")
    errors = []  # whose tracebacks keep alive what they passed
    try:
        with pytest.raises(FlowError, match=r"0\.mp4': .*RuntimeError: no more") as raised:
            list(reader.read(0, ReadingCost(), Losses("it")))
        errors.append(raised.value)
        for index in (1, 2, 0):
            found = list(reader.read(index, ReadingCost(), Losses("it")))
            assert_same(flows_of(found), expected[index])
    finally:
        reader.close()


def test_one_frame_has_no_flow_and_the_video_is_named(tmp_path, write_video):
    film = write_video(tmp_path / "one.mp4", list(moving(1)))
    with pytest.raises(FlowError, match=r"one\.mp4': it has one frame.* stream='rgb'"):
        read(film, difference)


@pytest.mark.parametrize("keep", [False, True])
def test_one_frame_that_is_left_of_a_damaged_video_is_told_as_damage(tmp_path, keep):
    specimen = next(each for each in DAMAGE if each.name == "cut_to_10%_of_mkv-libx264")
    film = str(specimen.make(tmp_path))
    flow = OpticalFlow(difference, keep=keep, name="difference")
    said = r"^'.*cut\.mkv' breaks off after 1 frames .* One frame is left, .*copy it again\.$"
    with pytest.raises(VideoDecodeError, match=said):
        read(film, flow, folder=tmp_path / "flow")


def test_two_frames_are_enough():
    video = moving(2)
    flow = plain_crop(plain_flow(video, difference))
    assert_same(flows_of(read(video, difference, clip_len=3)), [flow[[0, 1, 0]]])


def test_no_frames_at_all_are_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoDecodeError, match=r"empty.* no \.jpg or \.png"):
        read(str(tmp_path / "empty"), difference)


def test_a_short_video_can_be_refused():
    with pytest.raises(VideoDecodeError, match=r"array of shape.* has 5 frames, fewer than"):
        read(moving(5), difference, short_video="error")


def test_arrays_have_no_time_to_be_resampled_by():
    with pytest.raises(VideoDecodeError, match="no time stamps, so fps=10 cannot"):
        read(moving(8), difference, fps=10.0)


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_frames_too_small_for_the_method_name_the_video_and_the_size(method):
    sizes = Preprocessing(resize=12, crop=(8, 8))
    with pytest.raises(FlowError, match=r"array of shape.*12x16 pixels are too small .*needs 16"):
        read(moving(6), method, sizes=sizes)


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        (lambda a, b: np.zeros((2, *a.shape[:2])), "shape .2, 40, 53. for frames of 40x53"),
        (lambda a, b: np.full((*a.shape[:2], 2), np.nan), "NaN or infinite, at 2120 of 2120"),
        (lambda a, b: np.zeros((*a.shape[:2], 2), int), "type int64"),
        (lambda a, b: None, "returned None"),
        (failing_at(1, ZeroDivisionError("by nought")), "ZeroDivisionError: by nought"),
    ],
)
def test_what_a_callable_does_wrong_is_told_with_the_video(flow, said):
    with pytest.raises(FlowError, match=rf"'array of shape \(9, 48, 64, 3\)': .*{said}"):
        read(moving(9), flow)


def changing_size(tmp_path):
    folder = as_folder(tmp_path / "changing", moving(10))
    for number, frame in enumerate(moving(10, size=(48, 50)), start=10):
        Image.fromarray(frame).save(f"{folder}/{number}.png")
    return folder


@pytest.mark.parametrize("method", ["dis", difference])
def test_a_video_whose_frames_change_their_shape_is_refused_where_they_do(tmp_path, method):
    video = changing_size(tmp_path)
    with pytest.raises(FlowError, match=r"changing': .*differ in size: 40x53 and 40x41"):
        read(video, method)
    read(VideoSegment(video, 10, 20), method)
    # A fixed size makes them one.
    read(video, method, sizes=Preprocessing(resize=(40, 50), crop=(32, 36)))


def test_time_spent_on_flow_is_no_time_of_reading(tmp_path, write_video):
    film = write_video(tmp_path / "film.mp4", list(moving(6)))
    flow = Difference(seconds=0.4)
    began = time.monotonic()
    (clip,) = read(film, flow, limits=ReadingLimits(timeout=1.5))
    assert flow.n_calls == 5
    assert time.monotonic() - began > 1.5
    assert len(clip.flow) == 6


@pytest.mark.skipif(os.name != "posix", reason="files are read in this process")
def test_a_reading_that_takes_too_long_is_given_up(tmp_path):
    pipe = tmp_path / "endless.mp4"
    os.mkfifo(pipe)
    with pytest.raises((VideoTimeoutError, VideoDecodeError), match=r"endless\.mp4"):
        read(str(pipe), difference, limits=ReadingLimits(timeout=0.5))


# --- any length ----------------------------------------------------------------------------

PROGRAM = r"""
import re, sys
from pathlib import Path

import numpy as np

from skvideo3d.flow import OpticalFlow, stream
from skvideo3d.flow.reading import FlowReader
from skvideo3d.video import Preprocessing
from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.sources import as_source

folder, keep, with_frames, *films = sys.argv[1:]

def difference(previous, following):
    return (following.astype(np.float32) - previous)[..., :2]

flow = OpticalFlow(difference, keep=bool(keep), name="difference")
recipe = ClipRecipe(16, 16, None, "loop", Preprocessing(resize=96, crop=(96, 96)))
sources = [as_source(film) for film in films]
reader = FlowReader(
    sources, recipe, flow, ReadingLimits(), with_frames=bool(with_frames), n_threads=2,
    folder=Path(folder),
)
for film in range(len(films)):
    for _ in range(2):
        n_clips = sum(1 for clip in reader.read(film, ReadingCost(), Losses("it")))
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(n_clips, int(peak[1]) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the peak in /proc")
@pytest.mark.parametrize(("keep", "with_frames"), [("", "yes"), ("yes", "")])
def test_a_video_four_times_as_long_takes_no_more_memory(tmp_path, write_video, keep, with_frames):
    pictures = list(moving(6, size=(96, 128)))
    films = [
        write_video(
            tmp_path / f"{n_frames}.avi",
            pictures * (n_frames // 6),
            codec="mpeg4",
            options={"g": "12"},
        )
        for n_frames in (300, 1200)
    ]
    words = [str(tmp_path / "flow"), keep, with_frames, *films]
    output = subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, **TEXT).stdout
    (n_short, peak_of_short), (n_long, peak) = (
        map(int, line.split()) for line in output.splitlines()
    )
    assert (n_short, n_long) == (300 // 16, 1200 // 16)
    # The flow of all frames is 29 and 118 MB.
    assert peak - peak_of_short < 16 * 2**20
