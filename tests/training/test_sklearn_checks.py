"""scikit-learn's own checks of a classifier, on tables whose rows become videos.

As tests/feature_extraction/test_sklearn_checks.py does it for the transformers: a check that is
about tables as such must fail, and is listed with the reason and the test that stands for it.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from skvideo3d.training import VideoClassifier


def rows_to_videos(X):
    """Make a video of 2 frames of each row: equal rows give equal videos."""
    table = np.asarray(X)
    if sparse.issparse(X) or np.iscomplexobj(table) or table.ndim != 2:
        return X
    videos = [
        np.resize(np.frombuffer(row.tobytes(), np.uint8), (2, 6, 8, 3))
        for row in table.astype(np.float64)
    ]
    return pd.Series(videos, index=X.index) if isinstance(X, pd.DataFrame) else videos


class RowsClassifier(VideoClassifier):
    """A classifier of tables of numbers."""

    def fit(self, X, y, groups=None):
        return super().fit(rows_to_videos(X), y, groups)

    def predict_proba(self, X):
        return super().predict_proba(rows_to_videos(X))

    def predict(self, X):
        return super().predict(rows_to_videos(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        # One epoch of a tiny network on the bytes of a table; that networks learn is shown of
        # videos, in test_a_network_learns_a_tiny_set_by_heart.
        tags.classifier_tags.poor_score = True
        return tags


ROWS = RowsClassifier(
    "c3d-bn",
    network_params={"width": 1 / 32},
    input_size=8,
    clip_len=4,
    max_epochs=1,
    n_test_clips=1,
    random_state=0,
    lr=0.01,
)

# Check: why it cannot apply. The tests that stand for these are those of the same name in
# tests/feature_extraction, as what X may be is decided in one place for all.
EXCEPTED = {
    "check_n_features_in": "videos have no columns to count",
    "check_n_features_in_after_fitting": "videos have no columns to count",
    "check_complex_data": "a complex table is refused as any table is, not for being complex",
    "check_estimators_nan_inf": "pixels are uint8, which has neither NaN nor infinity",
    "check_estimators_empty_data_messages": "wants a table without columns refused",
    "check_fit2d_predict1d": "wants the advice to reshape; a video has to be put in a list",
    "check_classifiers_train": "wants other columns than at fit refused: videos are of any size",
}


def checks():
    """Give each check once, in its first variant where it has several."""
    seen = {"check_array_api_input"}  # for who claims to take other arrays than numpy's
    for _, check in estimator_checks_generator(ROWS):
        name = estimator_checks._check_name(check)
        if name not in seen:
            reason = EXCEPTED.get(name)
            marks = [pytest.mark.xfail(reason=reason)] if reason else []
            yield pytest.param(check, marks=marks, id=name)
        seen.add(name)


@pytest.mark.parametrize("check", list(checks()))
def test_scikit_learns_checks(check):
    check(ROWS)


def test_every_excepted_check_exists():
    assert set(EXCEPTED) <= {param.id for param in checks()}


def test_parameters_are_validated_by_name():
    estimator_checks.check_param_validation("RowsClassifier", ROWS)
