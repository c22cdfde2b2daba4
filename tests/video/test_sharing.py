import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import skvideo3d.video.sources
from skvideo3d import C3DTransformer
from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.video import VideoSegment, sharing
from skvideo3d.video.damage import EndsEarlyError
from skvideo3d.video.readers import read_file
from skvideo3d.video.sharing import share_readings
from skvideo3d.video.sources import FileSource, SegmentSource, as_source

N_FRAMES = 90


@dataclass(frozen=True)
class CountedFile(FileSource):
    """A real file that notes where it is opened, what it gives, and how many of it are open."""

    def __post_init__(self):
        object.__setattr__(self, "opened", [])
        object.__setattr__(self, "given", [])
        object.__setattr__(self, "n_open", 0)

    def frames(self, first=0, since=0.0, max_pixels=None):
        self.opened.append(first)
        object.__setattr__(self, "n_open", self.n_open + 1)
        try:
            for frame in super().frames(first, since):
                self.given.append(frame.number)
                yield frame
        finally:
            object.__setattr__(self, "n_open", self.n_open - 1)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def h264(tmp_path, write_video, picture):
    # A moving picture and B-frames: frames differ, and none but the first can be had alone.
    moving = [np.roll(picture, shift, axis=1) for shift in range(N_FRAMES)]
    return write_video(tmp_path / "a.mp4", moving, options={"bf": "2"})


@pytest.fixture
def mpeg4(tmp_path, write_video, picture):
    moving = [np.roll(picture, shift, axis=1) for shift in range(N_FRAMES)]
    return write_video(tmp_path / "b.avi", moving, codec="mpeg4")


def read(source):
    """Everything that a source gives: its frames, and how it ends."""
    frames = []
    try:
        frames.extend((*frame[:3], frame.pixels.tobytes()) for frame in source.frames())
    except VideoDecodeError as error:
        return frames, str(error)
    return frames, None


def segments_of(file, bounds):
    return [SegmentSource(file, VideoSegment(file.name, *pair)) for pair in bounds]


def read_shared(sources):
    with share_readings(sources) as shared:
        return [read(source) for source in shared]


def windows(n_frames, length=16, stride=8):
    return [(start, start + length) for start in range(0, n_frames - length + 1, stride)]


bounds = st.integers(0, N_FRAMES + 10).flatmap(
    lambda start: st.tuples(
        st.just(start), st.one_of(st.none(), st.integers(start + 1, start + 40))
    )
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    chosen=st.lists(st.tuples(st.booleans(), bounds), max_size=8),
    in_order=st.booleans(),
    left_out=st.sets(st.integers(0, 7), max_size=3),
)
def test_any_segments_have_the_frames_and_endings_that_they_have_alone(
    h264, mpeg4, chosen, in_order, left_out
):
    if in_order:
        chosen = sorted(chosen, key=lambda choice: choice[1][0])
    sources = [as_source(VideoSegment(h264 if one else mpeg4, *pair)) for one, pair in chosen]
    with share_readings(sources) as shared:
        for place, source in enumerate(sources):
            if place not in left_out:  # found in the store, or with another process
                assert read(shared[place]) == read(source)


@pytest.mark.parametrize("kind", ["h264", "mpeg4"])
def test_overlapping_windows_decode_the_file_once(request, kind):
    file = CountedFile(request.getfixturevalue(kind))
    results = read_shared(segments_of(file, windows(N_FRAMES)))
    assert [[frame[0] for frame in frames] for frames, _ in results] == [
        list(range(start, stop)) for start, stop in windows(N_FRAMES)
    ]
    assert file.opened == [0]
    assert file.given == list(range(88))  # the last window is [72, 88)


@pytest.mark.parametrize(
    ("bounds", "opened"),
    [
        ([(0, 16), (40, 56), (41, 43)], [0]),  # a small gap, and a part of the segment before
        ([(0, 60), (0, 60), (20, 40), (30, 70)], [0]),
        ([(16, 32), (8, 24)], [16, 8]),  # a step back
        ([(0, 16), (85, 90)], [0, 85]),  # far ahead
        ([(0, 16), (80, 100), (88, 104), (300, 316)], [0, 80]),  # beyond the end, found once
        ([(0, None), (50, None)], [0]),
    ],
)
def test_a_file_is_opened_anew_only_where_going_on_does_not_serve(mpeg4, bounds, opened):
    file = CountedFile(mpeg4)
    sources = segments_of(file, bounds)
    results = read_shared(sources)
    assert file.opened == opened
    assert file.n_open == 0
    assert results == [read(source) for source in sources]


def test_segments_that_are_left_out_do_not_break_the_sequence(mpeg4):
    file = CountedFile(mpeg4)
    with share_readings(segments_of(file, windows(N_FRAMES))) as shared:
        for place in (0, 3, 4, 9):
            read(shared[place])
    assert file.opened == [0]


