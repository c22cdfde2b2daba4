"""A video is decoded once and its frames come back bit for bit, or what is wrong is said."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings

import cv2
import numpy as np
import pytest

from skvideo3d.exceptions import VideoDecodeError, VideoNotFoundError
from skvideo3d.flow import compute_flow
from skvideo3d.training.clip_sampling import ClipSampling
from skvideo3d.training.frame_store import FrameStore
from skvideo3d.video.claims import Claims
from skvideo3d.video.sources import VideoSegment, as_source

SIZE = (18, 24)
VIDEO_BYTES = 20 * 18 * 24 * 3  # of frames of a video of `videos`; a file has some 200 more


@pytest.fixture
def videos():
    """Four sources of 20 frames of noise."""
    rng = np.random.default_rng(0)
    return [as_source(rng.integers(0, 256, (20, 36, 48, 3), dtype=np.uint8)) for _ in range(4)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "främes 流"


def open_store(folder, **options):
    return FrameStore(folder, **{"resize": SIZE, **options})


def resized(source, size=SIZE):
    """What the frames of a source should be, by OpenCV."""
    frames = [frame.pixels for frame in source.frames()]
    return np.stack([cv2.resize(frame, size[::-1]) for frame in frames])


def kept_files(folder):
    return sorted((folder / "frames").rglob("*.npy"))


def bytes_on_disk(folder):
    return sum(
        file.stat().st_size for file in folder.rglob("*") if file.suffix in {".npy", ".part"}
    )


def in_a_process(folder, script, **variables):
    """A Python that begins with a store in the folder and the same videos as `videos`."""
    beginning = f"""
