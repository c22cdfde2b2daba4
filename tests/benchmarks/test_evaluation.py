"""Folds are evaluated as cross_val_predict does it, and nothing of a test part is learnt."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import (
    GridSearchCV,
    LeaveOneOut,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skvideo3d.benchmarks.describing import Described
from skvideo3d.benchmarks.evaluation import check_evaluation, evaluate


def unit_rows(n_videos, n_features, n_classes, *, signal, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_videos) % n_classes
    rows = np.maximum(
        signal * rng.random((n_classes, n_features))[y] + rng.normal(size=(n_videos, n_features)), 0
    )
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), y


def in_order(outcomes, n_videos):
    predictions = np.full(n_videos, -1)
    for outcome in outcomes:
        predictions[outcome.test] = outcome.predictions
    return predictions


@pytest.mark.parametrize("n_features", [20, 500], ids=["more videos", "more features"])
@pytest.mark.parametrize(
    "classifier",
    [
        LinearSVC(random_state=0),
        LinearSVC(C=100, random_state=0, max_iter=100_000),
        LinearSVC(penalty="l1", random_state=0, max_iter=100_000),
        SVC(kernel="linear"),
        SVC(),
        RidgeClassifier(),
        RidgeClassifier(positive=True),
        KNeighborsClassifier(3),
        make_pipeline(StandardScaler(), LinearSVC(random_state=0, max_iter=100_000)),
    ],
    ids=repr,
)
def test_leave_one_out_is_that_of_cross_val_predict(n_features, classifier):
    # More features than videos: linear models are fitted in rotated coordinates.
    rows, y = unit_rows(45, n_features, 3, signal=2.0 if n_features == 20 else 0.9)
    folds = list(LeaveOneOut().split(rows))
    outcomes = evaluate(Described(rows, None), y, folds, classifier=classifier)
    expected = cross_val_predict(classifier, rows, y, cv=folds)
    assert_array_equal(in_order(outcomes, 45), expected)
    assert 0.5 < np.mean(expected == y) < 1  # some are wrong: the comparison means something


def test_decision_values_in_rotated_coordinates_are_the_same():
    rows, y = unit_rows(40, 600, 2, signal=0.2)
    folds = list(StratifiedKFold(20).split(rows, y))  # fewer would not be worth the rotation
    classifier = LinearSVC(random_state=0, tol=1e-8, max_iter=100_000)
    outcomes = evaluate(Described(rows, None), y, folds, classifier=classifier)
    for outcome, (train, test) in zip(outcomes, folds, strict=True):
        plain = clone(classifier).fit(rows[train], y[train])
        np.testing.assert_allclose(outcome.scores, plain.decision_function(rows[test]), atol=1e-6)


def test_scores_are_probabilities_where_there_is_no_decision_function():
    rows, y = unit_rows(20, 5, 2, signal=1)
    fold = (np.arange(10), np.arange(10, 20))
    (outcome,) = evaluate(Described(rows, None), y, [fold], classifier=KNeighborsClassifier(4))
    assert set(outcome.scores) <= {0, 0.25, 0.5, 0.75, 1}


# --- leakage -----------------------------------------------------------------------------------


def test_the_describers_pca_is_learnt_from_training_videos_alone():
    # The class is along the first axis. A test video is far out along the second: a PCA that saw
    # it would keep the second axis, where the classes are alike.
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    rows = np.stack([10.0 * y + rng.normal(size=40), rng.normal(size=40)], axis=1)
    rows[39, 1] = 1e4
    fold = (np.arange(20), np.arange(20, 40))
    (outcome,) = evaluate(Described(rows, PCA(1)), y, [fold])
    assert np.mean(outcome.predictions == y[20:]) == 1
    leaking = PCA(1).fit_transform(rows)
    wrong = LinearSVC(random_state=0).fit(leaking[:20], y[:20]).predict(leaking[20:])
    assert np.mean(wrong == y[20:]) < 0.8  # the data set does show leaking


def test_scaling_is_learnt_from_training_videos_alone():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    rows = np.stack([y + rng.normal(0, 0.1, 40), 3 * rng.normal(size=40)], axis=1)
    rows[39, 0] = 1e6  # would squeeze the axis that tells the classes apart to nothing
    fold = (np.arange(20), np.arange(20, 40))
    (outcome,) = evaluate(Described(rows, StandardScaler()), y, [fold])
    assert np.mean(outcome.predictions[:-1] == y[20:-1]) == 1
    leaking = StandardScaler().fit_transform(rows)
    wrong = LinearSVC(random_state=0).fit(leaking[:20], y[:20]).predict(leaking[20:])
    assert np.mean(wrong == y[20:]) < 0.8


def test_steps_that_use_labels_see_those_of_training_videos_alone():
    # Noise with 5000 features: choosing those that suit all labels makes guessing look like skill.
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(60, 5000)), np.arange(60) % 2
    folds = list(StratifiedKFold(5).split(rows, y))
    tail = SelectKBest(k=20)
    honest = in_order(evaluate(Described(rows, tail), y, folds), 60)
    chosen = clone(tail).fit_transform(rows, y)
    leaking = in_order(evaluate(Described(chosen, None), y, folds), 60)
    assert np.mean(honest == y) < 0.7
    assert np.mean(leaking == y) > 0.85


def test_c_is_chosen_inside_the_training_part_with_groups_kept_together():
    rows, y = unit_rows(60, 10, 2, signal=0.2)
    groups = np.arange(60) // 6  # six videos each, of both classes
    fold = (np.arange(36), np.arange(36, 60))
    grid = {"C": [0.001, 0.1, 10.0]}
    classifier = LinearSVC(random_state=0, max_iter=100_000)
    (outcome,) = evaluate(
        Described(rows, None), y, [fold], classifier=classifier, param_grid=grid, groups=groups
    )
    inner = StratifiedGroupKFold(5).split(rows[:36], y[:36], groups[:36])
    expected = GridSearchCV(classifier, grid, cv=list(inner)).fit(rows[:36], y[:36])
    assert outcome.best_params == expected.best_params_
    assert_array_equal(outcome.predictions, expected.predict(rows[36:]))


def test_a_grid_may_search_what_the_describer_learns():
    rows, y = unit_rows(60, 10, 2, signal=0.5)
    fold = (np.arange(40), np.arange(40, 60))
    grid = {"C": [1.0], "descriptor__n_components": [1, 5]}
    (outcome,) = evaluate(Described(rows, PCA(2, random_state=0)), y, [fold], param_grid=grid)
    assert set(outcome.best_params) == {"C", "descriptor__n_components"}


# --- videos that failed, classes that are too small ----------------------------------------------


def test_videos_that_failed_are_in_no_fold():
    rows, y = unit_rows(30, 100, 3, signal=1)
    broken = rows.copy()
    broken[[4, 17]] = np.nan
    described = Described(broken, None, failures=[(4, "unreadable"), (17, "unreadable")])
    outcomes = evaluate(described, y, list(LeaveOneOut().split(rows)))
    kept = np.setdiff1d(np.arange(30), [4, 17])
    assert_array_equal(np.concatenate([outcome.test for outcome in outcomes]), kept)
    expected = cross_val_predict(LinearSVC(random_state=0), rows[kept], y[kept], cv=LeaveOneOut())
    assert_array_equal(in_order(outcomes, 30)[kept], expected)
    assert [outcome.index for outcome in outcomes] == kept.tolist()


def test_folds_without_any_test_video_are_an_error():
    rows, y = unit_rows(6, 4, 2, signal=1)
    described = Described(rows, None, failures=[(4, "unreadable"), (5, "unreadable")])
    with pytest.raises(ValueError, match="none of the 1 folds has a test video"):
        evaluate(described, y, [(np.arange(4), np.array([4, 5]))])


def test_what_a_grid_search_chose_is_written_down_plainly():
    rows, y = unit_rows(40, 5, 2, signal=1)
    fold = (np.arange(30), np.arange(30, 40))
    tail = make_pipeline(StandardScaler())
    grid = {"descriptor__standardscaler": [StandardScaler()], "C": np.array([1.0])}
    (outcome,) = evaluate(Described(rows, tail), y, [fold], param_grid=grid)
    assert outcome.best_params == {"descriptor__standardscaler": "StandardScaler()", "C": 1.0}


def test_a_training_part_of_one_class_is_refused():
    rows, y = unit_rows(6, 4, 2, signal=1)
    with pytest.raises(ValueError, match=r"fold 1 has 3 training videos, all of one class"):
        evaluate(Described(rows, None), y, [(np.array([0, 2, 4]), np.array([1, 3]))])


def test_a_grid_search_over_a_class_of_one_video_is_refused_with_what_to_do():
    rows, y = unit_rows(9, 4, 2, signal=1)
    y = np.array([0] * 8 + [1])
    fold = (np.array([0, 1, 2, 3, 8]), np.array([4, 5]))
    with pytest.raises(ValueError, match="at least two videos of every class"):
        evaluate(Described(rows, None), y, [fold], param_grid={"C": [1, 10]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classifier": LinearSVC(C=-1)}, "The 'C' parameter of LinearSVC"),
        ({"param_grid": {"C": [1, 0]}}, "The 'C' parameter of LinearSVC"),
        ({"param_grid": {"D": [1]}}, "Invalid parameter 'D'"),
        ({"y": np.zeros(6, int)}, "all of one class"),
        ({"param_grid": {"C": [1]}, "groups": np.array([0, 1, 0, 1, 0, 1])}, "at least two groups"),
    ],
    ids=["parameter", "grid", "name", "class", "groups"],
)
def test_what_would_fail_is_refused_before_any_video_is_opened(options, message):
    options = {"y": np.arange(6) % 2, "classifier": LinearSVC(), **options}
    with pytest.raises(ValueError, match=message):
        check_evaluation(cv=[(np.arange(4), np.array([4, 5]))], **options)


# --- going on ------------------------------------------------------------------------------------


def test_folds_are_kept_and_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    rows, y = unit_rows(24, 8, 2, signal=0.5)
    folds = list(StratifiedKFold(6).split(rows, y))
    fit, fits = LinearSVC.fit, []
    monkeypatch.setattr(LinearSVC, "fit", lambda *args: fits.append(1) or fit(*args))

    def run(folds, classifier):
        fits.clear()
        return evaluate(Described(rows, None), y, folds, classifier=classifier, memory=tmp_path)

    run(folds[:4], LinearSVC(random_state=0))
    again = run(folds, LinearSVC(random_state=0))
    assert len(fits) == 2
    plain = evaluate(Described(rows, None), y, folds, classifier=LinearSVC(random_state=0))
    for one, other in zip(again, plain, strict=True):
        assert_array_equal(one.predictions, other.predictions)
        assert_array_equal(one.scores, other.scores)
        assert one.index == other.index
    run(folds, LinearSVC(C=2, random_state=0))
    assert len(fits) == 6  # other settings are other folds
    rows = rows + 0.1
    run(folds, LinearSVC(random_state=0))
    assert len(fits) == 6  # and so are other rows


class Own(LinearSVC):
    """A class of the user's: in the next run it may do something else."""


