"""A training that was stopped, and gone on with, is the training that was not."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from skvideo3d.exceptions import CheckpointError
from skvideo3d.training import Cosine, Plateau, TrainingDivergedError, VideoClassifier
from skvideo3d.video import Preprocessing

WITHOUT_TIMES = ("epoch", "train_loss", "train_accuracy", "lr", "n_clips", "valid_loss")


def assert_same(first, second):
    """Weights, statistics of batch normalisations, momentum, history: to the last bit."""
    one, other = first.network_.state_dict(), second.network_.state_dict()
    assert list(one) == list(other)
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    states = [
        estimator.net_.optimizer_.state_dict()["state"].values() for estimator in (first, second)
    ]
    for left, right in zip(*states, strict=True):
        assert torch.equal(left["momentum_buffer"], right["momentum_buffer"])
    rows = [
        [{name: row.get(name) for name in WITHOUT_TIMES} for row in estimator.history_]
        for estimator in (first, second)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("schedule", [None, Plateau(factor=0.5, patience=0), Cosine(9, 2)])
def test_a_training_goes_on_after_an_epoch_to_the_same_result(
    coloured, quick, steps_recipe, schedule, tmp_path
):
    changes = {} if schedule is None else {"schedule": schedule}
    quick = {**quick, "recipe": steps_recipe(9, **changes), "network": "c3d-bn"}
    quick["validation"] = 0.2
    whole = VideoClassifier(**quick).fit(*coloured)
    path = tmp_path / "training.ckpt"
    VideoClassifier(**{**quick, "max_epochs": 1}, checkpoint=path).fit(*coloured)
    again = VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    assert len(again.history_) == 3
    assert_same(again, whole)


@pytest.mark.parametrize("n_before", [1, 4, 5])
def test_a_training_goes_on_in_the_middle_of_an_epoch_to_the_same_result(
    coloured, quick, steps_recipe, n_before, tmp_path
):
    quick = {**quick, "max_epochs": None, "network": "c3d-bn"}
    whole = VideoClassifier(recipe=steps_recipe(8), **quick).fit(*coloured)
    path = tmp_path / "training.ckpt"
    part = VideoClassifier(recipe=steps_recipe(n_before), checkpoint=path, **quick)
    part.fit(*coloured)
    assert sum(row["n_clips"] for row in part.history_) == 4 * n_before
    again = VideoClassifier(recipe=steps_recipe(8), checkpoint=path, **quick).fit(*coloured)
    assert_same(again, whole)


def test_a_training_that_is_over_is_not_done_again(coloured, quick, tmp_path):
    path = tmp_path / "training.ckpt"
    first = VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    written = path.stat().st_mtime_ns
    second = VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    assert_same(first, second)
    assert path.stat().st_mtime_ns == written


_FIT = """
import sys, numpy as np, torch
from skvideo3d.training import VideoClassifier
torch.set_num_threads(1)
found = np.load(sys.argv[1], allow_pickle=False)
videos = [found[f"arr_{i}"] for i in range(12)]
VideoClassifier(
    "c3d-bn", input_size=32, network_params={"width": 1 / 16}, max_epochs=20, batch_size=4,
    lr=0.01, random_state=0, checkpoint=sys.argv[2], checkpoint_minutes=0,
).fit(videos, np.array(["red", "blue"] * 6))
"""


def test_a_training_that_is_killed_goes_on_to_the_same_result(coloured, quick, tmp_path):
    videos, labels = coloured
    np.savez(tmp_path / "videos.npz", *videos)
    path = tmp_path / "training.ckpt"
    process = subprocess.Popen([sys.executable, "-c", _FIT, tmp_path / "videos.npz", path])
    seen = set()
    while len(seen) < 5 and process.poll() is None:  # written over a few times
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    quick = {**quick, "network": "c3d-bn", "max_epochs": 20}
    again = VideoClassifier(**quick, checkpoint=path).fit(videos, labels)
    assert again.n_epochs_ == 20
    assert_same(again, VideoClassifier(**quick).fit(videos, labels))


def test_a_folder_keeps_each_training_apart(coloured, quick, tmp_path):
    for lr in (0.01, 0.02, 0.01):
        VideoClassifier(**{**quick, "lr": lr}, checkpoint=tmp_path / "kept").fit(*coloured)
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_drawn_seed_is_the_checkpoints(coloured, quick, tmp_path):
    quick = {**quick, "random_state": None, "validation": 0.2}
    path = tmp_path / "training.ckpt"
    part = VideoClassifier(**{**quick, "max_epochs": 1}, checkpoint=path).fit(*coloured)
    again = VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    assert again.seed_ == part.seed_
    assert again.history_[0] == part.history_[0]
    whole = VideoClassifier(**{**quick, "random_state": part.seed_}).fit(*coloured)
    assert_same(again, whole)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": 0.02}, "lr was 0.01 and is 0.02"),
        ({"batch_size": 5}, "batch_size was 4 and is 5"),
        ({"random_state": 1}, "random_state was 0 and is 1"),
        pytest.param(
            {"freeze": "conv1a"},
            "freeze was None and is 'conv1a'",
            marks=pytest.mark.filterwarnings("ignore:freeze='conv1a' without weights="),
        ),
        ({"precision": "bfloat16"}, "precision was 'float32' and is 'bfloat16'"),
        ({"class_weight": "balanced"}, "class_weight was None and is 'balanced'"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_naming_what_differs(
    coloured, quick, changes, said, tmp_path
):
    path = tmp_path / "training.ckpt"
    VideoClassifier(**{**quick, "max_epochs": 1}, checkpoint=path).fit(*coloured)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"another training") as error:
        VideoClassifier(**{**quick, **changes}, checkpoint=path).fit(*coloured)
    assert f"another training: {said}." in str(error.value)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_a_checkpoint_of_other_videos_or_labels_is_refused(coloured, quick, tmp_path):
    videos, labels = coloured
    path = tmp_path / "training.ckpt"
    VideoClassifier(**{**quick, "max_epochs": 1}, checkpoint=path).fit(videos, labels)
    with pytest.raises(CheckpointError, match=r"videos was '12 .*' and is '11 "):
        VideoClassifier(**quick, checkpoint=path).fit(videos[:-1], labels[:-1])
    with pytest.raises(CheckpointError, match="labels was"):
        VideoClassifier(**quick, checkpoint=path).fit(videos, labels[::-1])


def test_a_checkpoint_beyond_the_end_is_refused(coloured, quick, tmp_path):
    path = tmp_path / "training.ckpt"
    VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    with pytest.raises(CheckpointError, match=r"after 9 batches \(3 epochs\).*is to have 6"):
        VideoClassifier(**{**quick, "max_epochs": 2}, checkpoint=path).fit(*coloured)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x80\x04x", b"text"])
def test_a_file_that_is_no_checkpoint_is_refused_and_left_alone(coloured, quick, content, tmp_path):
    path = tmp_path / "training.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=str(path)):
        VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    assert path.read_bytes() == content


class Trap:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_checkpoint_runs_no_code(coloured, quick, tmp_path):
    path = tmp_path / "training.ckpt"
    torch.save({"format": 1, "known_by": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(CheckpointError, match="would run code"):
        VideoClassifier(**quick, checkpoint=path).fit(*coloured)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "content", [{"format": 1}, {"format": 2}, [1], {"format": 1, "known_by": 3, "seed": 0}]
)
def test_a_torch_file_of_something_else_is_refused(coloured, quick, content, tmp_path):
    path = tmp_path / "training.ckpt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=str(path)):
        VideoClassifier(**quick, checkpoint=path).fit(*coloured)


class Failing(nn.Module):
    """A network whose scores become NaN after a number of training batches."""

    def __init__(self, n_good):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("n_left", torch.tensor(n_good))

    def forward(self, clips):
        if self.training:
            self.n_left -= 1
        scores = self.linear(clips.mean((2, 3, 4)))
        return scores / (self.n_left >= 0)  # 0 / 0 or x / 0 from then on


def test_a_loss_that_is_nan_stops_and_the_last_good_checkpoint_stays(coloured, quick, tmp_path):
    path = tmp_path / "training.ckpt"
    module = Failing(4)  # three batches in an epoch
    classifier = VideoClassifier(
        module,
        preprocessing=Preprocessing((32, 32), (32, 32), scale=1 / 255),
        max_epochs=5,
        batch_size=4,
        lr=0.25,
        random_state=0,
        checkpoint=path,
    )
    with pytest.raises(TrainingDivergedError, match=r"batch 2 of epoch 2, ") as error:
        classifier.fit(*coloured)
    assert (error.value.epoch, error.value.batch, error.value.lr) == (2, 2, 0.25)
    assert f"The last checkpoint before it is '{path}'" in str(error.value)
    assert "learning rate 0.25" in str(error.value)
    assert "another checkpoint=, or remove the file" in str(error.value)
    assert torch.load(path, weights_only=True)["epoch"] == 1
    assert not hasattr(classifier, "network_")


class Steep(nn.Module):
    """Gradients so large that any usual step leads out of the numbers."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, clips):
        return 1e20 * self.linear(clips.mean((2, 3, 4)))


