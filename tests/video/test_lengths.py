import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skvideo3d.exceptions import SkVideo3DError
from skvideo3d.video import VideoSegment, clip_starts
from skvideo3d.video.lengths import clip_count, frame_count
from skvideo3d.video.sources import as_source

_LENGTHS = st.integers(min_value=1, max_value=200)


@pytest.fixture(params=[("film.mp4", "libx264"), ("film.avi", "mpeg4"), ("film.mkv", "libx264")])
def film(request, tmp_path, write_video, numbered_frames):
    name, codec = request.param
    return write_video(tmp_path / name, numbered_frames(50), rate=25, codec=codec)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    path.mkdir()
    for number in range(7):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path / f"{number}.png")
    (path / "notes.txt").write_text("no frame")
    (path / "._0.png").write_text("what some systems leave behind")
    return path


def test_files_announce_their_frames(film):
    assert frame_count(film) == sum(1 for _ in as_source(film).frames()) == 50


def test_files_are_counted_after_resampling(film):
    # 2 seconds.
    assert [frame_count(film, fps) for fps in (10, 25, 60.0, 0.1)] == [20, 50, 120, 1]


def test_segments_are_counted_after_resampling(film):
    # 16 frames are 0.64 seconds.
    assert frame_count(VideoSegment(film, 10, 26), fps=50) == 32


def test_folders_are_counted_by_their_images(folder):
    assert frame_count(folder) == 7
    assert frame_count(folder, fps=10) == 7  # has no rate of its own


def test_arrays_and_tensors_are_counted_by_their_first_axis():
    torch = pytest.importorskip("torch")
    array = np.zeros((12, 4, 4, 3), np.uint8)
    assert frame_count(array) == frame_count(torch.from_numpy(array)) == 12


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((10, 26), 16),
        ((10, None), 40),
        ((60, None), 0),
        ((0.4, 0.6, "seconds"), 5),
        ((1.5, None, "seconds"), 12),
        ((3.0, None, "seconds"), 0),
    ],
)
def test_segments_are_counted_by_their_bounds(film, bounds, expected):
    # 50 frames at 25 a second; from 1.5 s on, 12.5 of them.
    assert frame_count(VideoSegment(film, *bounds)) == expected


def test_segments_of_folders_and_arrays_are_counted_by_their_bounds(folder):
    for video in (folder, np.zeros((7, 4, 4, 3), np.uint8)):
        assert frame_count(VideoSegment(video, 2)) == 5
        assert frame_count(VideoSegment(video, 2, 4)) == 2
        assert frame_count(VideoSegment(video, 0, 1, "seconds")) is None


def test_what_cannot_be_read_has_no_count(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.avi").touch()
    (tmp_path / "folder").mkdir()
    for name in ("text.mp4", "empty.avi", "folder", "missing.mp4", "nul\0.mp4"):
        assert frame_count(tmp_path / name) is None
        assert frame_count(VideoSegment(tmp_path / name, 4)) is None
        assert frame_count(VideoSegment(tmp_path / name, 0, 1, "seconds")) is None


def test_sound_alone_has_no_count(tmp_path):
    import av

    path = str(tmp_path / "sound.wav")
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    assert frame_count(path) is None


def test_a_title_in_a_legacy_encoding_does_not_hide_the_length(tmp_path):
    import av

    path = tmp_path / "titled.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Pippi in Malmoe"
        stream = container.add_stream("mpeg4", rate=25)
        stream.height = stream.width = 16
        stream.pix_fmt = "yuv420p"
        for _ in range(9):
            container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"Malmoe", "Malmö ".encode("latin-1")))
    assert frame_count(path) == 9


@pytest.mark.slow
@pytest.mark.realdata
def test_headers_of_real_files_are_right_to_a_frame(realdata):
    # DivX of HMDB51 announces a frame that is never shown; Matroska states a duration, no count.
    n_files = 0
    for path in sorted(realdata.rglob("*.*")):
        if path.suffix.lower() not in (".avi", ".mp4", ".mkv", ".webm", ".gif"):
            continue
        try:
            decoded = sum(1 for _ in as_source(path).frames())
        except SkVideo3DError:
            assert frame_count(path) is None
            continue
        n_files += 1
        announced = frame_count(path)
        if path.name == "no_duration.webm":
            assert announced is None
        else:
            assert announced is not None
            assert 0 <= announced - decoded <= 1, path
    assert n_files > 50


@given(n_frames=_LENGTHS, clip_len=_LENGTHS, clip_stride=_LENGTHS)
def test_clips_are_counted_as_they_are_cut(n_frames, clip_len, clip_stride):
    # A video shorter than a clip is looped into one.
    starts = clip_starts(max(n_frames, clip_len), clip_len, clip_stride)
    assert clip_count(n_frames, clip_len, clip_stride) == len(starts)
