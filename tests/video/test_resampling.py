import av
import numpy as np
import pytest

from skvideo3d.video.frames import Frame
from skvideo3d.video.readers import read_file
from skvideo3d.video.resampling import resample


def film(times, end):
    ends = [*times[1:], end]
    return [
        Frame(i, t, e, np.full((2, 2, 3), i))
        for i, (t, e) in enumerate(zip(times, ends, strict=True))
    ]


def shown(times, end, fps):
    return [frame.number for frame in resample(film(times, end), fps)]


def test_half_the_rate_takes_every_second_frame():
    assert shown([0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.6, fps=5) == [0, 2, 4]


def test_twice_the_rate_shows_every_frame_twice():
    assert shown([0, 0.1, 0.2], 0.3, fps=20) == [0, 0, 1, 1, 2, 2]


def test_a_pause_repeats_the_frame_before_it():
    assert shown([0, 0.1, 0.6], 0.7, fps=10) == [0, 1, 1, 1, 1, 1, 2]


def test_one_frame_stays_one_frame():
    assert shown([0], 0, fps=25) == [0]


def filtered_by_ffmpeg(path, fps):
    """Grey levels of the frames that FFmpeg's own fps filter gives."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        graph = av.filter.Graph()
        source = graph.add_buffer(template=stream)
        chain = graph.add("fps", f"fps={fps}"), graph.add("buffersink")
        source.link_to(chain[0])
        chain[0].link_to(chain[1])
        graph.configure()
        levels = []

        def drain():
            while True:
                try:
                    levels.append(graph.pull().to_ndarray(format="rgb24").mean())
                except (av.BlockingIOError, av.EOFError):
                    return

        for picture in container.decode(stream):
            graph.push(picture)
            drain()
        graph.push(None)
        drain()
    return levels


@pytest.mark.parametrize("fps", [5, 12.5, 24, 25, 30, 60])
@pytest.mark.parametrize("pace", ["constant", "variable"])
def test_it_is_ffmpegs_fps_filter(tmp_path, write_video, numbered_frames, fps, pace):
    steps = np.full(30, 0.04)
    if pace == "variable":
        steps = np.random.default_rng(3).choice([0.011, 0.033, 0.04, 0.1, 0.25], 30)
    path = write_video(
        tmp_path / "film.mkv", numbered_frames(30), times=np.concatenate([[0], steps[:-1].cumsum()])
    )
    expected = filtered_by_ffmpeg(path, fps)
    result = [frame.pixels.mean() for frame in resample(read_file(path), fps)]
    # The last frame's duration is not in the file: how often it is repeated is anybody's guess.
    common = min(len(expected), len(result))
    assert abs(len(expected) - len(result)) <= 1
    np.testing.assert_array_equal(result[:common], expected[:common])


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["odd/fire2.mp4", "kinetics/SOX5yA1l24A.mp4", "odd/realshort.mp4"])
def test_it_is_ffmpegs_fps_filter_on_real_files(realdata, name):
    path = str(realdata / name)
    expected = filtered_by_ffmpeg(path, 25)
    result = [frame.pixels.mean() for frame in resample(read_file(path), 25)]
    np.testing.assert_array_equal(result, expected)


def test_a_picture_may_stand_still_for_an_hour():
    assert len(shown([0, 3600], 3600.04, fps=25)) == 90_001


def test_time_stamps_that_jump_by_years_are_refused_before_any_frame_is_repeated():
    frames = resample(film([0, 0.04, 3e8], 3e8 + 0.04), 25)
    assert next(frames).number == 0
    with pytest.raises(ValueError, match=r"frame 2 is at 3e\+08 s, .* use fps=None"):
        next(frames)
