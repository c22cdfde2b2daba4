"""Which labels are refused, what weights they get, and which videos validate."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold

from skvideo3d.training import TrainingRecipe, VideoClassifier
from skvideo3d.training.labels import (
    check_groups,
    check_labels,
    split_off,
    weights_of_classes,
)
from skvideo3d.video import Preprocessing


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (None, "requires y to be passed"),
        (["a"] * 3, "4 videos in X and 3 labels in y"),
        (["a", None, "b", "b"], "1 labels are missing, the first of item 1"),
        ([0.0, 1.0, float("nan"), float("nan")], "2 labels are missing, the first of item 2"),
        ([0.0, 1.0, float("inf"), 1.0], "1 labels are missing, the first of item 2"),
        (pd.array(["a", pd.NA, "b", "b"]), "first of item 1"),
        ([0.5, 1.25, 2.0, 1.0], "continuous"),
        ([[0, 1], [1, 0], [1, 1], [0, 0]], "1d array|shape"),
    ],
)
def test_labels_that_are_none_are_refused(y, said):
    with pytest.raises(ValueError, match=said):
        check_labels(y, 4)


@pytest.mark.parametrize(
    "y", [["b", "a"], np.array([3, 1]), pd.Series(["b", "a"], index=[7, 8]), (True, False)]
)
def test_labels_come_in_any_container(y):
    assert check_labels(y, 2).tolist() == list(y)


def test_balanced_weights_are_those_of_scikit_learn():
    # n / (classes * count): 6 / (3 * 1), 6 / (3 * 2), 6 / (3 * 3).
    labels = np.array(list("abbccc"))
    found = weights_of_classes("balanced", np.unique(labels), labels)
    np.testing.assert_allclose(found, [2, 1, 2 / 3], rtol=1e-6)
    some = weights_of_classes({"b": 5.0}, np.unique(labels), labels)
    np.testing.assert_array_equal(some, [1, 5, 1])


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"d": 1.0}, "'d' is no class"),
        ({"a": -1.0}, r"'a' has weight -1\.0, which is not above 0"),
        # A batch of that class alone would have a loss of 0 / 0.
        ({"b": 0.0}, r"'b' has weight 0\.0.*leave its videos out"),
        ({"b": float("nan")}, "'b' has weight nan"),
        ({"b": float("inf")}, "'b' has weight inf"),
    ],
)
def test_weights_of_no_class_or_not_above_zero_are_refused(weights, said):
    with pytest.raises(ValueError, match=said):
        weights_of_classes(weights, np.array(["a", "b"]), np.array(["a", "b"]))


def test_the_loss_is_the_weighted_mean_over_clips(coloured):
    import torch
    from torch import nn

    class Fixed(nn.Module):
        """Scores 0 and log 3, whatever it sees: probabilities of a quarter and three quarters."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, clips):
            return torch.tensor([[0.0, np.log(3)]]).repeat(len(clips), 1) + 0 * self.weight

    videos, labels = coloured
    kept = [*range(0, 12, 2), 1, 3]  # six red, two blue
    fitted = VideoClassifier(
        Fixed(),
        recipe=TrainingRecipe(max_epochs=1, batch_size=3),
        preprocessing=Preprocessing((8, 8), (8, 8)),
        class_weight={"blue": 3.0},
        random_state=0,
    ).fit([videos[place] for place in kept], labels[kept])
    # blue is class 0: -log(1/4); red is class 1: -log(3/4).
    expected = (2 * 3 * np.log(4) + 6 * np.log(4 / 3)) / (2 * 3 + 6)
    assert fitted.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-6)
    assert fitted.history_[0]["train_accuracy"] == 6 / 8


def test_a_share_is_taken_of_every_class():
    labels = np.repeat(["a", "b"], [20, 10])
    train, valid = split_off(0.2, labels, None, seed=0)
    assert sorted([*train, *valid]) == list(range(30))
    assert [(labels[valid] == name).sum() for name in "ab"] == [4, 2]
    again = split_off(0.2, labels, None, seed=0)[1]
    assert valid.tolist() == again.tolist()
    assert valid.tolist() != split_off(0.2, labels, None, seed=1)[1].tolist()


