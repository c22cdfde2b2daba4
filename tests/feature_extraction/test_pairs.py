"""Pairs of videos: each video described once, each layer compared on its own."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from miniatures import write_clip
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skvideo3d import C3DTransformer, PairSimilarityTransformer, VideoSegment
from skvideo3d.exceptions import VideoDecodeError
from skvideo3d.feature_extraction.similarities import SIMILARITIES, pair_similarities
from skvideo3d.feature_extraction.store import DescriptorStore

LAYERS = ("prob", "fc7", "fc6", "pool5")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder / f"{i}.avi", i % 2, i) for i in range(5)]


@pytest.fixture
def pairs(clips):
    return [(clips[i], clips[j]) for i in range(5) for j in range(i + 1, 5)]


def test_forty_eight_numbers_that_are_those_of_the_layers(pairs, clips, small_c3d):
    describer = C3DTransformer(small_c3d, layer=LAYERS)
    compare = PairSimilarityTransformer(describer)
    result = compare.fit_transform(pairs)
    assert result.shape == (10, 48)
    rows = describer.fit_transform(clips)
    first, second = np.triu_indices(5, 1)
    for layer in LAYERS:
        expected = pair_similarities(rows[:, describer.feature_blocks_[layer]], first, second)
        assert_allclose(result[:, compare.feature_blocks_[layer]], expected, rtol=1e-5, atol=1e-6)
    names = compare.get_feature_names_out()
    assert names.tolist() == [f"{layer}_{name}" for layer in LAYERS for name in SIMILARITIES]


def test_every_video_is_described_once_however_many_pairs_it_is_in(
    pairs, clips, small_c3d, tmp_path
):
    describer = C3DTransformer(small_c3d, memory=tmp_path)
    compare = PairSimilarityTransformer(describer)
    compare.fit_transform(pairs)
    compare.transform(pairs[:3])
    assert sorted(DescriptorStore(tmp_path).readings()) == sorted(clips)


def test_fit_opens_no_video_where_nothing_is_learnt(small_c3d):
    compare = PairSimilarityTransformer(C3DTransformer(small_c3d)).fit([("a", "b"), ("b", "c")])
    assert len(compare.get_feature_names_out()) == 12


def test_arrays_segments_and_paths_may_be_mixed(noise_videos, clips, small_c3d):
    describer = C3DTransformer(small_c3d)
    a, b = noise_videos[0], noise_videos[3]
    part, same = VideoSegment(b, 0, 20), VideoSegment(b, 0, 20)
    compare = PairSimilarityTransformer(describer)
    result = compare.fit_transform([(a, part), (same, clips[0]), (a, a)])
    rows = describer.fit_transform([a, b[:20], clips[0]])
    expected = pair_similarities(rows, [0, 1, 0], [1, 2, 0])
    assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("table", [np.array, pd.DataFrame, lambda p: pl.DataFrame(p, orient="row")])
def test_pairs_may_be_a_table_of_two_columns(table, pairs, small_c3d):
    compare = PairSimilarityTransformer(C3DTransformer(small_c3d))
    assert_array_equal(compare.fit_transform(table(pairs)), compare.fit_transform(pairs))


def test_layers_of_a_union_are_compared_on_their_own(pairs, small_c3d):
    union = FeatureUnion(
        [
            ("a", C3DTransformer(small_c3d, layer=("fc6", "fc7"))),
            ("b", C3DTransformer(small_c3d, layer="prob")),
        ]
    )
    compare = PairSimilarityTransformer(union)
    result = compare.fit_transform(pairs)
    assert list(compare.feature_blocks_) == ["a__fc6", "a__fc7", "b__prob"]
    alone = PairSimilarityTransformer(C3DTransformer(small_c3d, layer="fc7")).fit_transform(pairs)
    assert_allclose(result[:, 12:24], alone, rtol=1e-6)


def test_layers_of_a_pipelines_last_step_are_compared_on_their_own(pairs, small_c3d):
    describer = C3DTransformer(small_c3d, layer=("fc6", "fc7"))
    names = FunctionTransformer(lambda videos: [str(video) for video in videos])
    compare = PairSimilarityTransformer(make_pipeline(names, describer))
    result = compare.fit_transform(pairs)
    assert list(compare.feature_blocks_) == ["fc6", "fc7"]
    assert_array_equal(result, PairSimilarityTransformer(describer).fit_transform(pairs))


def test_descriptors_that_a_later_step_changes_are_compared_whole(pairs, small_c3d):
    scaled = make_pipeline(C3DTransformer(small_c3d, layer=("fc6", "fc7")), StandardScaler())
    assert PairSimilarityTransformer(scaled).fit_transform(pairs).shape == (10, 12)


def test_transform_changes_nothing_that_fit_has_set(pairs, small_c3d):
    compare = PairSimilarityTransformer(C3DTransformer(small_c3d)).fit(pairs)
    before = dict(vars(compare))
    compare.transform(pairs)
    assert vars(compare) == before


def test_principal_components_have_no_layers_of_their_own(pairs, small_c3d):
    describer = C3DTransformer(small_c3d, layer=("fc6", "fc7"), n_components=3, random_state=0)
    compare = PairSimilarityTransformer(describer)
    assert compare.fit_transform(pairs).shape == (10, 12)
    assert list(compare.feature_blocks_) == ["descriptor"]
    assert np.isfinite(compare.transform(pairs)).all()  # components may be negative


def test_it_verifies_pairs_in_a_pipeline_that_grid_search_takes(pairs, clips, small_c3d, tmp_path):
    same = np.array([int(a[-5]) % 2 == int(b[-5]) % 2 for a, b in pairs])
    model = make_pipeline(
        PairSimilarityTransformer(C3DTransformer(small_c3d, memory=tmp_path)),
        StandardScaler(),
        LinearSVC(random_state=0),
    )
    grid = {"pairsimilaritytransformer__describer__pooling": ["mean", "max"]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(pairs, same)
    assert search.score(pairs, same) == 1
    assert len(DescriptorStore(tmp_path).readings()) == 2 * len(clips)


def test_clone_pickle_and_set_output(pairs, small_c3d):
    compare = PairSimilarityTransformer(C3DTransformer(small_c3d))
    with pytest.raises(NotFittedError):
        compare.transform(pairs)
    compare.set_output(transform="pandas")
    table = compare.fit_transform(pairs)
    assert list(table.columns) == [f"fc6_{name}" for name in SIMILARITIES]
    restored = pickle.loads(pickle.dumps(compare))
    assert_array_equal(restored.transform(pairs), table)
    assert len(pickle.dumps(compare)) < 5000
    assert not hasattr(clone(compare), "describer_")


def test_a_video_that_cannot_be_read_spoils_its_pairs_alone(pairs, clips, small_c3d, tmp_path):
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"no video")
    mixed = [*pairs[:2], (clips[0], str(broken)), (str(broken), clips[1])]
    with pytest.raises(VideoDecodeError, match=r"broken\.avi"):
        PairSimilarityTransformer(C3DTransformer(small_c3d)).fit_transform(mixed)
    compare = PairSimilarityTransformer(C3DTransformer(small_c3d, on_error="nan"))
    with pytest.warns(UserWarning, match="1 of 4 videos could not be described"):
        result = compare.fit_transform(mixed)
    assert_array_equal(np.isnan(result).all(axis=1), [False, False, True, True])
    assert [(pair, video) for pair, video, _ in compare.failures_] == [
        (2, str(broken)),
        (3, str(broken)),
    ]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["ab", "cd"], "Item 0 of X is no pair: 'ab'"),
        ([("a", "b"), ("a", "b", "c")], "Item 1 of X is no pair: 3 things"),
        ([("a", "b"), "video.mp4"], "Item 1 of X is no pair: 'video.mp4'"),
        (np.zeros((3, 2, 8, 8, 3), np.uint8), "Item 0 of X is no pair"),
        ([], r"Found array with 0 sample\(s\)"),
        (pd.DataFrame({"a": ["x"], "b": ["y"], "c": ["z"]}), "table of 3 columns"),
    ],
    ids=["texts", "three", "one", "videos of two frames", "nothing", "columns"],
)
def test_what_is_no_sequence_of_pairs_is_refused(X, message, small_c3d):
    with pytest.raises(ValueError, match=message):
        PairSimilarityTransformer(C3DTransformer(small_c3d)).fit(X)


@pytest.mark.parametrize("X", ["ab", 3, None])
def test_what_is_no_sequence_is_refused(X, small_c3d):
    with pytest.raises(TypeError, match="sequence of pairs"):
        PairSimilarityTransformer(C3DTransformer(small_c3d)).fit(X)


def test_a_describer_that_gives_no_rows_is_refused(noise_videos):
    describer = FunctionTransformer(lambda videos: np.zeros(len(videos)))
    with pytest.raises(ValueError, match="one row of numbers for each"):
        PairSimilarityTransformer(describer).fit_transform([(noise_videos[0], noise_videos[1])])
