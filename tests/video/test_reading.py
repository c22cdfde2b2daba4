import numpy as np
import pytest

from skvideo3d import C3DTransformer
from skvideo3d.video import processes
from skvideo3d.video.clips import ClipRecipe, ReadingCost
from skvideo3d.video.damage import Losses
from skvideo3d.video.isolation import IsolatedReader
from skvideo3d.video.limits import DEFAULT_LIMITS
from skvideo3d.video.preprocessing import Preprocessing
from skvideo3d.video.reading import make_reader
from skvideo3d.video.sources import as_source

RECIPE = ClipRecipe(16, 8, None, "loop", Preprocessing(resize=(16, 20), crop=(12, 14)))


@pytest.fixture
def film(tmp_path, write_video, numbered_frames):
    return write_video(tmp_path / "film.mp4", numbered_frames(40))


def test_files_among_arrays_are_still_read_in_another_process(film, noise_videos, monkeypatch):
    sources = [as_source(video) for video in (noise_videos[0], film, noise_videos[3], film)]
    expected = []
    for source in sources:
        reader = make_reader([source], RECIPE, DEFAULT_LIMITS)
        expected.append(first_pixels(reader, 0))
        reader.close()
    isolated = []
    read = IsolatedReader.read
    monkeypatch.setattr(
        IsolatedReader, "read", lambda self, *a: isolated.append(1) or read(self, *a)
    )
    reader = make_reader(sources, RECIPE, DEFAULT_LIMITS)
    for index in (0, 1, 2, 3):
        np.testing.assert_array_equal(first_pixels(reader, index), expected[index])
    reader.close()
    assert len(isolated) == 2


def first_pixels(reader, index):
    clips = list(reader.read(index, ReadingCost(), Losses("it")))
    return clips[0].frames[0].pixels


def test_arrays_need_no_other_process(noise_videos, small_c3d):
    processes.end_all()
    C3DTransformer(weights=small_c3d).fit_transform(noise_videos[:2])
    assert not processes._idle


def test_more_videos_than_a_reader_is_told_of_at_a_time(film, small_c3d, monkeypatch):
    from skvideo3d.feature_extraction import reading

    c3d = C3DTransformer(weights=small_c3d)
    one = c3d.fit_transform([film])
    monkeypatch.setattr(reading, "_MAX_GROUP", 2)
    np.testing.assert_allclose(c3d.transform([film] * 5), one.repeat(5, axis=0), rtol=1e-5)
