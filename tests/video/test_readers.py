import sys
import tarfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError, VideoNotFoundError
from skvideo3d.video import VideoSegment, readers
from skvideo3d.video.readers import read_file
from skvideo3d.video.resampling import resample
from skvideo3d.video.sources import as_source

CLIPS = [
    "ucf101/*.avi",
    "hmdb51/*.avi",
    "kinetics/*.mp4",
    "kth/*/*d1*.avi",
    "ps7/PS7A1P1T*.avi",
    "odd/*.*",
]


def opencv_frames(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        frames.append(frame[..., ::-1])


def pyav_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "decord", None)


def levels(frames):
    return [round(float(frame.pixels.mean())) for frame in frames]


@pytest.fixture
def film(tmp_path, write_video, numbered_frames):
    return write_video(tmp_path / "film.mp4", numbered_frames(40), options={"bf": "3"})


def test_frames_come_in_order_of_display_with_their_times(film, numbered_frames):
    frames = list(read_file(film))
    np.testing.assert_allclose(levels(frames), [f.mean() for f in numbered_frames(40)], atol=2)
    assert [frame.number for frame in frames] == list(range(40))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(40) / 25, atol=1e-9)
    np.testing.assert_allclose([frame.end for frame in frames], np.arange(1, 41) / 25, atol=1e-9)


def test_reading_may_begin_anywhere(film):
    whole = [frame.pixels for frame in read_file(film)]
    for first in (0, 1, 7, 13, 39, 40, 99):
        part = list(read_file(film, first))
        assert [frame.number for frame in part] == list(range(first, 40))
        for frame, expected in zip(part, whole[first:], strict=True):
            np.testing.assert_array_equal(frame.pixels, expected)


def test_decord_reads_common_files_where_a_beginning_is_left_out(film, monkeypatch):
    decord = pytest.importorskip("decord")
    opened = []
    monkeypatch.setattr(
        decord,
        "VideoReader",
        lambda *a, _real=decord.VideoReader, **k: opened.append(a) or _real(*a, **k),
    )
    list(read_file(film))
    assert len(opened) == 0
    list(read_file(film, 1))
    list(read_file(film, since=0.5))
    assert len(opened) == 2


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_both_readers_turn_a_rotated_video_upright_as_opencv_does(
    tmp_path, write_video, monkeypatch, rotation
):
    # A bright upper left corner in the stored picture shows which way it was turned.
    picture = np.zeros((64, 96, 3), dtype=np.uint8)
    picture[:20, :30] = 255
    path = write_video(tmp_path / "turned.mp4", [picture] * 5, rotation=rotation)
    expected = opencv_frames(path)[0]
    assert expected.shape == ((64, 96, 3) if rotation == 180 else (96, 64, 3))
    for _ in range(2):
        frame = next(iter(read_file(path, 1)))
        np.testing.assert_array_equal(frame.pixels, expected)
        pyav_only(monkeypatch)


def test_variable_rates_keep_their_times_in_both_readers(
    tmp_path, write_video, numbered_frames, monkeypatch
):
    times = [0, 0.04, 0.08, 0.5, 0.511, 0.9]
    path = write_video(tmp_path / "uneven.mkv", numbered_frames(6), times=times)
    for _ in range(2):
        np.testing.assert_allclose([f.time for f in read_file(path, 1)], times[1:], atol=1e-9)
        pyav_only(monkeypatch)


def test_pyav_goes_on_where_decord_breaks_off(film, monkeypatch):
    decord = pytest.importorskip("decord")
    whole = [frame.pixels for frame in read_file(film)]

    class Failing(decord.VideoReader):
        n_read = 0

        def next(self):
            self.n_read += 1
            if self.n_read > 11:
                raise decord.DECORDError("no more")
            return super().next()

    monkeypatch.setattr(decord, "VideoReader", Failing)
    frames = list(read_file(film, 1))
    assert [frame.number for frame in frames] == list(range(1, 40))
    np.testing.assert_array_equal([frame.pixels for frame in frames], whole[1:])


def test_without_decord_pyav_reads(film, monkeypatch):
    expected = [frame.pixels for frame in read_file(film, 1)]
    pyav_only(monkeypatch)
    np.testing.assert_array_equal([frame.pixels for frame in read_file(film, 1)], expected)


def test_long_videos_are_left_to_pyav_whose_memory_does_not_grow(film, monkeypatch):
    decord = pytest.importorskip("decord")
    monkeypatch.setattr(readers, "_DECORD_MAX_FRAMES", 39)
    monkeypatch.setattr(decord, "VideoReader", None)  # not to be called
    assert len(list(read_file(film, 1))) == 39


@pytest.mark.parametrize("first", [0, 1])
def test_no_frame_is_kept_once_it_is_passed_on(film, first):
    import weakref

    references = []
    for frame in read_file(film, first):
        references.append(weakref.ref(frame.pixels))
        del frame
        assert sum(reference() is not None for reference in references) <= 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"this is no video" * 100, "cannot be opened as a video: Invalid data"),
    ],
)
def test_what_is_no_video_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoDecodeError, match=rf"broken\.mp4.*{reason}"):
        list(read_file(str(path)))


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(VideoNotFoundError, match=r"gone\.mp4.*does not exist") as caught:
        list(read_file(str(tmp_path / "gone.mp4")))
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, SkVideo3DError)


