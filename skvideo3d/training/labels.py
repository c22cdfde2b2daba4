"""Labels of videos: what is refused, their weights, and which videos validate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

__all__ = [
    "LabelledVideos",
    "check_groups",
    "check_labels",
    "check_sides",
    "split_off",
    "weights_of_classes",
]


@dataclass(frozen=True)
class LabelledVideos:
    """What a network is to learn from.

    Parameters
    ----------
    videos : list
    labels : ndarray of shape (n_videos,)
    classes : ndarray of shape (n_classes,)
        The labels that there are, sorted.
    groups : ndarray of shape (n_videos,) or None
        Videos that belong together.
    """

    videos: list[Any]
    labels: NDArray[Any]
    classes: NDArray[Any]
    groups: NDArray[Any] | None


def check_labels(y: Any, n_videos: int) -> NDArray[Any]:
    """Make an array of the labels of videos.

    Parameters
    ----------
    y : array-like of shape (n_videos,)
    n_videos : int

    Returns
    -------
    ndarray of shape (n_videos,)

    Raises
    ------
    ValueError
        If they are missing, of another length, or no classes.

    Examples
    --------
    >>> check_labels(["run", "walk"], 2).tolist()
    ['run', 'walk']
    """
    if y is None:
        raise ValueError("VideoClassifier requires y to be passed, but the target y is None.")
    labels: NDArray[Any] = column_or_1d(y, warn=True)
    _check_one_each(len(labels), n_videos, "labels in y", "label")
    missing = [place for place, label in enumerate(labels.tolist()) if _is_missing(label)]
    if missing:
        raise ValueError(
            f"Input y contains NaN, infinity or None: {len(missing)} labels are missing, the first "
            f"of item {missing[0]}; leave those videos out."
        )
    if labels.dtype == object:
        labels = np.array(labels.tolist())
    check_classification_targets(labels)
    return labels


def check_groups(groups: Any, n_videos: int) -> NDArray[Any] | None:
    """Make an array of the groups of videos.

    Parameters
    ----------
    groups : array-like of shape (n_videos,) or None
    n_videos : int

    Returns
    -------
    ndarray of shape (n_videos,) or None

    Raises
    ------
    ValueError
        If some are missing, or there is another number of them.

    Examples
    --------
    >>> check_groups(["anna", "ben"], 2).tolist()
    ['anna', 'ben']
    """
    if groups is None:
        return None
    names: NDArray[Any] = column_or_1d(groups)
    _check_one_each(len(names), n_videos, "groups", "group")
    missing = [place for place, name in enumerate(names.tolist()) if _is_missing(name)]
    if missing:
        raise ValueError(
            f"{len(missing)} groups are missing, the first of item {missing[0]}; give such a video "
            "a group of its own, or leave it out."
        )
    return np.array(names.tolist()) if names.dtype == object else names


def _check_one_each(n: int, n_videos: int, what: str, one: str) -> None:
    if n != n_videos:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_videos} videos in X "
            f"and {n} {what}; each video needs one {one}."
        )


def weights_of_classes(
    class_weight: str | Mapping[Any, float] | None, classes: NDArray[Any], labels: NDArray[Any]
) -> NDArray[np.float32] | None:
    """Give each class its weight in the loss.

    Parameters
    ----------
    class_weight : {"balanced"}, mapping of class to float, or None
        "balanced" is n_videos / (n_classes * videos of the class); classes that a mapping does not
        name have weight 1.
    classes : ndarray of shape (n_classes,)
    labels : ndarray of shape (n_videos,)

    Returns
    -------
    ndarray of shape (n_classes,), float32, or None

    Raises
    ------
    ValueError
        If the mapping names what is no class, or a weight is not above 0 or not finite.

    Examples
    --------
    >>> labels = np.array(["run", "run", "run", "walk"])
    >>> weights_of_classes("balanced", np.unique(labels), labels)
    array([0.6666667, 2.       ], dtype=float32)
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, Mapping):
        unknown = [name for name in class_weight if name not in classes.tolist()]
        if unknown:
            raise ValueError(
                f"class_weight={dict(class_weight)!r}: {unknown[0]!r} is no class; the classes are "
                f"{classes.tolist()}."
            )
        for name, weight in class_weight.items():
            if not 0 < weight < math.inf:
                raise ValueError(
                    f"class_weight={dict(class_weight)!r}: {name!r} has weight {weight!r}, which "
                    "is not above 0 and finite: clips of that class alone would have no mean loss. "
                    "To train without a class, leave its videos out."
                )
        class_weight = dict(class_weight)
    return np.asarray(
        compute_class_weight(class_weight, classes=classes, y=labels), dtype=np.float32
    )