import numpy as np
from skvideo3d.training.frame_store import FrameStore
from skvideo3d.video.sources import as_source
rng = np.random.default_rng(0)
videos = [as_source(rng.integers(0, 256, (20, 36, 48, 3), dtype=np.uint8)) for _ in range(4)]
store = FrameStore({str(folder)!r}, resize={SIZE})
"""
    return subprocess.Popen([sys.executable, "-c", beginning + script], stdout=subprocess.PIPE)


# --- What comes back ------------------------------------------------------------------------------


def test_frames_are_those_of_opencv_whole_and_read_only(folder, videos):
    with open_store(folder) as store:
        kept = store.fill(videos)
        for video, source in zip(kept, videos, strict=True):
            frames = store.frames(video)
            np.testing.assert_array_equal(frames, resized(source))
            assert not frames.flags.writeable
            assert not frames.flags.owndata  # it is a map of a file
            assert (video.n_frames, video.size, video.loss, video.error) == (20, SIZE, "", None)


def test_a_file_is_read_where_it_can_do_no_harm_and_keeps_its_rate(
    folder, write_video, numbered_frames, tmp_path
):
    path = write_video(tmp_path / "a.mp4", numbered_frames(30), rate=30)
    with open_store(folder) as store:
        [kept] = store.fill([as_source(path)])
        np.testing.assert_array_equal(store.frames(kept), resized(as_source(path)))
        assert kept.fps == pytest.approx(30)
    with open_store(folder) as again:
        assert again.fill([as_source(path)])[0].fps == pytest.approx(30)


def test_resampled_frames_are_every_other_of_twice_the_rate(
    folder, write_video, numbered_frames, tmp_path
):
    source = as_source(write_video(tmp_path / "a.mp4", numbered_frames(30), rate=30))
    with open_store(folder, fps=15) as store:
        np.testing.assert_array_equal(store.frames(source), resized(source)[::2])


def test_resampling_frames_without_a_clock_is_refused(folder, videos):
    with open_store(folder, fps=15) as store, pytest.raises(VideoDecodeError, match="time stamps"):
        store.fill(videos)


def test_a_shorter_side_keeps_the_aspect_ratio(folder, videos):
    with open_store(folder, resize=18) as store:
        np.testing.assert_array_equal(store.frames(videos[0]), resized(videos[0]))
    tall = as_source(np.zeros((3, 60, 30, 3), np.uint8))
    with open_store(folder, resize=18) as store:
        assert store.frames(tall).shape == (3, 36, 18, 3)


def test_segments_and_folders_are_videos(folder, videos, tmp_path):
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    for number, frame in enumerate(videos[0].values):
        Image.fromarray(frame).save(images / f"{number}.png")
    segment = as_source(VideoSegment(str(images), 5, 9))
    with open_store(folder) as store:
        whole, part = store.fill([as_source(str(images)), segment])
        np.testing.assert_array_equal(store.frames(whole), resized(videos[0]))
        np.testing.assert_array_equal(store.frames(part), resized(videos[0])[5:9])


def test_numpy_alone_reads_a_file(folder, videos):
    with open_store(folder) as store:
        store.fill(videos[:1])
    [file] = kept_files(folder)
    found = np.load(file, mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(found, resized(videos[0]))


# --- Decoded once ---------------------------------------------------------------------------------


def test_a_video_is_decoded_once_for_all_stores_of_a_folder(folder, videos):
    with open_store(folder) as store:
        store.fill([*videos, videos[0]])
        for source in videos:
            store.frames(source)
        assert store.statistics.n_decoded == 4
        assert store.statistics.n_kept == 4
        assert store.statistics.n_bytes == bytes_on_disk(folder)
    with open_store(folder) as again:
        again.fill(videos)
        again.frames(videos[2])
        assert again.statistics.n_decoded == 0


def test_a_frame_asked_for_before_filling_is_kept(folder, videos):
    with open_store(folder) as store:
        store.frames(videos[0])
        store.fill(videos)
        assert store.statistics.n_decoded == 4


@pytest.mark.parametrize("changes", [{"resize": (18, 25)}, {"resize": 18}, {"fps": 15}])
def test_other_settings_have_other_frames(folder, changes, write_video, numbered_frames, tmp_path):
    source = as_source(write_video(tmp_path / "a.mp4", numbered_frames(20)))
    with open_store(folder) as store, open_store(folder, **changes) as other:
        store.fill([source])
        other.fill([source])
        assert other.statistics.n_decoded == 1


def test_a_file_that_was_written_anew_is_another_video(
    folder, write_video, numbered_frames, tmp_path
):
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    with open_store(folder) as store:
        [before] = store.fill([as_source(path)])
        write_video(path, numbered_frames(22))
        [after] = store.fill([as_source(path)])
        assert (before.n_frames, after.n_frames) == (20, 22)
        assert len(store.frames(before)) == 20  # what training began with, as long as it is kept


def test_workers_fill_as_one_does(folder, write_video, numbered_frames, tmp_path):
    paths = [write_video(tmp_path / f"{n}.mp4", numbered_frames(20 + n)) for n in range(3)]
    with open_store(folder) as store:
        seen = []
        kept = store.fill([as_source(path) for path in paths], n_jobs=2, on_video=seen.append)
        assert [video.n_frames for video in kept] == [20, 21, 22]
        assert [video.source.name for video in kept] == paths
        assert seen == kept
        assert store.statistics.n_decoded == 3


def test_a_copy_for_another_process_has_the_same_frames_and_decodes_nothing(folder, videos):
    with open_store(folder) as store:
        [kept, *_] = store.fill(videos)
        copy = pickle.loads(pickle.dumps(store))
        np.testing.assert_array_equal(copy.frames(kept), store.frames(kept))
        copy.close()
        assert store.frames(kept).shape == (20, *SIZE, 3)


def test_more_videos_than_maps_are_held_are_all_read(folder, monkeypatch, videos):
    monkeypatch.setattr("skvideo3d.training.frame_store._MAX_MAPS", 2)
    with open_store(folder) as store:
        kept = store.fill(videos)
        for number in (0, 1, 2, 3, 0, 2, 1):
            np.testing.assert_array_equal(store.frames(kept[number]), resized(videos[number]))
        assert store.statistics.n_decoded == 4


# --- A temporary folder ---------------------------------------------------------------------------


def test_a_temporary_folder_goes_with_its_store(videos):
    with FrameStore(None, resize=SIZE) as store:
        store.fill(videos)
        assert len(kept_files(store.folder)) == 4
    assert not store.folder.exists()
    with pytest.raises(ValueError, match="closed"):
        store.fill(videos)
    with pytest.raises(ValueError, match="closed"):
        store.frames(videos[0])


def test_a_store_that_nobody_has_any_more_removes_its_temporary_folder(videos):
    store = FrameStore(None, resize=SIZE)
    store.fill(videos)
    folder, copy = store.folder, pickle.loads(pickle.dumps(store))
    del copy
    assert folder.exists()
    del store
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_does_not_remove_the_temporary_folder(videos):
    store = FrameStore(None, resize=SIZE)
    store.fill(videos)
    with warnings.catch_warnings(action="ignore"):  # Python's, of threads that are not copied
        child = os.fork()
    if child == 0:
        store.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert len(kept_files(store.folder)) == 4


# --- Videos that fail -----------------------------------------------------------------------------


def test_an_unreadable_video_in_the_middle_stops_the_filling_and_is_named(folder, videos, tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video at all" * 100)
    sources = [videos[0], as_source(path), videos[1]]
    with open_store(folder) as store, pytest.raises(VideoDecodeError) as caught:
        store.fill(sources)
    assert "Item 1 of X" in str(caught.value)
    assert "broken.mp4" in str(caught.value)
    assert "on_error='nan'" in str(caught.value)


def test_an_unreadable_video_in_the_middle_is_left_out_when_that_is_wished(
    folder, videos, tmp_path
):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video at all" * 100)
    gone = as_source(tmp_path / "gone.mp4")
    with open_store(folder) as store:
        kept = store.fill([videos[0], as_source(path), gone, videos[1]], on_error="nan")
        kinds = [type(video.error) for video in kept]
        assert kinds == [type(None), VideoDecodeError, VideoNotFoundError, type(None)]
        assert (kept[1].n_frames, kept[1].is_kept) == (0, False)
        assert store.statistics[:3] == (2, bytes_on_disk(folder), 0)
        with pytest.raises(VideoDecodeError, match=r"broken\.mp4"):
            store.frames(kept[1])


def test_optical_flow_is_refused(folder, videos):
    flow = as_source(compute_flow(videos[0].values[:3], "dis", resize=32))
    with open_store(folder) as store, pytest.raises(VideoDecodeError, match="optical flow"):
        store.fill([flow])


def test_what_is_lost_of_a_damaged_video_is_told_again_from_the_store(folder, videos, tmp_path):
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    for number, frame in enumerate(videos[0].values):
        Image.fromarray(frame).save(images / f"{number:02d}.png")
    (images / "07.png").write_bytes(b"no image")
    source = as_source(str(images))
    with open_store(folder) as store:
        [first] = store.fill([source])
        [again] = store.fill([source])
        assert first.n_frames == again.n_frames == 19
        assert first.loss == again.loss
        assert "07.png" in first.loss
        # Too little is left for a clip of 20: refused, as the transformers refuse it.
        [short] = store.fill([source], sampling=ClipSampling(20), on_error="nan")
        assert "07.png" in str(short.error)


@pytest.mark.parametrize("short_video", ["loop", "repeat_last", "error"])
def test_short_videos_fail_only_where_they_are_errors(folder, videos, short_video):
    sampling = ClipSampling(21, short_video=short_video)
    with open_store(folder) as store:
        [kept] = store.fill(videos[:1], sampling=sampling, on_error="nan")
    assert (kept.error is not None) == (short_video == "error")


def test_frames_of_several_shapes_are_no_array(folder, tmp_path):
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    for number, size in enumerate([(40, 30), (40, 30), (60, 30)]):
        Image.new("RGB", size).save(images / f"{number}.png")
    source = as_source(str(images))
    with open_store(folder, resize=15) as store:
        [kept] = store.fill([source], on_error="nan")
        assert "several aspect ratios" in str(kept.error)
    assert bytes_on_disk(folder) == 0
    with open_store(folder) as store:
        assert store.frames(source).shape == (3, *SIZE, 3)


def test_a_video_that_changes_during_training_is_noticed(
    folder, write_video, numbered_frames, tmp_path
):
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    with open_store(folder, max_bytes=0) as store:
        with pytest.warns(UserWarning, match="max_bytes"):
            [kept] = store.fill([as_source(path)])
        write_video(path, numbered_frames(17))
        with pytest.raises(VideoDecodeError, match="20 frames and has 17"):
            store.frames(kept)


# --- The bound ------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_what_does_not_fit_is_decoded_again_and_said(folder, videos, room):
    max_bytes = room * (VIDEO_BYTES + 300)
    with open_store(folder, max_bytes=max_bytes) as store:
        with pytest.warns(UserWarning, match=rf"{4 - room} of 4 videos do not fit") as told:
            kept = store.fill(videos)
        assert len(told) == 1
        assert f"{(4 - room) * VIDEO_BYTES} bytes more" in str(told[0].message)
        assert [video.is_kept for video in kept] == [True] * room + [False] * (4 - room)
        assert bytes_on_disk(folder) <= max_bytes
        for video, source in zip(kept, videos, strict=True):
            np.testing.assert_array_equal(store.frames(video), resized(source))
        assert store.statistics == (room, bytes_on_disk(folder), 4 - room, 4 + (4 - room))
        assert bytes_on_disk(folder) <= max_bytes


def test_the_last_videos_without_room_stay_in_memory(folder, monkeypatch, videos):
    monkeypatch.setattr("skvideo3d.training.frame_store._MEMORY_BYTES", 2 * VIDEO_BYTES)
    with open_store(folder, max_bytes=0) as store:
        with pytest.warns(UserWarning, match="max_bytes"):
            kept = store.fill(videos)
        decodings = []
        for number in (0, 1, 0, 1, 2, 1, 0):
            before = store.statistics.n_decoded
            store.frames(kept[number])
            decodings.append(store.statistics.n_decoded - before)
    #                    0  1  0  1  2 (0 goes), 1, 0
    assert decodings == [1, 1, 0, 0, 1, 0, 1]


def test_a_long_video_is_written_in_pieces_and_given_up_when_there_is_no_more_room(
    folder, monkeypatch, videos
):
    monkeypatch.setattr("skvideo3d.training.frame_files._PIECE", 3 * 18 * 24 * 3)
    with open_store(folder, max_bytes=int(1.5 * VIDEO_BYTES)) as store:
        with pytest.warns(UserWarning, match="3 of 4 videos do not fit"):
            kept = store.fill(videos)
        np.testing.assert_array_equal(store.frames(kept[0]), resized(videos[0]))
        assert bytes_on_disk(folder) == store.statistics.n_bytes <= 1.5 * VIDEO_BYTES
        assert not list((folder / "parts").iterdir())


def test_the_room_of_a_video_that_was_given_up_is_free_again(folder, monkeypatch, videos):
    monkeypatch.setattr("skvideo3d.training.frame_files._PIECE", 3 * 18 * 24 * 3)
    long = as_source(np.concatenate([videos[0].values, videos[1].values]))
    with open_store(folder, max_bytes=int(1.2 * VIDEO_BYTES)) as store:
        with pytest.warns(UserWarning, match="1 of 2 videos do not fit"):
            kept = store.fill([long, videos[2]])
        assert [video.is_kept for video in kept] == [False, True]


def test_room_that_another_process_has_taken_is_taken(folder, videos):
    with open_store(folder) as store:
        store.fill(videos[:2])
    store = open_store(folder, max_bytes=3 * (VIDEO_BYTES + 300))
    with pytest.warns(UserWarning, match="1 of 4 videos"):
        store.fill(videos)


def test_without_a_bound_it_is_half_of_what_is_free(tmp_path, videos):
    with open_store(tmp_path / "new") as store:
        assert store.max_bytes == pytest.approx(shutil.disk_usage(tmp_path).free / 2, rel=0.2)


def test_a_folder_that_cannot_be_written_to_is_told_once_and_everything_works(tmp_path, videos):
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "parts").write_text("no folder")
    with open_store(blocked) as store:
        with pytest.warns(UserWarning, match="cannot be written to") as told:
            kept = store.fill(videos)
        assert len(told) == 1
        np.testing.assert_array_equal(store.frames(kept[3]), resized(videos[3]))


# --- Damage, several processes, kills -------------------------------------------------------------


def cut(file):
    os.truncate(file, file.stat().st_size - 1000)


def empty(file):
    os.truncate(file, 0)


def lengthen(file):
    with open(file, "ab") as opened:
        opened.write(b"more")


def put_another_shape(file):
    np.save(file, np.zeros((20, *SIZE[::-1], 3), np.uint8))


def put_other_numbers(file):
    np.save(file, np.zeros((20, *SIZE, 3), np.float32))


def lie_about_the_shape(file):
    content = file.read_bytes()
    file.write_bytes(content.replace(b"(20, 18, 24, 3)", b"(20, 24, 18, 3)", 1))


@pytest.mark.parametrize(
    "damage", [cut, empty, lengthen, put_another_shape, put_other_numbers, lie_about_the_shape]
)
def test_damage_is_noticed_and_the_video_decoded_anew(folder, videos, damage):
    with open_store(folder) as store:
        store.fill(videos[:1])
    [file] = kept_files(folder)
    damage(file)
    with open_store(folder) as store:
        with pytest.warns(UserWarning, match="damaged"):
            np.testing.assert_array_equal(store.frames(videos[0]), resized(videos[0]))
        assert store.statistics.n_decoded == 1
        store.fill(videos[:1])
        assert store.statistics.n_decoded == 1


def test_the_frames_of_another_video_are_not_taken_for_this_ones(folder, videos):
    with open_store(folder) as store:
        store.fill(videos[:2])
    first, second = kept_files(folder)
    os.replace(first, second)
    store = open_store(folder)
    with pytest.warns(UserWarning, match="damaged"):
        kept = store.fill(videos[:2])
    for video, source in zip(kept, videos, strict=False):
        np.testing.assert_array_equal(store.frames(video), resized(source))


def test_two_processes_share_the_work_of_one_folder(folder, videos):
    script = """
