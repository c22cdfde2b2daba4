"""What is known of videos from earlier calls: descriptors, what was lost, and failures."""

import os
from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skvideo3d import C3DTransformer, VideoSegment
from skvideo3d.exceptions import VideoDecodeError, VideoNotFoundError
from skvideo3d.feature_extraction.engine import Resources, are_stored, describe
from skvideo3d.feature_extraction.spec import DescriptorSpec
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video.limits import ReadingLimits
from skvideo3d.video.sources import as_source


@pytest.fixture
def spec(small_c3d):
    weights = resolve_weights(small_c3d, "c3d")
    return DescriptorSpec(
        weights, ("fc6", "fc7"), 16, 8, None, "loop", "mean", "float32", weights.preprocessing
    )


@pytest.fixture
def resources(tmp_path):
    return Resources(str(tmp_path / "store"), "cpu")


@pytest.fixture
def n_readings(resources):
    return lambda: len(DescriptorStore(resources.store_folder).readings())


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"nothing that a decoder knows")
    return path


@pytest.fixture
def cut_off(tmp_path, write_video, numbered_frames):
    """A file that ends in the middle of its frames."""
    path = tmp_path / "film.mkv"
    write_video(path, numbered_frames(60))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


def outcomes_of(videos, spec, resources):
    found = {}
    describe([as_source(v) for v in videos], spec, resources, lambda o: found.update({o.index: o}))
    return [found[index] for index in range(len(videos))]


def test_a_video_that_cannot_be_read_is_tried_once_in_a_process(
    broken, spec, resources, n_readings
):
    errors = [outcomes_of([broken], spec, resources)[0].error for _ in range(3)]
    assert n_readings() == 1
    assert {type(error) for error in errors} == {VideoDecodeError}
    assert len({str(error) for error in errors}) == 1
    assert str(broken) in str(errors[2])


@pytest.mark.slow
def test_workers_failures_are_remembered_too(broken, noise_videos, spec, resources, n_readings):
    for _ in range(2):
        outcomes = outcomes_of([broken, *noise_videos[:3]], spec, replace(resources, n_jobs=2))
        assert isinstance(outcomes[0].error, VideoDecodeError)
    assert n_readings() == 4


def test_a_video_that_cannot_be_read_is_tried_once_in_a_cross_validation(
    broken, small_c3d, noise_videos, tmp_path, recwarn
):
    # recwarn takes the warnings of the failure, of which there is one a fold.
    transformer = C3DTransformer(small_c3d, memory=tmp_path / "store", on_error="nan")
    model = make_pipeline(transformer, _Zeros(), KNeighborsClassifier(1))
    videos = [str(broken), *noise_videos]
    cross_val_predict(model, videos, [0, 1, 0, 1, 0, 1, 0], cv=LeaveOneOut())
    assert len(DescriptorStore(tmp_path / "store").readings()) == 7


def test_a_mended_video_is_tried_again(
    broken, spec, resources, n_readings, write_video, numbered_frames
):
    assert outcomes_of([broken], spec, resources)[0].error is not None
    write_video(broken, numbered_frames(20))
    assert outcomes_of([broken], spec, resources)[0].error is None
    assert n_readings() == 2


def test_a_failure_counts_for_its_settings_and_its_limits_alone(
    broken, spec, resources, n_readings
):
    outcomes_of([broken], spec, resources)
    outcomes_of([broken], replace(spec, fps=25.0), resources)
    outcomes_of([broken], spec, replace(resources, limits=ReadingLimits(timeout=10.0)))
    outcomes_of([VideoSegment(broken, 0, 16)], spec, resources)
    assert n_readings() == 4


def test_a_video_that_was_not_there_is_looked_for_again(
    tmp_path, spec, resources, write_video, numbered_frames
):
    path = tmp_path / "late.mp4"
    assert isinstance(outcomes_of([path], spec, resources)[0].error, VideoNotFoundError)
    write_video(path, numbered_frames(20))
    assert outcomes_of([path], spec, resources)[0].error is None


def test_a_video_that_may_not_be_read_is_tried_again(
    broken, spec, resources, n_readings, monkeypatch
):
    # A change of permissions changes neither size nor time. The superuser may read everything.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for _ in range(2):
        outcomes_of([broken], spec, resources)
    assert n_readings() == 2


def test_without_a_store_nothing_is_remembered(broken, spec, write_video, numbered_frames):
    resources = Resources(device="cpu")
    for _ in range(2):
        assert outcomes_of([broken], spec, resources)[0].error is not None


def test_what_was_lost_is_told_whether_described_or_stored(cut_off, spec, resources, n_readings):
    (first,) = outcomes_of([cut_off], spec, resources)
    assert first.error is None
    assert str(cut_off) in first.loss
    (again,) = outcomes_of([cut_off], spec, resources)
    assert n_readings() == 1
    assert again.loss == first.loss
    # fc6 alone is known from then on, too.
    (part,) = outcomes_of([cut_off], replace(spec, layers=("fc6",)), resources)
    assert (n_readings(), part.loss) == (1, first.loss)


def test_a_transformer_says_what_was_lost_also_when_it_comes_from_the_store(
    cut_off, small_c3d, tmp_path
):
    transformer = C3DTransformer(small_c3d, memory=tmp_path / "store")
    losses = []
    for _ in range(2):
        with pytest.warns(UserWarning, match="could be read only in part"):
            transformer.fit_transform([str(cut_off)])
        losses.append(transformer.losses_)
    assert losses[0] == losses[1]
    assert losses[0][0][:2] == (0, str(cut_off))


def test_a_damaged_entry_is_described_anew_and_mended(noise_videos, spec, resources, n_readings):
    (first,) = outcomes_of(noise_videos[:1], spec, resources)
    paths = sorted(DescriptorStore(resources.store_folder).folder.rglob("*.npy"))
    assert len(paths) == 2
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    elsewhere = replace(resources, store_folder=resources.store_folder + "/.")  # as a new process
    with pytest.warns(UserWarning, match=f"{paths[0].name}.* is damaged"):
        (again,) = outcomes_of(noise_videos[:1], spec, elsewhere)
    for layer in ("fc6", "fc7"):
        np.testing.assert_array_equal(again.layers[layer], first.layers[layer])
    assert paths[0].read_bytes() == whole
    assert n_readings() == 2


def test_stored_videos_are_told_from_others(noise_videos, broken, tmp_path, spec, resources):
    outcomes_of([noise_videos[0], broken], spec, resources)
    videos = [noise_videos[0], broken, noise_videos[1], tmp_path / "absent.mp4"]
    sources = [as_source(video) for video in videos]
    assert are_stored(sources, spec, resources) == [True, False, False, False]
    assert are_stored(sources, spec, Resources(device="cpu")) == [False] * 4


class _Zeros:
    """Zeros in the place of NaN, so that a classifier takes rows of videos that failed."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.nan_to_num(X)