def test_frames_that_a_left_out_segment_took_no_part_in_are_not_skipped(mpeg4):
    # The first keeps from 8 on, the second nothing (40 is next), the fourth wants 12 again.
    file = CountedFile(mpeg4)
    sources = segments_of(file, [(0, 16), (8, 24), (40, 50), (12, 30)])
    with share_readings(sources) as shared:
        results = [read(shared[place]) for place in (0, 1, 3)]
    assert file.opened == [0, 12]  # 8 to 15 were kept, but 16 to 23 were not
    assert results == [read(sources[place]) for place in (0, 1, 3)]


def test_the_file_is_closed_with_its_last_segment_and_at_the_end_of_the_run(mpeg4):
    file = CountedFile(mpeg4)
    with share_readings(segments_of(file, [(0, 16), (8, 24)])) as shared:
        frames = shared[0].frames()
        next(frames)
        assert file.n_open == 1
        read(shared[0])
        assert file.n_open == 1  # wanted by the second
        read(shared[1])
        assert file.n_open == 0
    with share_readings(segments_of(file, [(0, 16), (8, 24)])) as shared:
        read(shared[0])
        assert file.n_open == 1
    assert file.n_open == 0


def test_one_file_is_open_at_a_time(mpeg4, h264):
    files = CountedFile(mpeg4), CountedFile(h264)
    mixed = [
        source
        for pair in zip(*(segments_of(file, windows(40)) for file in files), strict=True)
        for source in pair
    ]
    with share_readings(mixed) as shared:
        for source, alone in zip(shared, mixed, strict=True):
            assert read(source) == read(alone)
            assert sum(file.n_open for file in files) <= 1


def test_segments_read_at_the_same_time_are_right_nevertheless(mpeg4):
    sources = segments_of(FileSource(mpeg4), [(0, 10), (4, 14), (2, 12)])
    with share_readings(sources) as shared:
        together = list(zip(*(s.frames() for s in [*shared, shared[1]]), strict=True))
    assert [[frame.number for frame in frames] for frames in together] == [
        [k, k + 4, k + 2, k + 4] for k in range(10)
    ]


def test_a_segment_read_from_its_middle_is_what_it_is_alone(mpeg4):
    (source,) = segments_of(FileSource(mpeg4), [(8, 24)])
    with share_readings([source]) as (shared,):
        assert [f.number for f in shared.frames(5)] == [f.number for f in source.frames(5)]


@pytest.fixture
def held(monkeypatch):
    """How many frames wait, after each that was given."""
    counts = []

    class Watched(sharing._Reading):
        def frame(self, number, keep_from):
            frame = super().frame(number, keep_from)
            counts.append(len(self.kept))
            return frame

    monkeypatch.setattr(sharing, "_Reading", Watched)
    return counts


def test_what_waits_is_the_overlap_however_many_windows_follow(mpeg4, held):
    read_shared(segments_of(FileSource(mpeg4), windows(N_FRAMES, length=16, stride=4)))
    assert max(held) == 12


def test_what_waits_is_bounded_and_a_longer_overlap_opens_the_file_anew(mpeg4, held, monkeypatch):
    monkeypatch.setattr(sharing, "_MAX_KEPT_BYTES", 10 * 48 * 64 * 3)
    file = CountedFile(mpeg4)
    sources = segments_of(file, [(0, 16), (6, 22), (16, 40), (17, 50)])
    results = read_shared(sources)
    assert max(held) == 10
    assert file.opened == [0, 17]  # of the 23 frames from 17 to 39 not all can wait
    assert results == [read(source) for source in sources]


def test_a_file_that_was_replaced_meanwhile_is_opened_anew(mpeg4, h264):
    file = CountedFile(mpeg4)
    sources = segments_of(file, [(0, 16), (8, 24)])
    with share_readings(sources) as shared:
        read(shared[0])
        os.replace(h264, mpeg4)
        assert read(shared[1]) == read(sources[1])


def test_a_file_that_vanished_meanwhile_is_reported_as_ever(mpeg4):
    sources = segments_of(FileSource(mpeg4), [(0, 16), (8, 24)])
    with share_readings(sources) as shared:
        read(shared[0])
        os.remove(mpeg4)
        frames, message = read(shared[1])
    assert not frames
    assert "does not exist" in message


def test_a_file_that_breaks_off_does_so_for_every_segment_as_it_does_alone(
    tmp_path, write_video, picture
):
    frames = [np.roll(picture, shift, axis=1) for shift in range(N_FRAMES)]
    options = {"g": "1"}  # frames of about one size, so that half of the bytes are half of them
    whole = Path(write_video(tmp_path / "a.avi", frames, codec="mpeg4", options=options))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    sources = [as_source(VideoSegment(cut, *pair)) for pair in windows(N_FRAMES)]
    alone = [read(source) for source in sources]
    assert read_shared(sources) == alone
    assert alone[0][1] is None
    assert "announces" in alone[-1][1]


