"""Flow that is kept is what would be computed, and is computed once, whatever ends the process."""

import shutil
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hostile.zoo.damage import DAMAGE
from miniatures.plain_flow import Difference, moving

from skvideo3d import VideoSegment
from skvideo3d.exceptions import FlowError, VideoDecodeError
from skvideo3d.flow import OpticalFlow
from skvideo3d.flow.reading import FlowReader
from skvideo3d.flow.storage import CHUNK
from skvideo3d.video import Preprocessing
from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.sources import as_source

pytestmark = pytest.mark.filterwarnings("error")

SIZES = Preprocessing(resize=20, crop=(16, 18))


def small(n_frames, seed=0):
    return moving(n_frames, size=(24, 32), seed=seed)


def recipe_of(function=None, **options):
    return OpticalFlow(
        function or Difference(), **{"name": "of this test", "keep": True, **options}
    )


class Read:
    """All clips of a video, and what it took to get them."""

    def __init__(self, video, flow, folder, *, with_frames=False, n_clips=None, **settings):
        values = {"clip_len": 6, "clip_stride": 6, "fps": None, "short_video": "loop"}
        values = {**values, "preprocessing": SIZES, **settings}
        source = as_source(video)
        reader = FlowReader(
            [source],
            ClipRecipe(**values),
            flow,
            ReadingLimits(),
            with_frames=with_frames,
            n_threads=2,
            folder=folder,
        )
        self.cost, losses = ReadingCost(), Losses(source.name)
        try:
            clips = reader.read(0, self.cost, losses)
            self.clips = [clip for clip, _ in zip(clips, range(n_clips or 10**6), strict=False)]
        finally:
            reader.close()
        self.loss = losses.text()
        self.flow = [np.stack(clip.flow) for clip in self.clips]
        self.pixels = [[frame.pixels for frame in clip.frames] for clip in self.clips]
        self.starts = [(clip.start_frame, clip.start_time) for clip in self.clips]


