import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skvideo3d.exceptions import VideoDecodeError, VideoNotFoundError
from skvideo3d.video import VideoSegment
from skvideo3d.video.sources import as_source


@pytest.fixture
def film(tmp_path, write_video, numbered_frames):
    return write_video(tmp_path / "film.mp4", numbered_frames(50))


@pytest.fixture
def array():
    return np.random.default_rng(0).integers(0, 256, (12, 8, 10, 3), dtype=np.uint8)


def numbers(video):
    return [frame.number for frame in as_source(video).frames()]


def test_arrays_and_tensors_are_their_frames(array):
    torch = pytest.importorskip("torch")
    for video in (array, torch.from_numpy(array)):
        frames = list(as_source(video).frames())
        np.testing.assert_array_equal([frame.pixels for frame in frames], array)
        assert np.isnan([frame.time for frame in frames]).all()


def test_folders_are_read_in_natural_order_as_opencv_reads_images(tmp_path):
    rng = np.random.default_rng(0)
    # What Unicode calls a digit is no number to int().
    names = [
        "img_1.png",
        "img_2.jpg",
        "img_10.JPG",
        "img_100.jpeg",
        "img_100\N{SUPERSCRIPT TWO}7.jpg",
    ]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(
            tmp_path / name, format="PNG" if name.endswith("png") else "JPEG"
        )
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / "._img_3.jpg").write_text("what some systems leave behind")
    frames = [frame.pixels for frame in as_source(tmp_path).frames()]
    expected = [cv2.imread(str(tmp_path / name))[..., ::-1] for name in names]
    np.testing.assert_array_equal(frames, expected)


def test_grey_images_have_three_equal_channels(tmp_path):
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(tmp_path / "1.png")
    (frame,) = as_source(tmp_path).frames()
    np.testing.assert_array_equal(
        frame.pixels, np.repeat(np.arange(12).reshape(3, 4, 1), 3, axis=-1)
    )


def test_images_of_16_bits_are_refused_rather_than_clipped(tmp_path):
    Image.fromarray(np.full((3, 4), 40000, dtype=np.uint16)).save(tmp_path / "1.png")
    with pytest.raises(VideoDecodeError, match=r"1\.png.*8 bits"):
        list(as_source(tmp_path).frames())


def test_a_damaged_image_is_named(tmp_path):
    (tmp_path / "7.jpg").write_bytes(b"\xff\xd8 broken")
    with pytest.raises(VideoDecodeError, match=r"7\.jpg.*cannot be read as an image"):
        list(as_source(tmp_path).frames())


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no frame")
    with pytest.raises(VideoDecodeError, match=r"no \.jpg or \.png images \(1 other"):
        as_source(tmp_path).identity()


@pytest.mark.realdata
def test_real_frame_folders_have_the_frames_they_list(realdata):
    for line in (realdata / "frames" / "annotations.txt").read_text().splitlines():
        name, first, last, _ = line.split()
        assert numbers(realdata / "frames" / name) == list(range(int(last) - int(first) + 1))


def test_segments_count_frames_like_slices(film, array):
    assert numbers(VideoSegment(film, 10, 15)) == [10, 11, 12, 13, 14]
    assert numbers(VideoSegment(film, 47)) == [47, 48, 49]
    assert numbers(VideoSegment(film, 0, 50)) == list(range(50))
    assert numbers(VideoSegment(array, 3, 5)) == [3, 4]


def test_segments_in_seconds_hold_what_is_shown_meanwhile(film):
    # 25 frames a second: frame k is shown from k/25 until (k+1)/25.
    assert numbers(VideoSegment(film, 0.4, 0.6, unit="seconds")) == [10, 11, 12, 13, 14]
    assert numbers(VideoSegment(film, 0.41, 0.45, unit="seconds")) == [10, 11]
    assert numbers(VideoSegment(film, 1.9, unit="seconds")) == [47, 48, 49]
    # A second's length in an annotation is rarely a whole number of frames.
    assert numbers(VideoSegment(film, 1.9, 2.03, unit="seconds")) == [47, 48, 49]


@pytest.mark.parametrize(
    "segment",
    [(50, 60, "frames"), (40, 51, "frames"), (2.5, 3.0, "seconds"), (1.0, 3.0, "seconds")],
)
def test_segments_beyond_the_end_are_refused(film, segment):
    start, stop, unit = segment
    with pytest.raises(VideoDecodeError, match=r"outside its video.*film\.mp4"):
        numbers(VideoSegment(film, start, stop, unit))


