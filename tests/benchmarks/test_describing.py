"""Videos are described once; failures are counted or fatal; what is left to do is foretold."""

import gc
import os

import numpy as np
import pytest
from miniatures import write_clip
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skvideo3d import C3DTransformer
from skvideo3d.benchmarks.describing import describe_videos
from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.feature_extraction.store import DescriptorStore


@pytest.fixture
def clips(tmp_path):
    return [write_clip(tmp_path / f"{i}.avi", i % 3, i, n_frames=16 + 8 * i) for i in range(7)]


@pytest.fixture
def with_a_broken_one(clips, tmp_path):
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"this is no video")
    return [*clips[:3], str(broken), *clips[3:]]


def test_rows_are_those_of_the_describer(clips, small_c3d):
    describer = C3DTransformer(small_c3d, layer=("fc6", "pool5"))
    described = describe_videos(describer, clips)
    assert_allclose(described.rows, describer.fit_transform(clips), atol=1e-6)
    assert described.tail is None
    assert described.blocks == describer.feature_blocks_
    assert described.weights == {"C3DTransformer": describer.weights_sha256_}
    assert (described.n_described, described.n_reused, described.failures) == (7, 0, [])
    # 16, 24, ... 64 frames in clips of 16 every 8.
    assert described.cost.n_clips == 1 + 2 + 3 + 4 + 5 + 6 + 7
    assert described.cost.n_frames == sum(range(16, 72, 8))


def test_networks_of_a_union_are_side_by_side_with_their_names(clips, small_c3d):
    union = FeatureUnion(
        [("a", C3DTransformer(small_c3d)), ("b", C3DTransformer(small_c3d, layer=("fc7", "fc6")))]
    )
    described = describe_videos(union, clips)
    assert_allclose(described.rows, union.fit_transform(clips), atol=1e-6)
    width = described.rows.shape[1] // 3
    assert described.blocks == {
        "a__fc6": slice(0, width),
        "b__fc7": slice(width, 2 * width),
        "b__fc6": slice(2 * width, 3 * width),
    }
    assert set(described.weights) == {"a", "b"}
    assert described.n_described == 2 * len(clips)


def test_everything_is_described_once_across_runs(clips, small_c3d, tmp_path):
    describer = C3DTransformer(small_c3d)
    store = tmp_path / "store"
    half = describe_videos(describer, clips[:4], memory=store)
    whole = describe_videos(describer, clips, memory=store)
    again = describe_videos(describer, clips, memory=store)
    assert [d.n_reused for d in (half, whole, again)] == [0, 4, 7]
    assert again.cost.n_clips == 0
    assert sorted(DescriptorStore(store).readings()) == sorted(clips)
    assert_array_equal(whole.rows, again.rows)
    assert_array_equal(whole.rows[:4], half.rows)


def test_the_describers_own_store_is_used(clips, small_c3d, tmp_path):
    describe_videos(
        C3DTransformer(small_c3d, memory=tmp_path / "own"), clips, memory=tmp_path / "x"
    )
    assert len(DescriptorStore(tmp_path / "own").readings()) == len(clips)
    assert not (tmp_path / "x").exists()


def test_an_unreadable_video_is_named_and_left_out(with_a_broken_one, clips, small_c3d):
    describer = C3DTransformer(small_c3d)
    described = describe_videos(describer, with_a_broken_one)
    ((position, reason),) = described.failures
    assert position == 3
    assert "broken.avi" in reason
    assert_array_equal(described.usable, [0, 1, 2, 4, 5, 6, 7])
    assert np.isnan(described.rows[3]).all()
    assert_allclose(described.rows[described.usable], describer.fit_transform(clips), atol=1e-6)


def test_a_video_that_is_read_in_part_is_used_and_named(tmp_path, write_video, small_c3d):
    film = np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
    whole = tmp_path / "whole.avi"
    write_video(whole, film, codec="mpeg4", options={"g": "1"})
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 4])
    for _ in range(2):  # described, and from the store
        described = describe_videos(
            C3DTransformer(small_c3d), [str(whole), str(cut)], memory=tmp_path / "store"
        )
        assert described.usable.tolist() == [0, 1]
        ((position, loss),) = described.losses
        assert position == 1
        assert "of the 60 frames that it announces" in loss


def test_an_unreadable_video_stops_everything_if_asked(with_a_broken_one, small_c3d):
    with pytest.raises(VideoDecodeError, match=r"broken\.avi.*on_error='drop'"):
        describe_videos(C3DTransformer(small_c3d), with_a_broken_one, on_error="raise")


