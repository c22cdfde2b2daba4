import tarfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from skvideo3d.exceptions import SkVideo3DError, VideoDecodeError, VideoNotFoundError
from skvideo3d.video import VideoSegment
from skvideo3d.video.damage import EndsEarlyError
from skvideo3d.video.pyav_reading import Decoding
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


def decord_frames(path):
    decord = pytest.importorskip("decord")
    reader = decord.VideoReader(str(path), num_threads=1)
    return [reader.next().asnumpy() for _ in range(len(reader))]


@pytest.fixture
def decoded(monkeypatch):
    """Counts the pictures that are decoded."""
    counts = []
    pictures = Decoding.pictures

    def counting(self):
        for picture in pictures(self):
            counts.append(1)
            yield picture

    monkeypatch.setattr(Decoding, "pictures", counting)
    return counts


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


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("mp4", "libx264", {"g": "20", "bf": "3"}),
        ("mkv", "libx264", {"g": "20", "bf": "3", "x264-params": "open-gop=1"}),
        ("mp4", "libx264", {"g": "20", "x264-params": "intra-refresh=1"}),
        ("mp4", "libx265", {"x265-params": "keyint=20:open-gop=1:log-level=none"}),
        ("webm", "libvpx-vp9", {"g": "20"}),
        ("webm", "libvpx", {"g": "20"}),
    ],
)
def test_a_frame_is_the_same_wherever_reading_begins(tmp_path, write_video, suffix, codec, options):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (130, 8, 12, 3), dtype=np.uint8)
    film = coarse.repeat(8, axis=1).repeat(8, axis=2)
    path = write_video(tmp_path / f"film.{suffix}", film, codec=codec, options=options)
    whole = list(read_file(path))
    assert len(whole) == 130
    for first in (51, 79, 80, 81, 99, 100, 110, 119, 120, 129):
        part = list(read_file(path, first))
        assert [frame.number for frame in part] == list(range(first, 130))
        for frame, expected in zip(part, whole[first:], strict=True):
            np.testing.assert_array_equal(frame.pixels, expected.pixels)
            assert (frame.time, frame.end) == pytest.approx((expected.time, expected.end))


def test_a_beginning_that_is_left_out_is_not_decoded(
    tmp_path, write_video, numbered_frames, decoded
):
    path = write_video(tmp_path / "long.mp4", numbered_frames(200), options={"g": "25"})
    assert next(iter(read_file(path, 160))).number == 160
    assert len(decoded) < 40
    decoded.clear()
    assert next(iter(read_file(path, since=6.0))).number == 150
    assert len(decoded) < 40


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_video_is_turned_upright_as_opencv_does(tmp_path, write_video, rotation):
    # A bright upper left corner in the stored picture shows which way it was turned.
    picture = np.zeros((64, 96, 3), dtype=np.uint8)
    picture[:20, :30] = 255
    path = write_video(tmp_path / "turned.mp4", [picture] * 5, rotation=rotation)
    expected = opencv_frames(path)[0]
    assert expected.shape == ((64, 96, 3) if rotation == 180 else (96, 64, 3))
    np.testing.assert_array_equal(next(iter(read_file(path))).pixels, expected)


def test_variable_rates_keep_their_times(tmp_path, write_video, numbered_frames):
    times = [0, 0.04, 0.08, 0.5, 0.511, 0.9]
    path = write_video(tmp_path / "uneven.mkv", numbered_frames(6), times=times)
    np.testing.assert_allclose([f.time for f in read_file(path)], times, atol=1e-9)
    np.testing.assert_allclose([f.time for f in read_file(path, since=0.6)], times[4:], atol=1e-9)


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


def test_a_file_cut_off_in_the_middle_gives_what_is_left_and_says_so(
    tmp_path, write_video, numbered_frames
):
    whole = write_video(tmp_path / "whole.avi", numbered_frames(60), codec="mpeg4")
    cut = tmp_path / "cut.avi"
    content = Path(whole).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    frames = []
    with pytest.raises(EndsEarlyError, match=r"cut\.avi' ends after \d+ of the 60") as caught:
        frames.extend(read_file(str(cut)))
    left = int(str(caught.value).split("after ")[1].split()[0])
    assert 0 < left < 54
    assert len(list(as_source(VideoSegment(cut, 0, left)).frames())) == left


def test_frames_after_a_packet_that_cannot_be_decoded_carry_the_damage(tmp_path, write_video):
    still = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    film = [np.roll(still, n, axis=1) for n in range(60)]  # one scene, so that only the 20th is key
    options = {"g": "20", "bf": "0", "sc_threshold": "0"}
    path = Path(write_video(tmp_path / "film.mp4", film, options=options))
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        place, size = packets[30].pos, packets[30].size
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    frames = list(read_file(str(path)))
    assert len(frames) >= 59
    damaged = [frame.number for frame in frames if frame.damage]
    # From there to before the next key frame.
    assert damaged
    assert min(damaged) in (29, 30)
    assert max(damaged) in (38, 39)


def test_segments_of_an_avi_with_a_hole_say_that_their_numbers_are_off(tmp_path, write_video):
    film = np.random.default_rng(0).integers(0, 256, (90, 64, 96, 3), dtype=np.uint8)
    path = Path(write_video(tmp_path / "hole.avi", film, codec="mpeg4", options={"g": "5"}))
    good = as_source(VideoSegment(path, 0, 20))
    assert not any(frame.damage for frame in good.frames())
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    path.write_bytes(content)
    for start, stop in ((0, 20), (40, 56)):
        for unit, scale in (("frames", 1), ("seconds", 1 / 25)):
            source = as_source(VideoSegment(path, start * scale, stop * scale, unit=unit))
            first = next(iter(source.frames()))
            assert "frames of the file are missing, so that its number may be off" in first.damage


def test_joined_recordings_keep_their_clock_going(tmp_path, write_video, numbered_frames):
    one = write_video(tmp_path / "one.ts", numbered_frames(50))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(Path(one).read_bytes() * 2)
    times = [frame.time for frame in read_file(str(joined))]
    assert len(times) == 100
    np.testing.assert_allclose(times, np.arange(100) / 25, atol=0.05)
    assert len(list(resample(read_file(str(joined)), 25))) == pytest.approx(100, abs=2)


def test_reading_may_begin_at_a_time(film):
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
def test_real_frames_are_the_same_wherever_reading_begins(realdata, pattern):
    paths = sorted(realdata.glob(pattern))
    assert paths
    for path in paths:
        if path.name == "result.webm":  # empty
            continue
        whole = [(f.pixels.shape, hash(f.pixels.tobytes()), f.time) for f in read_file(str(path))]
        for first in {51, len(whole) // 2, len(whole) - 1} & set(range(len(whole))):
            part = list(read_file(str(path), first))
            assert [f.number for f in part] == list(range(first, len(whole)))
            for frame, (shape, content, time) in zip(part, whole[first:], strict=True):
                assert (frame.pixels.shape, hash(frame.pixels.tobytes())) == (shape, content)
                assert frame.time == pytest.approx(time)


@pytest.mark.realdata
@pytest.mark.parametrize("pattern", ["kinetics/*.mp4", "odd/testsrc-hevc.mp4"])
def test_real_frames_are_decords(realdata, pattern):
    for path in sorted(realdata.glob(pattern)):
        frames = [frame.pixels for frame in read_file(str(path))]
        np.testing.assert_array_equal(frames, decord_frames(path))


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
