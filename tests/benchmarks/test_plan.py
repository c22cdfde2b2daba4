"""A describer taken apart gives what the describer gives, and learns nothing outside its tail."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skvideo3d import C3DTransformer
from skvideo3d.benchmarks.plan import make_plan, visible_networks


class Learner(TransformerMixin, BaseEstimator):
    """Learns from videos what nobody can see from outside."""

    def fit(self, X, y=None):
        self.mean_ = np.mean([video.mean() for video in X])
        return self

    def transform(self, X):
        return np.array([[video.mean() - self.mean_] for video in X])


def network(small_c3d, **parameters):
    return C3DTransformer(small_c3d, layer=("fc6", "fc7"), **parameters)


DESCRIBERS = {
    "network": network,
    "network with PCA": lambda path: network(path, n_components=2, whiten=True, random_state=0),
    "pipeline": lambda path: make_pipeline(network(path), StandardScaler(), PCA(3, random_state=0)),
    "PCA and scaling": lambda path: make_pipeline(
        network(path, n_components=2, random_state=0), StandardScaler()
    ),
    "union": lambda path: make_union(network(path), network(path, pooling="max")),
    "union that learns": lambda path: make_union(
        make_pipeline(make_union(network(path), network(path, norm=None)), StandardScaler()),
        network(path, n_components=2, random_state=0),
        network(path, pooling="max"),
    ),
    "weighted union": lambda path: FeatureUnion(
        [("a", network(path)), ("b", network(path, n_components=2, random_state=0))],
        transformer_weights={"a": 3.0, "b": 0.5},
    ),
    "own": lambda path: FunctionTransformer(lambda X: np.array([[v.mean(), v.std()] for v in X])),
}


@pytest.mark.parametrize("make", DESCRIBERS.values(), ids=list(DESCRIBERS))
def test_parts_side_by_side_and_the_tail_give_what_the_describer_gives(
    make, small_c3d, noise_videos
):
    describer = make(small_c3d)
    train, test = noise_videos[:4], noise_videos[4:]
    plan = make_plan(describer)
    rows, columns, begin = [], [], 0
    for part in plan.parts:
        assert not hasattr(part.describer, "n_components") or part.describer.n_components is None
        own = np.asarray(part.describer.fit_transform(noise_videos))
        rows.append(own)
        columns.append(slice(begin, begin + own.shape[1]))
        begin += own.shape[1]
    rows = np.hstack(rows)
    tail = plan.tail(columns)
    if tail is not None:
        rows = tail.fit(rows[:4]).transform(rows)
    expected = describer.fit(train).transform(test)
    np.testing.assert_allclose(rows[4:], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "describer",
    [
        Learner(),
        make_pipeline(Learner(), StandardScaler()),
        make_union(FunctionTransformer(), Learner()),
        type("Variation", (C3DTransformer,), {"transform": lambda self, X: None})(n_components=2),
    ],
)
def test_what_learns_from_videos_themselves_cannot_be_taken_apart(describer):
    assert make_plan(describer) is None


def test_the_describer_is_left_as_it_was(small_c3d):
    describer = network(small_c3d, n_components=2)
    make_plan(describer)
    assert describer.n_components == 2
    assert not hasattr(describer, "feature_blocks_")


def test_steps_keep_the_names_that_grids_address():
    pipeline = Pipeline([("net", C3DTransformer(n_components=3)), ("reduce", PCA(1))])
    tail = make_plan(pipeline).tail([slice(0, 4096)])
    assert list(tail.named_steps) == ["net", "reduce"]


def test_networks_that_get_the_videos_are_found():
    union = make_union(make_pipeline(C3DTransformer(layer="fc7"), PCA(2)), Learner())
    (part,) = visible_networks(make_pipeline(union, StandardScaler()))
    assert (part.name, part.describer.layer) == ("pipeline", "fc7")