def test_a_decoder_that_fails_on_the_way_is_tried_anew_where_the_segment_is(mpeg4):
    class FailsFromFar(CountedFile):
        def frames(self, first=0, since=0.0, max_pixels=None):
            for frame in super().frames(first, since):
                if frame.number - first == 20:
                    raise VideoDecodeError("breaks off")
                yield frame

    file = FailsFromFar(mpeg4)
    results = read_shared(segments_of(file, [(0, 16), (8, 24), (16, 40)]))
    # The second would break off at frame 20; the third does, wherever one begins.
    assert [(len(frames), message) for frames, message in results] == [
        (16, None),
        (16, None),
        (20, "breaks off"),
    ]
    assert file.opened == [0, 20, 16]


def test_other_sources_are_left_as_they_are(tmp_path, mpeg4):
    array = np.zeros((20, 8, 8, 3), dtype=np.uint8)
    sources = [
        as_source(video)
        for video in (
            mpeg4,
            array,
            VideoSegment(array, 2, 4),
            VideoSegment(tmp_path, 0, 4),
            VideoSegment(mpeg4, 0.2, 0.4, unit="seconds"),
        )
    ]
    with share_readings(sources) as shared:
        assert all(one is other for one, other in zip(shared, sources, strict=True))


def test_names_and_identities_stay(mpeg4):
    (source,) = segments_of(FileSource(mpeg4), [(3, 5)])
    with share_readings([source]) as (shared,):
        assert (shared.name, shared.identity()) == (source.name, source.identity())
        assert shared.has_clock is True


def test_descriptors_of_segments_are_those_of_their_frames(h264, mpeg4, small_c3d, monkeypatch):
    segments = [VideoSegment(path, *pair) for path in (h264, mpeg4) for pair in windows(N_FRAMES)]
    arrays = [np.stack([f.pixels for f in as_source(s).frames()]) for s in segments]
    opened = []

    def noted(path, first, since, max_pixels):
        opened.append((path, first))
        return read_file(path, first, since, max_pixels)

    monkeypatch.setenv("SKVIDEO3D_ISOLATION", "off")  # to be noted in this process
    monkeypatch.setattr(skvideo3d.video.sources, "read_file", noted)
    c3d = C3DTransformer(weights=small_c3d, layer="fc6")
    np.testing.assert_allclose(
        c3d.fit_transform(segments), c3d.fit_transform(arrays), rtol=1e-5, atol=1e-6
    )
    assert opened == [(h264, 0), (mpeg4, 0)]


@pytest.fixture
def with_holes(tmp_path, write_video, picture):
    """A film of 160 frames of which two cannot be decoded."""
    film = [np.roll(picture, shift, axis=1) for shift in range(160)]
    options = {"g": "20", "bf": "0", "sc_threshold": "0"}
    path = Path(write_video(tmp_path / "holes.mp4", film, options=options))
    with av.open(str(path)) as container:
        packets = sorted((p.pts, p.pos, p.size) for p in container.demux(video=0) if p.size)
    content = bytearray(path.read_bytes())
    for number in (110, 115):
        _, place, size = packets[number]
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    "pairs",
    [
        [(100, 116), (108, 124), (116, 132), (121, 137), (130, None)],
        [(96, 112), (110, 126), (111, 127), (112, None)],
        [(60, 76), (100, 110), (100, 111), (100, 115), (115, 116), (116, 120)],
    ],
)
def test_frames_that_are_lost_shift_no_segment(with_holes, pairs):
    sources = segments_of(FileSource(with_holes), pairs)
    whole = {frame.number: frame.pixels for frame in FileSource(with_holes).frames(60)}
    for (start, stop), alone, shared in zip(
        pairs, [frames_of(s) for s in sources], shared_frames(sources), strict=True
    ):
        assert [frame.number for frame in shared] == [frame.number for frame in alone]
        assert set(range(start, stop or 160)) - {f.number for f in alone} <= {110, 115}
        for one, other in zip(alone, shared, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)
            np.testing.assert_array_equal(one.pixels, whole[one.number])


def frames_of(source):
    frames = []
    with suppress(EndsEarlyError):
        frames.extend(source.frames())
    return frames


def shared_frames(sources):
    with share_readings(sources) as shared:
        return [frames_of(source) for source in shared]


def test_a_segment_whose_last_frame_is_lost_ends_there_and_says_so(with_holes):
    frames = []
    with pytest.raises(EndsEarlyError, match=r"holes\.mp4' lacks the frames from 115 to 115"):
        frames.extend(as_source(VideoSegment(with_holes, 100, 116)).frames())
    assert [frame.number for frame in frames] == [*range(100, 110), *range(111, 115)]