def assert_alike(found, expected):
    assert str(found.starts) == str(expected.starts)  # NaN is equal to itself
    assert len(found.flow) == len(expected.flow)
    for one, other in zip(found.flow, expected.flow, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(found.pixels, expected.pixels, strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.loss == expected.loss


def chunks(folder):
    return sorted(folder.rglob("*.npy.gz"))


@pytest.fixture
def film(tmp_path, write_video):
    """70 frames: two whole chunks and one of 6."""
    return write_video(tmp_path / "film.mp4", list(small(70)))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "flow"


def assert_whole(folder, n_chunks):
    assert len(chunks(folder)) == n_chunks
    assert len(list(folder.rglob("end.json"))) == 1


# --- the same numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("with_frames", [False, True])
@pytest.mark.parametrize("n_frames", [2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 70])
def test_kept_flow_has_the_same_bits_on_the_first_run_and_from_the_store(
    folder, n_frames, with_frames
):
    video = small(n_frames)
    for settings in ({}, {"clip_stride": 4}, {"clip_len": 40, "clip_stride": 50}, {"clip_len": 1}):
        expected = Read(video, recipe_of(keep=False), None, with_frames=with_frames, **settings)
        shutil.rmtree(folder, ignore_errors=True)
        first = Read(video, recipe_of(), folder, with_frames=with_frames, **settings)
        assert_alike(first, expected)
        assert first.cost.n_pairs == n_frames - 1
        assert_whole(folder, -(-n_frames // CHUNK))
        again = Read(video, recipe_of(), folder, with_frames=with_frames, **settings)
        assert_alike(again, expected)
        assert again.cost.n_pairs == 0


@pytest.mark.parametrize("precision", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("part", ["file", "frames", "seconds", "resampled"])
def test_whatever_is_read_is_kept_with_its_numbers_and_times(film, folder, part, precision):
    video = {
        "frames": VideoSegment(film, 5, 60),
        "seconds": VideoSegment(film, 0.5, 2.0, unit="seconds"),
    }.get(part, film)
    settings = {"fps": 10.0} if part == "resampled" else {}
    expected = Read(video, recipe_of(keep=False, precision=precision), None, **settings)
    first = Read(video, recipe_of(precision=precision), folder, **settings)
    again = Read(video, recipe_of(precision=precision), folder, **settings)
    assert_alike(first, expected)
    assert_alike(again, expected)
    # Nothing was opened for that.
    assert (again.cost.n_pairs, again.cost.n_frames, again.cost.reading) == (0, 0, 0)


def test_other_clips_crops_and_means_take_the_same_flow(film, folder):
    counted = Difference()
    Read(film, recipe_of(counted), folder)
    assert counted.n_calls == 69
    for settings in (
        {"clip_len": 9, "clip_stride": 2},
        {"short_video": "error"},
        {"preprocessing": Preprocessing(resize=20, crop=(20, 20), mean=(1.0, 2.0, 3.0))},
    ):
        found = Read(film, recipe_of(counted, thread_safe=True), folder, **settings)
        assert_alike(found, Read(film, recipe_of(keep=False), None, **settings))
    assert counted.n_calls == 69


def test_what_changes_flow_is_kept_apart(film, tmp_path, folder, write_video):
    other = write_video(tmp_path / "other.mp4", list(small(40, seed=1)))
    shutil.copy(film, tmp_path / "same name.mp4")
    ways = [
        (film, {}, {}),
        (other, {}, {}),
        (VideoSegment(film, 0, 69), {}, {}),
        (VideoSegment(film, 1, 70), {}, {}),
        (small(70), {}, {}),
        (film, {"bound": 10.0}, {}),
        (film, {"precision": "uint8"}, {}),
        (film, {"name": "another"}, {}),
        (film, {}, {"fps": 12.5}),
        (film, {}, {"preprocessing": Preprocessing(resize=21, crop=(16, 18))}),
        (film, {}, {"preprocessing": Preprocessing(resize=(20, 26), crop=(16, 18))}),
    ]
    for n, (video, options, settings) in enumerate(ways, 1):
        found = Read(video, recipe_of(**options), folder, **settings)
        assert found.cost.n_pairs > 0
        assert_alike(found, Read(video, recipe_of(**options, keep=False), None, **settings))
        assert len(list(folder.rglob("end.json"))) == n


def test_a_file_that_changed_has_other_flow(film, folder, write_video):
    Read(film, recipe_of(), folder)
    write_video(film, list(small(40, seed=1)))
    found = Read(film, recipe_of(), folder)
    assert found.cost.n_pairs == 39
    assert_alike(found, Read(film, recipe_of(keep=False), None))


def test_flow_that_is_given_is_not_kept(folder):
    Read(np.zeros((40, 16, 18, 2), np.float32), recipe_of(), folder)
    assert not folder.exists()


# --- what ends before its time ---------------------------------------------------------------


@pytest.mark.parametrize("with_frames", [False, True])
def test_a_reading_that_was_left_goes_on_where_it_was(film, folder, with_frames):
    left = Read(film, recipe_of(), folder, n_clips=1)
    n_chunks = len(chunks(folder))
    assert 1 <= n_chunks < 3
    assert not list(folder.rglob("end.json"))
    found = Read(film, recipe_of(), folder, with_frames=with_frames)
    assert_alike(found, Read(film, recipe_of(keep=False), None, with_frames=with_frames))
    assert found.cost.n_pairs == 69 - n_chunks * CHUNK
    assert left.cost.n_pairs >= CHUNK
    assert_whole(folder, 3)


PROGRAM = """
import os, signal, sys
from pathlib import Path

here = Path(sys.argv[1])
sys.path[:0] = [str(here.parent), str(here.parents[1])]  # this module, and miniatures
from test_keeping import Difference, Read, recipe_of

class Deadly(Difference):
    def __call__(self, previous, following):
        if self.n_calls == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(previous, following)

Read(sys.argv[2], recipe_of(Deadly()), Path(sys.argv[3]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
def test_a_process_that_is_killed_loses_no_more_than_it_was_at(film, folder):
    # The third chunk has 5 pairs, 64 to 68. The first chunk is written before the third is begun.
    command = [sys.executable, "-c", PROGRAM, __file__, film, str(folder), "66"]
    killed = subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    n_chunks = len(chunks(folder))
    assert n_chunks >= 1
    assert not list(folder.rglob("end.json"))
    found = Read(film, recipe_of(), folder)
    assert found.cost.n_pairs == 69 - n_chunks * CHUNK
    assert_alike(found, Read(film, recipe_of(keep=False), None))
    assert_whole(folder, 3)


def test_a_callable_that_fails_in_the_middle_leaves_what_it_did(film, folder):
    class Failing(Difference):
        def __call__(self, previous, following):
            if self.n_calls == 66:
                raise RuntimeError("no more")
            return super().__call__(previous, following)

    with pytest.raises(FlowError, match="no more"):
        Read(film, recipe_of(Failing()), folder)
    n_chunks = len(chunks(folder))
    assert n_chunks >= 1
    found = Read(film, recipe_of(), folder)
    assert found.cost.n_pairs == 69 - n_chunks * CHUNK
    assert_alike(found, Read(film, recipe_of(keep=False), None))


# --- what happened to the store --------------------------------------------------------------


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("with_frames", [False, True])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_chunk_is_computed_again_with_a_warning(film, folder, which, with_frames):
    expected = Read(film, recipe_of(), folder, with_frames=with_frames)
    flip(chunks(folder)[which])
    with pytest.warns(UserWarning, match="is damaged .* computed anew") as warned:
        found = Read(film, recipe_of(), folder, with_frames=with_frames)
    assert len(warned) == 1
    assert_alike(found, expected)
    assert found.cost.n_pairs == [CHUNK, CHUNK, 5][which]
    again = Read(film, recipe_of(), folder, with_frames=with_frames)
    assert_alike(again, expected)
    assert again.cost.n_pairs == 0


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_chunk_that_somebody_removed_is_computed_again(film, folder, which):
    expected = Read(film, recipe_of(), folder)
    chunks(folder)[which].unlink()
    found = Read(film, recipe_of(), folder)
    assert_alike(found, expected)
    assert found.cost.n_pairs == [CHUNK, CHUNK, 5][which]
    assert_whole(folder, 3)


def test_a_damaged_end_costs_a_reading_and_no_flow(film, folder):
    expected = Read(film, recipe_of(), folder)
    flip(next(folder.rglob("end.json")))
    with pytest.warns(UserWarning, match=r"end\.json.*is damaged"):
        found = Read(film, recipe_of(), folder)
    assert_alike(found, expected)
    assert (found.cost.n_pairs, found.cost.n_frames) == (0, 70)
    assert Read(film, recipe_of(), folder).cost.n_frames == 0


def test_a_store_that_cannot_be_written_to_costs_a_warning(film, tmp_path):
    (tmp_path / "flow").write_text("a file in the place of the folder")
    with pytest.warns(UserWarning, match="cannot be written to") as warned:
        found = Read(film, recipe_of(), tmp_path / "flow")
    assert len(warned) == 1
    assert_alike(found, Read(film, recipe_of(keep=False), None))


def test_readers_of_one_video_at_once_get_the_same(film, folder):
    expected = Read(film, recipe_of(keep=False), None)
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: Read(film, recipe_of(), folder), range(3)))
    for each in found:
        assert_alike(each, expected)
    assert_whole(folder, 3)
    assert Read(film, recipe_of(), folder).cost.n_frames == 0


# --- what happened to the video --------------------------------------------------------------

BY_NAME = {specimen.name: specimen for specimen in DAMAGE}


@pytest.mark.parametrize(
    "name", ["hole_in_the_middle_of_mp4", "cut_to_90%_of_mp4-libx264-f", "cut_to_50%_of_avi-mjpeg"]
)
def test_what_a_damaged_video_lost_is_told_also_where_its_flow_is_kept(tmp_path, folder, name):
    path = str(BY_NAME[name].make(tmp_path))
    expected = Read(path, recipe_of(keep=False), None)
    assert path in expected.loss
    assert_alike(Read(path, recipe_of(), folder), expected)
    found = Read(path, recipe_of(), folder)
    assert_alike(found, expected)
    assert found.cost.n_frames == 0


def test_a_damaged_video_with_less_than_a_clip_is_refused_also_where_its_flow_is_kept(
    tmp_path, folder
):
    path = str(BY_NAME["cut_to_50%_of_avi-mjpeg"].make(tmp_path))
    said = []
    for keep in (False, True, True):
        with pytest.raises(VideoDecodeError, match="less than a clip of 64") as raised:
            Read(path, recipe_of(keep=keep), folder, clip_len=64)
        said.append(str(raised.value))
    assert len(set(said)) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Read(path, recipe_of(), folder).cost.n_frames == 0