store.fill(videos)
import json
print(json.dumps([store.statistics.n_decoded, store.frames(videos[3]).sum().item()]))
"""
    processes = [in_a_process(folder, script) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(n_decoded for n_decoded, _ in answers) == 4
    assert {total for _, total in answers} == {int(resized(videos[3]).sum(dtype=np.int64))}
    with open_store(folder) as store:
        store.fill(videos)
        assert store.statistics == (4, bytes_on_disk(folder), 0, 0)


def test_what_another_process_finishes_at_the_last_moment_is_not_decoded_again(
    folder, videos, monkeypatch, tmp_path
):
    with open_store(tmp_path / "other") as other:
        other.fill(videos[:1])
    take = Claims.take

    def finish_elsewhere_and_take(self, digest):
        shutil.copytree(tmp_path / "other" / "frames", folder / "frames", dirs_exist_ok=True)
        return take(self, digest)

    monkeypatch.setattr(Claims, "take", finish_elsewhere_and_take)
    with open_store(folder) as store:
        store.fill(videos[:1])
        assert store.statistics.n_decoded == 0


def test_a_process_killed_while_filling_leaves_nothing_broken(folder, videos, monkeypatch):
    script = """
class Endless:
    name, has_clock, source = "endless", False, None
    def identity(self): return ("endless",)
    def frames(self, first=0, since=0.0, max_pixels=0):
        while True:
            yield from videos[0].frames()