@pytest.mark.parametrize(
    ("tail", "classifier"),
    [
        (None, Own()),
        (None, make_pipeline(StandardScaler(), Own())),
        (FunctionTransformer(lambda rows: rows[:, :3]), None),
        (None, SVC(kernel=lambda a, b: a @ b.T)),
        (None, LinearSVC(random_state=np.random.RandomState(0))),
    ],
    ids=["class", "class inside", "function", "kernel", "random state"],
)
def test_nothing_is_kept_of_what_may_be_something_else_next_time(tmp_path, tail, classifier):
    rows, y = unit_rows(24, 8, 2, signal=0.5)
    folds = list(StratifiedKFold(3).split(rows, y))
    evaluate(Described(rows, tail), y, folds, classifier=classifier, memory=tmp_path)
    assert not (tmp_path / "folds").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"nonsense",
        lambda content: content[: len(content) // 2],
        lambda content: content[:150] + bytes([content[150] ^ 255]) + content[151:],
    ],
    ids=["empty", "nonsense", "cut off", "a flipped byte"],
)
def test_a_damaged_fold_is_computed_anew(tmp_path, damage):
    rows, y = unit_rows(24, 8, 2, signal=0.5)
    folds = list(StratifiedKFold(3).split(rows, y))
    first = evaluate(Described(rows, None), y, folds, memory=tmp_path)
    for path in (tmp_path / "folds").iterdir():
        path.write_bytes(damage(path.read_bytes()))
    again = evaluate(Described(rows, None), y, folds, memory=tmp_path)
    for one, other in zip(first, again, strict=True):
        assert_array_equal(one.predictions, other.predictions)


def test_several_processes_give_the_same():
    rows, y = unit_rows(24, 8, 2, signal=0.5)
    folds = list(StratifiedKFold(3).split(rows, y))
    one = evaluate(Described(rows, None), y, folds)
    two = evaluate(Described(rows, None), y, folds, n_jobs=2)
    assert [o.index for o in one] == [o.index for o in two]
    for a, b in zip(one, two, strict=True):
        assert_array_equal(a.scores, b.scores)
