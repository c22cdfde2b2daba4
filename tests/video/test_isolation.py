"""Real reading processes, in which real crashes and hangs happen where the decoder is called."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from miniatures import misbehaving

from skvideo3d import C3DTransformer, VideoSegment
from skvideo3d.exceptions import VideoDecodeError, VideoTimeoutError
from skvideo3d.video import processes
from skvideo3d.video.clips import ClipRecipe, ReadingCost, read_clips
from skvideo3d.video.damage import Losses
from skvideo3d.video.isolation import IsolatedReader, call_isolated
from skvideo3d.video.limits import DEFAULT_LIMITS, ReadingLimits
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sources import as_source

RECIPE = ClipRecipe(16, 8, None, "loop", Preprocessing(resize=(16, 20), crop=(12, 14)))


@pytest.fixture
def film(tmp_path, write_video, numbered_frames):
    return write_video(tmp_path / "good.mp4", numbered_frames(60))


@pytest.fixture
def called(tmp_path, film):
    """The same film under the names that a misbehaving decoder goes by."""

    def copy(name):
        return str(shutil.copy(film, tmp_path / f"{name}.mp4"))

    return copy


@pytest.fixture
def misbehaves(monkeypatch):
    processes.end_all()
    monkeypatch.setattr(processes, "_PROGRAM", misbehaving.PROGRAM)
    yield
    processes.end_all()


def read(reader, index):
    cost, losses = ReadingCost(), Losses("it")
    clips = list(reader.read(index, cost, losses))
    pixels = [np.stack([frame.pixels for frame in clip.frames]) for clip in clips]
    return pixels, cost, losses.text()


def reader_of(videos, timeout=60.0, **options):
    return IsolatedReader([as_source(v) for v in videos], RECIPE, ReadingLimits(timeout, **options))


def here(video, recipe=RECIPE):
    clips = read_clips(as_source(video), recipe, ReadingCost(), Losses("it"))
    return [np.stack([frame.pixels for frame in clip.frames]) for clip in clips]


def test_clips_are_those_read_in_this_process(film, tmp_path):
    odd = shutil.copy(film, os.path.join(os.fsencode(tmp_path), b"\xff\n'.mp4"))
    folder = tmp_path / "frames"
    folder.mkdir()
    from PIL import Image

    for n in range(5):
        Image.fromarray(np.full((20, 30, 3), n * 9, np.uint8)).save(folder / f"{n}.png")
    videos = [
        film,
        os.fsdecode(odd),
        folder,
        VideoSegment(film, 10, 40),
        VideoSegment(film, np.int64(18), np.int64(50)),
        VideoSegment(film, 0.5, None, unit="seconds"),
    ]
    reader = reader_of(videos)
    for index, video in enumerate(videos):
        clips, cost, loss = read(reader, index)
        np.testing.assert_array_equal(clips, here(video))
        assert cost.n_frames > 0
        assert loss == ""
    reader.close()


def test_a_process_is_kept_for_the_next_videos(film):
    processes.end_all()
    for _ in range(3):
        reader = reader_of([film])
        read(reader, 0)
        reader.close()
        assert len(processes._idle) == 1
    process = processes._idle[0]
    process.end()  # somebody kills it: the next video does not suffer
    process._popen.wait()
    reader = reader_of([film])
    assert len(read(reader, 0)[0]) == 6
    reader.close()


def test_a_process_in_the_middle_of_a_video_is_not_left_to_others(film):
    processes.end_all()
    reader = reader_of([film])
    clips = reader.read(0, ReadingCost(), Losses("it"))
    next(clips)
    reader.close()  # with the generator still there, as a thread that is stopped leaves it
    assert not processes._idle
    other = reader_of([film])
    np.testing.assert_array_equal(read(other, 0)[0], here(film))
    other.close()


def test_a_function_finds_another_process_where_one_ended_unseen():
    processes.end_all()
    assert call_isolated("miniatures.misbehaving:divide", 6, 3) == 2
    processes._idle[0].end()
    assert call_isolated("miniatures.misbehaving:divide", 6, 2) == 3


@pytest.mark.parametrize("max_pixels", [2**30, 2**58, sys.maxsize, 10**30])
def test_the_limit_of_pixels_can_be_raised_as_far_as_one_likes(film, max_pixels):
    reader = IsolatedReader(
        [as_source(film)], replace(RECIPE, max_pixels=max_pixels), ReadingLimits(60.0, max_pixels)
    )
    np.testing.assert_array_equal(read(reader, 0)[0], here(film))
    reader.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"is": "clip"},
        {"is": "clip", "places": [0] * 16, "new": [1], "start_frame": 0, "start_time": 0.0},
        {"is": "clip", "places": [1] * 16, "new": [], "start_frame": 0, "start_time": 0.0},
        {"is": "clip", "places": [0] * 16, "new": [0] * 9, "start_frame": 0, "start_time": 0.0},
        {"is": "clip", "places": 7, "new": [], "start_frame": 0, "start_time": 0.0},
        {"is": "read", "cost": {"x": 1}, "loss": ""},
        {"is": "failure", "kind": "__all__", "text": [1]},
        {"is": "anything"},
        [],
    ],
)
def test_answers_that_make_no_sense_are_the_videos_error(film, monkeypatch, answer):
    # What a decoder that wrote into the wrong memory may make of its process.
    program = f"""