def test_seconds_need_a_clock(array):
    with pytest.raises(VideoDecodeError, match=r"no time stamps.*unit='frames'"):
        numbers(VideoSegment(array, 0, 1, "seconds"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 5), "must be greater than start"),
        ((-1, 5), "at least 0"),
        ((0.5, 5), "no frame numbers"),
        ((0, float("nan"), "seconds"), "finite"),
        ((0, float("nan")), "finite"),
        ((0, float("inf")), "finite"),
        ((None, 5), "finite"),
        (("zero", 5), "finite"),
        ((0, 5, "minutes"), "'frames' or 'seconds'"),
    ],
)
def test_segments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        VideoSegment("a.mp4", *arguments)


def test_segments_of_arrays_can_be_put_in_sets(array):
    segment = VideoSegment(array, 0, 5)
    assert segment in {segment}
    assert segment != VideoSegment(array, 0, 6)


def test_segments_of_segments_are_refused():
    with pytest.raises(ValueError, match="cut the original"):
        VideoSegment(VideoSegment("a.mp4", 0, 5), 0, 2)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (np.zeros((5, 8, 8, 4), np.uint8), r"drop alpha with video\[\.\.\., :3\]"),
        (np.zeros((5, 8, 8, 1), np.uint8), "np.repeat"),
        (np.zeros((5, 3, 8, 8), np.uint8), "Channels come last"),
        (np.zeros((5, 8, 8), np.uint8), "grey video"),
        (np.zeros((0, 8, 8, 3), np.uint8), "is empty"),
        (np.zeros((5, 8, 8, 3), np.float32), r"\(video \* 255\)"),
        (np.full((5, 8, 8, 3), -1.5), "run from -1.5 to -1.5, outside 0 to 255"),
        (np.full((5, 8, 8, 3), np.nan), "NaN"),
        (np.full((5, 8, 8, 3), 300), "outside 0 to 255"),
    ],
)
def test_arrays_that_are_no_videos_are_refused_with_what_to_do(video, message):
    with pytest.raises(VideoDecodeError, match=message):
        as_source(video)


def test_things_that_are_no_videos_are_refused():
    with pytest.raises(TypeError, match=r"type int \(5\): give a path"):
        as_source(5)


@pytest.mark.parametrize("video", [None, float("nan"), pd.NA, "", np.float64("nan")])
def test_missing_paths_are_refused_and_never_the_current_folder(tmp_path, monkeypatch, video):
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "1.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoDecodeError, match="path may have been left out"):
        as_source(video)


def test_the_identity_of_a_file_is_its_path_size_and_time(tmp_path, film):
    import os
    import shutil

    before = as_source(film).identity()
    assert as_source(film).identity() == before
    other = tmp_path / "other.mp4"
    shutil.copy2(film, other)
    assert as_source(other).identity() != before
    status = os.stat(film)
    os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert as_source(film).identity() != before


def test_relative_and_absolute_paths_are_the_same_video(tmp_path, film, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_source("film.mp4").identity() == as_source(film).identity()


def test_the_identity_of_an_array_is_its_content(array):
    assert as_source(array.copy()).identity() == as_source(array).identity()
    changed = array.copy()
    changed[3, 2, 1, 0] ^= 1
    assert as_source(changed).identity() != as_source(array).identity()
    # The same bytes in another shape are another video.
    assert as_source(array.reshape(6, 16, 10, 3)).identity() != as_source(array).identity()


def test_the_identity_of_a_folder_changes_with_its_images(tmp_path):
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "1.png")
    before = as_source(tmp_path).identity()
    (tmp_path / "notes.txt").write_text("no frame")
    assert as_source(tmp_path).identity() == before
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "2.png")
    assert as_source(tmp_path).identity() != before


def test_segments_have_identities_of_their_own(film):
    identities = {
        as_source(video).identity()
        for video in (
            film,
            VideoSegment(film, 0, 5),
            VideoSegment(film, 0, 6),
            VideoSegment(film, 0, 5, "seconds"),
            VideoSegment(film, 0),
        )
    }
    assert len(identities) == 5


def test_a_missing_file_has_no_identity(tmp_path):
    with pytest.raises(VideoNotFoundError, match=r"gone\.mp4"):
        as_source(tmp_path / "gone.mp4").identity()