def test_a_file_cut_off_in_the_middle_is_refused_with_what_is_left(
    tmp_path, write_video, numbered_frames
):
    whole = write_video(tmp_path / "whole.avi", numbered_frames(60), codec="mpeg4")
    cut = tmp_path / "cut.avi"
    content = Path(whole).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        VideoDecodeError, match=r"cut\.avi' ends after \d+ of the 60 frames"
    ) as caught:
        list(read_file(str(cut)))
    left = int(str(caught.value).split("after ")[1].split()[0])
    assert 0 < left < 54
    assert len(list(as_source(VideoSegment(cut, 0, left)).frames())) == left


def test_interlaced_video_is_left_to_pyav(tmp_path, write_video, monkeypatch):
    decord = pytest.importorskip("decord")
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (64, 96, 3), dtype=np.uint8) for _ in range(10)]
    path = write_video(
        tmp_path / "tff.mp4", frames, options={"x264-params": "tff=1", "flags": "+ildct+ilme"}
    )
    monkeypatch.setattr(decord, "VideoReader", None)  # not to be called
    assert len(list(read_file(path, 1))) == 9


def test_joined_recordings_keep_their_clock_going(tmp_path, write_video, numbered_frames):
    one = write_video(tmp_path / "one.ts", numbered_frames(50))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(Path(one).read_bytes() * 2)
    times = [frame.time for frame in read_file(str(joined))]
    assert len(times) == 100
    np.testing.assert_allclose(times, np.arange(100) / 25, atol=0.05)
    assert len(list(resample(read_file(str(joined)), 25))) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("reader", ["decord", "pyav"])
def test_reading_may_begin_at_a_time(film, monkeypatch, reader):
    if reader == "pyav":
        pyav_only(monkeypatch)
    # Frame 20 is shown from 0.8 s until 0.84 s.
    for since, expected in ((0.8, 20), (0.82, 20), (0.841, 21), (1.59, 39), (0.0, 0)):
        assert next(iter(read_file(film, since=since))).number == expected
    assert list(read_file(film, since=99)) == []


def test_sound_without_pictures_is_refused(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(VideoDecodeError, match=r"no video stream \(it has: audio\)"):
        list(read_file(str(path)))


@pytest.mark.realdata
@pytest.mark.parametrize("pattern", CLIPS)
def test_both_readers_give_the_same_frames_of_real_files(realdata, monkeypatch, pattern):
    paths = sorted(realdata.glob(pattern))
    assert paths
    with_decord = {}
    for path in paths:
        try:
            with_decord[path] = [
                (f.pixels.shape, f.pixels.sum(), hash(f.pixels.tobytes()))
                for f in read_file(str(path), 1)
            ]
        except VideoDecodeError as error:
            with_decord[path] = str(error)
    pyav_only(monkeypatch)
    for path in paths:
        try:
            alone = [
                (f.pixels.shape, f.pixels.sum(), hash(f.pixels.tobytes()))
                for f in read_file(str(path), 1)
            ]
        except VideoDecodeError as error:
            alone = str(error)
        assert alone == with_decord[path], path.name


@pytest.mark.realdata
@pytest.mark.parametrize("pattern", ["ucf101/*.avi", "hmdb51/*.avi", "odd/fire2.mp4"])
def test_real_frames_are_opencvs(realdata, pattern):
    for path in sorted(realdata.glob(pattern)):
        expected = opencv_frames(path)
        frames = [frame.pixels for frame in read_file(str(path))]
        assert len(frames) == len(expected)
        np.testing.assert_array_equal(frames, expected)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "n_repeated"), [("v_ApplyEyeMakeup_g01_c01", 1), ("v_BaseballPitch_g01_c01", 0)]
)
def test_frames_are_those_the_c3d_authors_extracted(realdata, tmp_path, name, n_repeated):
    # Their JPEG files; where the first time stamp is not 0 their tool repeated the first frame.
    with tarfile.open(realdata / "c3d_authors" / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    theirs = [cv2.imread(str(p))[..., ::-1] for p in sorted((tmp_path / name).glob("*.jpg"))]
    ours = [frame.pixels for frame in read_file(str(realdata / "ucf101" / f"{name}.avi"))]
    assert len(theirs) == len(ours) + n_repeated
    for number, frame in enumerate(ours):
        distance = np.abs(frame.astype(int) - theirs[number + n_repeated]).mean()
        assert distance < 3, number
        if number >= 10:
            earlier = np.abs(frame.astype(int) - theirs[number + n_repeated - 10]).mean()
            assert distance < earlier


@pytest.mark.realdata
def test_every_odd_file_reads_or_says_why_not(realdata):
    n_frames = {}
    for path in sorted((realdata / "odd").iterdir()):
        try:
            n_frames[path.name] = sum(1 for _ in read_file(str(path)))
        except VideoDecodeError as error:
            n_frames[path.name] = None if path.name in str(error) else str(error)
    assert n_frames.pop("result.webm") is None  # the empty file
    # Counts as FFmpeg's own decoder gives them.
    for name, count in n_frames.items():
        with av.open(str(realdata / "odd" / name)) as container:
            assert count == sum(1 for _ in container.decode(container.streams.best("video"))), name