def test_a_small_share_still_has_a_video_of_every_class():
    labels = np.array(list("aabbcc"))
    train, valid = split_off(0.1, labels, None, seed=0)
    assert sorted(labels[valid]) == sorted(labels[train]) == list("abc")


def test_videos_of_a_group_stay_together():
    groups = np.repeat(np.arange(5), 4)
    labels = np.tile(list("ab"), 10)
    train, valid = split_off(0.4, labels, groups, seed=0)
    assert set(groups[train]).isdisjoint(groups[valid])
    assert len(set(groups[valid])) == 2
    splitter = GroupKFold(5)
    expected = next(splitter.split(labels, labels, groups))
    for ours, theirs in zip(split_off(splitter, labels, groups, 0), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("seed", range(50))
def test_a_split_by_groups_that_exists_is_found(seed):
    # Every class has the videos of two people: one of each could validate, both of one could not.
    groups = np.repeat(np.arange(8), 4)
    labels = np.repeat(list("abcd"), 8)
    train, valid = split_off(0.25, labels, groups, seed)
    assert sorted([*train, *valid]) == list(range(32))
    assert set(groups[train]).isdisjoint(groups[valid])
    assert len(set(groups[valid])) == 2
    assert set(labels[train]) == set("abcd")


def test_the_only_group_that_can_be_spared_validates():
    # Of twenty people each has a class of his own, and the last one joined the first in his.
    groups = np.arange(21)
    labels = np.array([*range(20), 0])
    for seed in range(5):
        valid = split_off(0.5, labels, groups, seed)[1]
        assert valid.tolist() in ([0], [20])


def test_the_seed_chooses_the_groups():
    groups, labels = np.repeat(np.arange(9), 2), np.tile(list("ab"), 9)
    found = [tuple(split_off(1 / 3, labels, groups, seed)[1]) for seed in (0, 0, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["p"] * 4, "all 4 videos are of the one group 'p'"),
        (["p", "p", "q", "q"], "every group has all videos of some class: 'p' those of 'a'"),
    ],
)
def test_groups_of_which_none_can_be_spared_are_refused(groups, said):
    with pytest.raises(ValueError, match=rf"validation=0\.5: {said}"):
        split_off(0.5, np.array(list("aabb")), np.array(groups), seed=0)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["p", None, "q", None], "2 groups are missing, the first of item 1"),
        ([0.0, 1.0, 2.0, float("nan")], "1 groups are missing, the first of item 3"),
        (["p", "q"], "inconsistent numbers of samples: 4 videos in X and 2 groups"),
        ([["p", "q"]] * 4, "1d array|shape"),
    ],
)
def test_groups_that_are_none_are_refused(groups, said):
    with pytest.raises(ValueError, match=said):
        check_groups(groups, 4)


def test_groups_come_in_any_container_or_not_at_all():
    assert check_groups(None, 3) is None
    assert check_groups(pd.Series(["p", "q"], index=[7, 8]), 2).tolist() == ["p", "q"]
    assert check_groups(np.array(["p", "q"], dtype=object), 2).tolist() == ["p", "q"]


def test_a_class_with_one_video_cannot_be_on_both_sides():
    with pytest.raises(ValueError, match=r"Class 'b' has one video.*validation=None"):
        split_off(0.5, np.array(list("aaab")), None, seed=0)
    assert split_off(None, np.array(list("aaab")), None, seed=0)[0].tolist() == [0, 1, 2, 3]


def test_a_split_that_leaves_a_class_without_videos_is_refused():
    labels = np.array(list("aabb"))
    with pytest.raises(ValueError, match="no video of class 'a' to train on"):
        split_off(KFold(2), labels, None, seed=0)