def test_a_video_that_two_networks_cannot_read_fails_once(with_a_broken_one, small_c3d):
    union = FeatureUnion([(name, C3DTransformer(small_c3d, layer=name)) for name in ("fc6", "fc7")])
    assert len(describe_videos(union, with_a_broken_one).failures) == 1


def test_no_readable_video_at_all_is_an_error(tmp_path, small_c3d):
    for name in "ab":
        (tmp_path / name).write_bytes(b"no video")
    with pytest.raises(ValueError, match="none of the 2 videos could be described"):
        describe_videos(C3DTransformer(small_c3d), [str(tmp_path / "a"), str(tmp_path / "b")])


def test_the_users_own_describer_is_asked_once(noise_videos):
    calls = []

    def describe(videos):
        calls.append(len(videos))
        rows = np.array([[video.mean(), video.std()] for video in videos])
        rows[2] = np.nan
        return rows

    own = make_pipeline(FunctionTransformer(describe), StandardScaler())
    described = describe_videos(own, noise_videos)
    assert calls == [6]
    assert described.rows.shape == (6, 2)
    assert list(described.tail.named_steps) == ["standardscaler"]
    assert [position for position, _ in described.failures] == [2]


class Learner(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.zeros((len(X), 1))


def test_a_describer_that_learns_from_videos_is_left_to_the_folds(noise_videos):
    described = describe_videos(Learner(), noise_videos)
    assert described.rows.dtype == object
    assert described.rows[5] is noise_videos[5]
    assert isinstance(described.tail, Learner)


def test_a_variation_of_a_network_is_asked_itself(with_a_broken_one, clips, small_c3d):
    class Negative(C3DTransformer):
        def fit_transform(self, X, y=None):
            return -super().fit_transform(X, y)

    described = describe_videos(Negative(small_c3d), with_a_broken_one)
    rows = C3DTransformer(small_c3d).fit_transform(clips)
    assert_allclose(described.rows[described.usable], -rows, atol=1e-6)
    assert [(i, "broken.avi" in reason) for i, reason in described.failures] == [(3, True)]


class Names(Learner):
    """Learns, and opens no video."""


def test_networks_beside_what_learns_are_described_before_the_folds(
    with_a_broken_one, small_c3d, tmp_path
):
    union = FeatureUnion([("net", C3DTransformer(small_c3d)), ("names", Names())])
    described = describe_videos(union, with_a_broken_one, memory=tmp_path)
    assert described.rows.dtype == object
    assert [i for i, _ in described.failures] == [3]
    assert list(described.weights) == ["net"]
    usable = list(described.rows[described.usable])
    described.tail.fit(usable).transform(usable)
    assert len(DescriptorStore(tmp_path).readings()) == len(with_a_broken_one)
    assert described.n_described == 7
    again = describe_videos(union, usable, memory=tmp_path)
    assert (again.n_reused, again.cost.n_clips) == (7, 0)


def test_folds_have_a_store_for_the_time_of_a_run(clips, small_c3d):
    union = FeatureUnion([("net", C3DTransformer(small_c3d)), ("names", Names())])
    described = describe_videos(union, clips)
    described.tail.fit(clips).transform(clips)
    store = described.scratch.folder
    assert sorted(DescriptorStore(store).readings()) == sorted(clips)
    del described
    gc.collect()
    assert not os.path.exists(store)


def test_a_describer_that_gives_no_rows_is_refused(noise_videos):
    with pytest.raises(ValueError, match=r"shape \(6,\) for 6 videos"):
        describe_videos(FunctionTransformer(lambda X: np.zeros(len(X))), noise_videos)


def test_what_there_is_to_do_is_said_before_it_is_done(clips, small_c3d, tmp_path, capsys):
    store = tmp_path / "store"
    describe_videos(C3DTransformer(small_c3d), clips[:2], memory=store)
    capsys.readouterr()
    describe_videos(C3DTransformer(small_c3d), clips, memory=store, verbose=1)
    said = capsys.readouterr().err
    # Five videos of 32 to 64 frames are left: 3 + 4 + 5 + 6 + 7 clips.
    assert f"7 videos, 2 of them described before in {store}; about 25 clips" in said
    assert "as the first 4 videos took. What is done is kept" in said
    describe_videos(C3DTransformer(small_c3d), clips, memory=store, verbose=1)
    assert "7 of them described before" in capsys.readouterr().err


def test_silence_is_the_default(clips, small_c3d, capsys):
    describe_videos(C3DTransformer(small_c3d), clips)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_random_weights_are_called_random(clips, small_c3d):
    assert describe_videos(C3DTransformer(None, random_state=0), clips[:1]).has_random_weights
    assert not describe_videos(C3DTransformer(small_c3d), clips[:1]).has_random_weights
