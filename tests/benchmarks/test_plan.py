"""A describer taken apart gives what the describer gives, and learns nothing outside its tail."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skvideo3d import C3DTransformer
from skvideo3d.benchmarks.plan import make_plan


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
        FeatureUnion([("net", C3DTransformer())], transformer_weights={"net": 2.0}),
    ],
)
def test_what_learns_from_videos_themselves_cannot_be_taken_apart(describer):
    assert make_plan(describer) is None


def test_the_describer_is_left_as_it_was(small_c3d):
    describer = network(small_c3d, n_components=2)
    make_plan(describer)
    assert describer.n_components == 2
    assert not hasattr(describer, "feature_blocks_")
