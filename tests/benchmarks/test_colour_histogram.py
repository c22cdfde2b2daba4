"""Colour histograms are what counting by hand gives, and are counted once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skvideo3d.benchmarks.colour_histogram import ColourHistogram
from skvideo3d.feature_extraction.store import DescriptorStore


def test_rows_are_roots_of_shares_over_all_frames():
    # Of the size that frames are resized to, so that they stay as they are.
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (3, 128, 171, 3), dtype=np.uint8)
    row = ColourHistogram().fit_transform([video])[0]
    edges = [np.arange(0, 257, 32)] * 3
    counts, _ = np.histogramdd(video.reshape(-1, 3), bins=edges)
    assert_allclose(row, np.sqrt(counts.ravel() / counts.sum()), rtol=1e-6)


@pytest.mark.parametrize("n_bins", [1, 3, 8])
def test_rows_have_length_one_and_an_entry_for_each_box(n_bins, noise_videos):
    describer = ColourHistogram(n_bins)
    rows = describer.fit_transform(noise_videos)
    assert rows.shape == (6, n_bins**3)
    assert rows.dtype == np.float32
    assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    assert len(describer.get_feature_names_out()) == n_bins**3


def test_neither_place_nor_time_matters():
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (4, 128, 171, 3), dtype=np.uint8)
    backwards_and_turned = video[::-1, ::-1, ::-1]
    one, other = ColourHistogram().fit_transform([video, backwards_and_turned])
    assert_array_equal(one, other)


def test_known_videos_are_not_opened_again(write_video, numbered_frames, tmp_path):
    paths = [write_video(tmp_path / f"{n}.mp4", numbered_frames(n)) for n in (5, 20)]
    memory = tmp_path / "memory"
    first = ColourHistogram(memory=memory).transform(paths)
    assert DescriptorStore(memory).readings() == paths
    assert_array_equal(ColourHistogram(memory=memory).transform(paths), first)
    assert DescriptorStore(memory).readings() == paths
    ColourHistogram(2, memory=memory).transform(paths[:1])  # other boxes, other numbers
    assert DescriptorStore(memory).readings() == [*paths, paths[0]]


def test_what_cannot_be_read_is_nan_with_a_reason(write_video, numbered_frames, tmp_path):
    good = write_video(tmp_path / "good.mp4", numbered_frames(5))
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    describer = ColourHistogram()
    rows = describer.fit_transform([str(tmp_path / "gone.mp4"), str(tmp_path / "bad.mp4"), good])
    assert np.isnan(rows).all(axis=1).tolist() == [True, True, False]
    assert [position for position, _, _ in describer.failures_] == [0, 1]
    assert all(reason for _, _, reason in describer.failures_)