def split_off(
    validation: Any,
    labels: NDArray[Any],
    groups: NDArray[Any] | None,
    seed: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the videos for validation.

    Parameters
    ----------
    validation : None, float or splitter
        A share of the videos of each class; of the groups, where there are groups. The first split
        of a scikit-learn splitter.
    labels : ndarray of shape (n_videos,)
    groups : ndarray of shape (n_videos,) or None
        Videos of a group stay together.
    seed : int

    Returns
    -------
    train, valid : ndarray of int
        Positions, ascending.

    Raises
    ------
    ValueError
        If a class cannot be on both sides, naming it, no group can be spared, or the split leaves
        a side without videos.

    Examples
    --------
    >>> split_off(None, np.array([0, 1]), None, seed=0)
    (array([0, 1]), array([], dtype=int64))
    """
    everything = np.arange(len(labels))
    if validation is None:
        return everything, everything[:0]
    if not isinstance(validation, Real):
        train, valid = next(iter(validation.split(everything, labels, groups)))
    elif groups is not None:
        is_valid = np.isin(groups, _spared_groups(float(validation), labels, groups, seed))
        train, valid = everything[~is_valid], everything[is_valid]
    else:
        classes, counts = np.unique(labels, return_counts=True)
        if counts.min() < 2:
            raise ValueError(
                f"Class {classes[counts.argmin()].item()!r} has one video, and "
                f"validation={validation!r} needs one of each class beside it; add videos, leave "
                "the class out, or pass validation=None."
            )
        n_valid = max(len(classes), round(float(validation) * len(labels)))
        n_valid = min(n_valid, len(labels) - len(classes))
        splitter = StratifiedShuffleSplit(1, test_size=n_valid, random_state=seed)
        train, valid = next(splitter.split(everything, labels))
    train, valid = np.sort(train), np.sort(valid)
    check_sides(validation, labels, train, valid)
    return train, valid


def check_sides(
    validation: Any,
    labels: NDArray[Any],
    train: NDArray[np.intp],
    valid: NDArray[np.intp],
    n_lost: int = 0,
) -> None:
    """Refuse a split that leaves a class without videos to train on, or none to validate.

    Parameters
    ----------
    validation : None, float or splitter
    labels : ndarray of shape (n_videos,)
    train, valid : ndarray of int
        Positions.
    n_lost : int
        Videos that are on no side since they cannot be read.

    Raises
    ------
    ValueError
        If it does.
    """
    lacking = sorted(set(labels.tolist()) - set(labels[train].tolist()))
    if lacking or (validation is not None and not len(valid)):
        what = f"no video of class {lacking[0]!r} to train on" if lacking else "no video to test on"
        lost = f" ({n_lost} of them cannot be read)" if n_lost else ""
        raise ValueError(
            f"validation={validation!r} leaves {what}{lost}; choose another split, or more groups."
        )


def _spared_groups(
    share: float, labels: NDArray[Any], groups: NDArray[Any], seed: int
) -> NDArray[Any]:
    """Draw groups one by one, but those without which a class has nothing left to train on."""
    names, numbers = np.unique(groups, return_inverse=True)
    classes, codes = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)), dtype=np.intp)
    np.add.at(counts, (numbers, codes), 1)
    if len(names) < 2:
        raise ValueError(
            f"validation={share!r}: all {len(labels)} videos are of the one group "
            f"{names[0].item()!r}, which stays on one side; give more groups, or none."
        )
    n_valid = max(1, round(share * len(names)))
    left = counts.sum(axis=0)
    spared: list[int] = []
    for group in np.random.RandomState(seed).permutation(len(names)):
        if len(spared) < n_valid and (left > counts[group]).all():
            spared.append(group)
            left = left - counts[group]
    if not spared:
        of_first = classes[(left == counts[0]).argmax()].item()
        raise ValueError(
            f"validation={share!r}: every group has all videos of some class: "
            f"{names[0].item()!r} those of {of_first!r}; give groups of which a class has several, "
            "or pass validation=None."
        )
    found: NDArray[Any] = names[np.sort(spared)]
    return found


def _is_missing(label: Any) -> bool:
    is_none = isinstance(label, float) and not math.isfinite(label)
    return label is None or is_none or type(label).__name__ == "NAType"