def test_weights_that_are_infinite_are_not_written(coloured, tmp_path):
    # One batch an epoch: its loss is finite, and the weights after it are not.
    classifier = VideoClassifier(
        Steep(),
        preprocessing=Preprocessing((32, 32), (32, 32), scale=1 / 255),
        max_epochs=3,
        batch_size=12,
        lr=1e30,
        random_state=0,
        checkpoint=tmp_path / "training.ckpt",
    )
    with pytest.raises(TrainingDivergedError, match=r"linear.weight .* There is no checkpoint"):
        classifier.fit(*coloured)
    assert list(tmp_path.iterdir()) == []


def test_a_keyboard_interrupt_is_no_end_of_training(coloured, quick, tmp_path):
    class Interrupting(Failing):
        def forward(self, clips):
            if self.n_left == 0:
                raise KeyboardInterrupt
            return super().forward(clips)

    path = tmp_path / "training.ckpt"
    classifier = VideoClassifier(
        Interrupting(4),
        preprocessing=Preprocessing((32, 32), (32, 32), scale=1 / 255),
        **{name: quick[name] for name in ("max_epochs", "batch_size", "lr", "random_state")},
        checkpoint=path,
    )
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*coloured)
    assert torch.load(path, weights_only=True)["epoch"] == 1
