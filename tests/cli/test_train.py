"""The command trains a network on a folder, and writes weights that describe videos."""

import hashlib
import json

import numpy as np
import pytest
from miniatures.clips import write_clip
from safetensors import safe_open

from skvideo3d import C3DTransformer
from skvideo3d.cli import main
from skvideo3d.training import VideoClassifier

SMALL = ["--width", "0.0625", "--input-size", "32", "--batch-size", "4", "--epochs", "2", "-q"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    for part, numbers in (("train", range(4)), ("test", range(4, 6))):
        for label, name in enumerate(("run", "walk")):
            for number in numbers:
                write_clip(root / part / name / f"{number}.avi", label, number, size=(40, 48))
    return root


def train(videos, save, *options, root="train"):
    return main(["train", str(videos / root), "--save", str(save), *SMALL, *options])


def test_the_file_describes_videos_as_the_classifier_would(videos, tmp_path, capsys):
    save = tmp_path / "mine.safetensors"
    assert train(videos, save, "--seed", "3", "--test", str(videos / "test")) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    clips = sorted(str(path) for path in (videos / "train").rglob("*.avi"))
    same = VideoClassifier(
        input_size=32,
        network_params={"width": 1 / 16},
        batch_size=4,
        max_epochs=2,
        random_state=3,
    ).fit(clips, ["run"] * 4 + ["walk"] * 4)
    theirs = same.as_transformer("fc6", tmp_path / "same.safetensors").fit_transform(clips)
    ours = C3DTransformer(str(save)).fit_transform(clips)
    np.testing.assert_array_equal(ours, theirs)
    test = sorted(str(path) for path in (videos / "test").rglob("*.avi"))
    accuracy = same.score(test, ["run"] * 2 + ["walk"] * 2)
    assert f"Held out: {accuracy:.1%} of 4 videos." in printed.out
    told = json.loads((tmp_path / "mine.json").read_text())
    assert told["classes"] == ["run", "walk"]
    assert told["held_out"] == {"videos": 4, "accuracy": accuracy}
    assert told["sha256"] == hashlib.sha256(save.read_bytes()).hexdigest()
    assert told["validated"] == []
    assert told["versions"].keys() >= {"skvideo3d", "torch", "skorch"}
    assert [row["train_loss"] for row in told["history"]] == [
        row["train_loss"] for row in same.history_
    ]
    assert not list(tmp_path.glob("*.ckpt"))


def test_extract_takes_the_file(videos, tmp_path, capsys):
    save = tmp_path / "mine.safetensors"
    train(videos, save, "--half")
    with safe_open(save, "numpy") as file:
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} == {"float16"}  # noqa: SIM118
    output = tmp_path / "rows.npz"
    words = ["extract", str(videos / "test"), "-o", str(output), "--weights", str(save), "-q"]
    assert main(words) == 0
    assert np.load(output)["descriptor"].shape == (4, 256)


def test_epochs_are_a_table_with_the_validation_beside_the_training(videos, tmp_path, capsys):
    assert train(videos, tmp_path / "a.safetensors", "--validation", "0.25") == 0
    printed = capsys.readouterr().out
    head = next(line for line in printed.splitlines() if "loss" in line)
    assert head.split() == [
        *("epoch", "lr", "loss", "accuracy"),
        *("validation", "loss", "clips", "videos", "clips/s"),
    ]
    told = json.loads((tmp_path / "a.json").read_text())
    assert [path.rsplit("/", 2)[1] for path in told["validated"]] == ["run", "walk"]
    rows = told["history"]
    for row in rows:
        assert f"{row['valid_loss']:.3f}" in printed


def test_training_begins_with_given_weights_and_leaves_frozen_layers_alone(
    videos, tmp_path, small_c3d
):
    save = tmp_path / "tuned.safetensors"
    options = ["--weights", small_c3d, "--freeze", "fc6", "--epochs", "1"]
    words = ["train", str(videos / "train"), "--save", str(save), "-q", *options]
    assert main(words) == 0
    with safe_open(small_c3d, "numpy") as before, safe_open(save, "numpy") as after:
        for name in ("conv1a.weight", "fc6.weight"):
            np.testing.assert_array_equal(before.get_tensor(name), after.get_tensor(name))
        assert after.get_tensor("fc8.weight").shape[0] == 2
        assert (before.get_tensor("fc7.weight") != after.get_tensor("fc7.weight")).any()


def test_unreadable_videos_stop_the_training_or_are_left_out_and_named(videos, tmp_path, capsys):
    for path in (videos / "train").rglob("*.avi"):
        copy = tmp_path / "train" / path.relative_to(videos / "train")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "train" / "run" / "0.avi").write_bytes(b"no video")
    save = tmp_path / "mine.safetensors"
    assert train(tmp_path, save) == 2
    error = capsys.readouterr().err
    assert "0.avi" in error
    assert "give --on-error drop" in error
    assert not save.exists()
    assert train(tmp_path, save, "--on-error", "drop") == 0
    printed = capsys.readouterr()
    assert "7 videos of 2 classes" in printed.out
    assert "1 unreadable, and left out of the training" in printed.err
    assert len(json.loads((tmp_path / "mine.json").read_text())["left_out"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--save", "mine.pt"], "ends in .safetensors"),
        (["--checkpoint", "mine.pt"], "ends in .ckpt"),
        (["--save", "nowhere/mine.safetensors"], "cannot be written to"),
        (["--network", "c4d"], "network='c4d' is unknown"),
        (["--recipe", "kinetic"], "Did you mean 'kinetics'"),
        (["--classes", "run"], "has one class, 'run'"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_what_cannot_be_done_is_refused(videos, options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train(videos, tmp_path / "mine.safetensors", *options) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("option", "word", "message"),
    [
        ("--epochs", "0", "0 is no whole number from 1 on"),
        ("--clip-len", "8.5", "8.5 is no whole number from 1 on"),
        ("--lr", "-1", "-1 is no positive number"),
        ("--width", "wide", "wide is no positive number"),
        ("--validation", "1", "1 is no share between 0 and 1"),
    ],
)
def test_a_number_out_of_range_is_refused_by_the_name_of_its_option(
    videos, option, word, message, tmp_path, capsys
):
    with pytest.raises(SystemExit) as stopped:
        train(videos, tmp_path / "mine.safetensors", f"{option}={word}")
    assert stopped.value.code == 2
    assert f"{option}: {message}" in capsys.readouterr().err


def test_held_out_classes_are_those_of_the_training(videos, tmp_path, capsys):
    write_clip(tmp_path / "test" / "jump" / "0.avi", 2, 0)
    options = ["--test", str(tmp_path / "test")]
    assert train(videos, tmp_path / "mine.safetensors", *options) == 2
    assert "class 'jump', of which" in capsys.readouterr().err