import sys; sys.path[:] = sys.argv[1:]
import json
from skvideo3d.video.messages import Channel
channel = Channel(0, 1)
channel.send({{"is": "ready"}})
channel.receive(), channel.receive()
channel.send({answer!r})
channel.receive()
"""
    processes.end_all()
    monkeypatch.setattr(processes, "_PROGRAM", program)
    reader = reader_of([film])
    with pytest.raises(VideoDecodeError):
        read(reader, 0)
    reader.close()
    processes.end_all()


def test_paths_may_be_bytes_to_their_system(film, small_c3d):
    with os.scandir(os.fsencode(os.path.dirname(film))) as entries:
        rows = C3DTransformer(weights=small_c3d).fit_transform(list(entries))
    assert np.isfinite(rows).all()


def test_errors_come_back_as_they_were(tmp_path, film):
    gone = tmp_path / "gone.mp4"
    shutil.copy(film, gone)
    reader = reader_of([gone, film])
    gone.unlink()
    with pytest.raises(VideoDecodeError, match=r"gone\.mp4' does not exist") as caught:
        read(reader, 0)
    assert isinstance(caught.value, FileNotFoundError)
    assert len(read(reader, 1)[0]) == 6  # by the same process
    reader.close()


@pytest.mark.usefixtures("misbehaves")
@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("hangs", VideoTimeoutError, "was given up after 1 seconds of reading; raise timeout="),
        ("crashes", VideoDecodeError, r"crashed the decoder.*\(SIGSEGV\)"),
        ("exits", VideoDecodeError, r"crashed the decoder.*\(exit status 3\)"),
        ("allocates", VideoDecodeError, "needs more memory than reading a video may take"),
        ("raises", VideoDecodeError, "ZeroDivisionError: nobody foresaw this"),
    ],
)
def test_what_a_decoder_does_is_the_videos_error_and_nobody_elses(
    film, called, name, kind, message
):
    reader = reader_of([called(name), film], timeout=1.0 if name == "hangs" else 60.0)
    with pytest.raises(kind, match=rf"{name}\.mp4' {message}|{name}\.mp4'.*{message}"):
        read(reader, 0)
    assert len(read(reader, 1)[0]) == 6
    reader.close()


@pytest.mark.usefixtures("misbehaves")
def test_a_crash_that_an_earlier_file_prepared_is_not_this_ones(film, called):
    reader = reader_of([film, called("second")])
    read(reader, 0)
    clips, _, _ = read(reader, 1)  # crashed after two clips, and was read by a fresh process
    np.testing.assert_array_equal(clips, here(film))
    reader.close()


@pytest.mark.usefixtures("misbehaves")
def test_a_transformer_survives_all_of_it(film, called, small_c3d):
    videos = [film, called("hangs"), called("crashes"), film, called("allocates"), film]
    c3d = C3DTransformer(weights=small_c3d, on_error="nan", timeout=2.0)
    with pytest.warns(UserWarning, match="3 of 6 videos could not be described"):
        rows = c3d.fit_transform(videos)
    assert [i for i, _, _ in c3d.failures_] == [1, 2, 4]
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, True, False, True, False]
    np.testing.assert_array_equal(rows[[3, 5]], rows[[0, 0]])
    with pytest.raises(VideoTimeoutError, match=r"Item 1 of X: .*hangs\.mp4"):
        c3d.set_params(on_error="raise").transform(videos)


@pytest.mark.usefixtures("misbehaves")
def test_waits_for_the_caller_are_not_the_readers_time(film, called):
    reader = reader_of([called("crawls")], timeout=2.0)
    clips = reader.read(0, ReadingCost(), Losses("it"))
    for _ in range(6):
        next(clips)
        time.sleep(0.6)  # 3.6 s in all; the reader itself needs half a second
    assert next(clips, None) is None
    reader.close()


@pytest.mark.usefixtures("misbehaves")
def test_a_reading_can_be_ended_from_another_thread(called):
    reader = reader_of([called("hangs")], timeout=None)
    threading.Timer(0.5, reader.abort).start()
    with pytest.raises(VideoDecodeError):
        read(reader, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal is Linux's")
@pytest.mark.usefixtures("misbehaves")
def test_a_decoder_that_hangs_with_the_gil_ends_with_the_process_it_works_for(called):
    script = f"""
