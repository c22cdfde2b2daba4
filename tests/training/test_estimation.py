"""Which videos train and validate where some cannot be read, and which checkpoint is theirs."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit, StratifiedShuffleSplit

from skvideo3d.exceptions import CheckpointError, VideoNotFoundError
from skvideo3d.training import VideoClassifier


class Halves:
    """A splitter without a repr of its own values: the videos from a place on validate."""

    def __init__(self, first=6):
        self.first = first

    def split(self, X, y=None, groups=None):
        yield np.arange(self.first), np.arange(self.first, len(X))


def folds(*valid, n=12):
    fold = np.full(n, -1)
    fold[list(valid)] = 0
    return PredefinedSplit(fold)


@pytest.fixture
def fit(coloured, quick):
    """Fit some epochs, without words about videos that cannot be read."""

    def fitted(n_epochs=1, videos=None, **params):
        params = {**quick, "max_epochs": n_epochs, "n_test_clips": 1, **params}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            videos = videos or coloured[0]
            labels = np.tile(coloured[1], len(videos) // 12)
            return VideoClassifier(**params).fit(videos, labels)

    return fitted


def without(videos, *places):
    return [f"gone{place}.mp4" if place in places else each for place, each in enumerate(videos)]


@pytest.mark.parametrize(
    ("lost", "n_train", "n_valid"), [((0,), 7, 4), ((11,), 7, 4), ((3, 4), 8, 2)]
)
def test_a_splitter_is_asked_for_all_videos_and_those_that_fail_are_left_out(
    coloured, fit, lost, n_train, n_valid, monkeypatch
):
    from skvideo3d.training import estimation

    n_clips = []
    inner = estimation.VideoClips

    def counting(store, videos, *args, **options):
        n_clips.append(len(videos))
        return inner(store, videos, *args, **options)

    monkeypatch.setattr(estimation, "VideoClips", counting)
    fitted = fit(videos=without(coloured[0], *lost), validation=folds(3, 4, 5, 6), on_error="nan")
    assert [place for place, *_ in fitted.failures_] == list(lost)
    assert fitted.history_[0]["n_clips"] == n_train
    assert n_clips == [n_valid]


def test_a_side_that_is_left_without_videos_is_refused(coloured, fit):
    for lost, said in (((4, 5), "no video to test on"), ((1, 3, 5, 7), "no video of class 'blue'")):
        valid = (4, 5) if lost == (4, 5) else (9, 11)
        with pytest.raises(ValueError, match=rf"leaves {said}.*{len(lost)} of them cannot be read"):
            fit(videos=without(coloured[0], *lost), validation=folds(*valid), on_error="nan")


@pytest.mark.parametrize("where", ["kept.ckpt", "folder"])
def test_a_missing_file_and_a_checkpoint_go_together(coloured, fit, where, tmp_path):
    videos = without(coloured[0], 3)
    keep = {"checkpoint": tmp_path / where, "videos": videos, "on_error": "nan"}
    fit(**keep)
    assert fit(3, **keep).n_epochs_ == 3
    with pytest.raises(VideoNotFoundError, match="Item 3 of X"):
        fit(**{**keep, "on_error": "raise"})


def test_splits_of_one_repr_are_told_apart(fit, coloured, tmp_path):
    # NumPy shortens the repr of long arrays.
    one, other = folds(30, 31, n=72), folds(40, 41, n=72)
    assert repr(one) == repr(other)
    keep = {"videos": coloured[0] * 6, "batch_size": 36}
    path = tmp_path / "training.ckpt"
    fit(validation=one, checkpoint=path, **keep)
    with pytest.raises(CheckpointError, match="another training: validation was"):
        fit(2, validation=other, checkpoint=path, **keep)
    for each in (one, other, one):
        fit(validation=each, checkpoint=tmp_path / "folder", **keep)
    assert len(list((tmp_path / "folder").iterdir())) == 2


def test_a_splitter_that_draws_anew_does_not_go_on(fit, tmp_path):
    path = tmp_path / "training.ckpt"
    np.random.seed(0)  # noqa: NPY002, which such splitters draw from
    fit(validation=StratifiedShuffleSplit(1, test_size=4), checkpoint=path)
    with pytest.raises(CheckpointError, match="another training: validation was"):
        fit(2, validation=StratifiedShuffleSplit(1, test_size=4), checkpoint=path)


def test_a_splitter_without_a_repr_goes_on(fit, tmp_path):
    path = tmp_path / "training.ckpt"
    fit(validation=Halves(), checkpoint=path)
    assert fit(2, validation=Halves(), checkpoint=path).n_epochs_ == 2
    with pytest.raises(CheckpointError, match="validation was"):
        fit(2, validation=Halves(8), checkpoint=path)


def test_a_checkpoint_of_fewer_readable_videos_is_refused(fit, coloured, write_video, tmp_path):
    # The limit fails the larger video; the video itself stays as it is.
    large = str(tmp_path / "large.mp4")
    write_video(large, np.zeros((16, 60, 80, 3), dtype=np.uint8))
    keep = {"videos": [*coloured[0][:-1], large], "on_error": "nan"}
    path = tmp_path / "training.ckpt"
    first = fit(max_pixels=3000, checkpoint=path, **keep)
    assert [place for place, *_ in first.failures_] == [11]
    with pytest.raises(CheckpointError, match=r"unreadable videos was \[11\] and is \[\]"):
        fit(2, checkpoint=path, **keep)
    assert fit(2, max_pixels=3000, checkpoint=path, **keep).n_epochs_ == 2


def test_a_checkpoint_of_other_settings_is_refused_before_videos_are_read(fit, tmp_path):
    from skvideo3d.training import estimation

    path = tmp_path / "training.ckpt"
    fit(checkpoint=path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimation.FrameStore, "fill", lambda *_, **__: pytest.fail("videos read"))
        with pytest.raises(CheckpointError, match="lr was"):
            fit(checkpoint=path, lr=0.5)