from skvideo3d.training import frame_files
frame_files._PIECE = 2**16
store.fill([videos[0], Endless()])
"""
    process = in_a_process(folder, script)
    try:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > 2**16 for part in folder.glob("parts/*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    [part] = folder.glob("parts/*.part")
    assert len(kept_files(folder)) == 1
    with open_store(folder) as store, warnings.catch_warnings(action="error"):
        kept = store.fill(videos)
        assert store.statistics.n_decoded == 3  # the killed process had finished one
        for video, source in zip(kept, videos, strict=True):
            np.testing.assert_array_equal(store.frames(video), resized(source))
        assert store.statistics.n_bytes == bytes_on_disk(folder)  # what is left counts as well
    os.utime(part, (0, 0))
    with open_store(folder) as store:
        store.frames(as_source(np.zeros((2, 8, 8, 3), np.uint8)))
    assert not part.exists()


# --- Arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize": 0}, "resize=0"),
        ({"resize": (18,)}, "resize="),
        ({"fps": 0}, "fps=0"),
        ({"fps": float("inf")}, "fps=inf"),
        ({"max_bytes": -1}, "max_bytes=-1"),
        ({"max_bytes": float("nan")}, "max_bytes=nan"),
    ],
)
def test_what_has_no_meaning_is_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        open_store(folder, **options)
    assert not folder.exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match="is no folder"):
        open_store(tmp_path / "a")


def test_another_word_for_on_error_is_refused(folder, videos):
    with open_store(folder) as store, pytest.raises(ValueError, match="on_error='skip'"):
        store.fill(videos, on_error="skip")