import os, sys, threading
from skvideo3d.video import isolation, processes
processes._PROGRAM = {misbehaving.PROGRAM!r}
from skvideo3d.video.clips import *
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import DEFAULT_LIMITS
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.sources import as_source
recipe = ClipRecipe(16, 8, None, "loop", Preprocessing(resize=(16, 20), crop=(12, 14)))
reader = isolation.IsolatedReader([as_source({called("hangs")!r})], recipe, DEFAULT_LIMITS)
clips = reader.read(0, ReadingCost(), Losses("it"))
next(clips)  # the second clip needs frame 20
print(reader._process._popen.pid, flush=True)
next(clips)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, text=True
    )
    child = int(parent.stdout.readline())
    time.sleep(0.3)
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(child)
    parent.stdout.close()


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"  # one that nobody waited for runs no more


def test_a_function_can_be_called_where_it_does_no_harm():
    assert call_isolated("miniatures.misbehaving:divide", 6, 3) == 2
    with pytest.raises(VideoDecodeError, match="ZeroDivisionError"):
        call_isolated("miniatures.misbehaving:divide", 6, 0)
    with pytest.raises(VideoDecodeError, match=r"'crashes'.*was ended \(SIGSEGV\)"):
        call_isolated("miniatures.misbehaving:misbehave", "crashes")
    with pytest.raises(VideoDecodeError, match=r"'hangs'.*it took too long"):
        call_isolated("miniatures.misbehaving:misbehave", "hangs", limits=ReadingLimits(0.5))
    assert call_isolated("miniatures.misbehaving:divide", 6, 2) == 3


def test_where_isolation_is_off_files_are_read_here(film, small_c3d, monkeypatch):
    c3d = C3DTransformer(weights=small_c3d).fit([film])
    expected = c3d.transform([film])
    processes.end_all()
    monkeypatch.setenv("SKVIDEO3D_ISOLATION", "off")
    np.testing.assert_array_equal(c3d.transform([film]), expected)
    assert not processes._idle


def test_a_python_that_does_not_start_is_named(film, monkeypatch):
    processes.end_all()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match=r"'/bin/false' \(exit status 1\).*SKVIDEO3D_ISOLATION"):
        read(reader_of([film]), 0)


def test_frames_larger_than_the_limit_are_refused(film, tmp_path, write_video):
    reader = reader_of([film], max_pixels=DEFAULT_LIMITS.max_pixels)
    assert read(reader, 0)
    reader.close()
    small = ClipRecipe(16, 8, None, "loop", RECIPE.preprocessing, max_pixels=64 * 96 - 1)
    with pytest.raises(VideoDecodeError, match=r"good\.mp4' has frames of .* raise max_pixels"):
        here(film, small)


def test_a_process_that_is_not_needed_ends_and_the_next_video_gets_another(film, monkeypatch):
    program = (
        "import sys; sys.path[:] = sys.argv[1:]\n"
        "from skvideo3d.video import isolated\nisolated._IDLE = 0.2; isolated.main()"
    )
    processes.end_all()
    monkeypatch.setattr(processes, "_PROGRAM", program)
    for _ in range(2):
        reader = reader_of([film])
        assert len(read(reader, 0)[0]) == 6
        reader.close()
        assert processes._idle[0]._popen.wait(30) == 0
    processes.end_all()


@pytest.mark.realdata
@pytest.mark.parametrize("folder", ["ucf101", "hmdb51", "kinetics", "kth", "ps7", "odd", "frames"])
def test_nothing_is_said_against_good_files(realdata, folder):
    # With FFmpeg's log heard, which a reading process listens to.
    videos = [
        p for p in sorted((realdata / folder).rglob("*.*")) if p.suffix not in (".jpg", ".txt")
    ]
    if folder == "frames":
        videos = sorted({p.parent for p in (realdata / folder).rglob("*.jpg")})
    videos = [video for video in videos if video.name != "result.webm"]  # empty
    assert videos
    reader = reader_of(videos)
    losses = [read(reader, index)[2] for index in range(len(videos))]
    reader.close()
    assert losses == [""] * len(videos)
