"""The compact network: trained, killed, gone on with, and read as any C3D."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer
from skvideo3d.cli import main
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import load_weights
from skvideo3d.training import compact
from skvideo3d.training.compact import CompactRecipe, train_compact

TINY = CompactRecipe(
    stages=((16, 2), (24, 1)), clips_per_epoch=6, batch_size=3, warm_up=1, width=1 / 32, hidden=8
)


def weights_of(path):
    return {name: value.clone() for name, value in load_weights(path).state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("compact") / "tiny.safetensors"
    return path, train_compact(path, TINY, n_workers=0)


def test_the_file_is_a_plain_c3d_in_half_precision_with_its_preprocessing(trained):
    path, _ = trained
    network = load_weights(path)
    assert not network.batch_norm
    assert network.pool5_mode == "global"
    assert network.layer_names[-1] == "fc7"
    assert network.preprocessing.crop == (112, 112)
    assert path.stat().st_size < 2 * sum(p.numel() for p in network.parameters()) + 8000


def test_a_row_an_epoch_says_how_each_question_was_answered(trained):
    _, rows = trained
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {"train_act_right", "train_camera_right", "train_loss", "lr"} <= rows[0].keys()
    assert all(0 <= row["train_surface_right"] <= 1 for row in rows)
    assert [row["n_clips"] for row in rows] == [6, 6, 6]


def test_before_the_training_kernels_give_nothing_for_what_does_not_change():
    network = compact._start(TINY, n_scores=5, seed=0).network
    kernels = [part for part in network.modules() if isinstance(part, torch.nn.Conv3d)]
    assert len(kernels) == 8
    for kernel in kernels:
        flat = torch.full((1, kernel.in_channels, 5, 5, 5), 3.0)
        inside = kernel(flat)[..., 1:-1, 1:-1, 1:-1]
        torch.testing.assert_close(inside, torch.zeros_like(inside), atol=1e-4, rtol=0)
        assert kernel.weight.std() > 0.01


def test_videos_of_any_size_are_described(trained):
    path, _ = trained
    videos = list(np.random.default_rng(0).integers(0, 256, (2, 20, 30, 50, 3), dtype=np.uint8))
    rows = C3DTransformer(path).fit_transform(videos)
    assert rows.shape == (2, 8)
    assert np.isfinite(rows).all()


def test_the_same_seed_gives_the_same_weights_whoever_draws_the_clips(trained, tmp_path):
    path, _ = trained
    train_compact(tmp_path / "again.safetensors", TINY, n_workers=2)
    assert same(weights_of(tmp_path / "again.safetensors"), weights_of(path))
    train_compact(tmp_path / "other.safetensors", TINY, seed=1, n_workers=0)
    assert not same(weights_of(tmp_path / "other.safetensors"), weights_of(path))


def test_a_run_that_was_killed_goes_on_to_the_same_weights(trained, tmp_path):
    path, _ = trained
    target, checkpoint = tmp_path / "killed.safetensors", tmp_path / "state.pt"
    code = (
        "import os, signal, sys, torch\n"
        "torch.set_num_threads(1)\n"  # as the fixture of the training tests has it
        "from skvideo3d.training import checkpoints, compact\n"
        "write = checkpoints.Checkpoints.on_epoch_end\n"
        "def die(self, net, **options):\n"
        "    write(self, net, **options)\n"
        "    if net.epoch_ == 1:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoints.Checkpoints.on_epoch_end = die\n"
        "recipe = compact.CompactRecipe(stages=((16, 2), (24, 1)), clips_per_epoch=6,\n"
        "    batch_size=3, warm_up=1, width=1 / 32, hidden=8)\n"
        "compact.train_compact(sys.argv[1], recipe, n_workers=0, checkpoint=sys.argv[2])\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(target), str(checkpoint)], check=False)
    assert died.returncode == -9
    assert not target.exists()
    rows = train_compact(target, TINY, n_workers=0, checkpoint=checkpoint)
    assert len(rows) == 3
    assert same(weights_of(target), weights_of(path))


def test_the_checkpoint_of_another_recipe_is_refused(tmp_path):
    short = CompactRecipe(
        stages=((16, 1),), clips_per_epoch=4, batch_size=2, warm_up=1, width=1 / 32, hidden=8
    )
    train_compact(tmp_path / "a.safetensors", short, n_workers=0, checkpoint=tmp_path / "state")
    with pytest.raises(CheckpointError, match="recipe was"):
        train_compact(tmp_path / "b.safetensors", TINY, n_workers=0, checkpoint=tmp_path / "state")


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("weights.pt", ValueError, "ends in .safetensors"),
        ("nowhere/weights.safetensors", OSError, "cannot be written"),
        ("folder.safetensors", IsADirectoryError, "is a folder"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_the_training(
    tmp_path, path, error, words
):
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(error, match=words):
        train_compact(tmp_path / path)  # the whole recipe: hours, if it were not refused


def test_the_command_trains_and_tables(tmp_path, capsys):
    path = tmp_path / "c.safetensors"
    sizes = ["--stage", "16:1", "--clips-per-epoch", "4", "--batch-size", "2", "--width", "0.03"]
    options = ["--hidden", "8", "--workers", "0", "--quiet"]
    assert main(["train-compact", str(path), *sizes, *options]) == 2  # the rise is longer than all
    assert "warm_up" in capsys.readouterr().err
    assert main(["train-compact", str(path), *sizes, *options, "--warm-up", "1"]) == 0
    shown = capsys.readouterr().out
    assert "| epoch | loss | act |" in shown
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["command"].startswith("skvideo3d train-compact ")
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["recipe"]["stages"] == [[16, 1]]
    assert f"| 1 | {told['history'][0]['train_loss']:.3f} |" in shown
    assert told["threads"] == torch.get_num_threads()
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "c.safetensors, " in shown
    assert "c.png" in shown


def test_the_table_begins_with_what_a_guess_is_worth(tmp_path, capsys):
    options = ["--stage", "16:1", "--clips-per-epoch", "4", "--batch-size", "2", "--width", "0.03"]
    path = str(tmp_path / "c.safetensors")
    main(["train-compact", path, *options, "--hidden", "8", "--warm-up", "1", "-q"])
    lines = capsys.readouterr().out.splitlines()
    heads, values = ([cell.strip() for cell in line.split("|")] for line in (lines[0], lines[2]))
    worth = dict(zip(heads, values, strict=True))
    assert 0.8 < float(worth["order"]) < 0.9  # 0.85 of the clips are in order
    assert 0.5 < float(worth["posture"]) < 0.9  # most figures are upright
    assert 1 / 37 < float(worth["act"]) < 0.1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--device", "foo"], "device='foo' cannot be used"),
        (["--workers", "-1"], "n_workers=-1"),
        (["--checkpoint", "nowhere/a.ckpt"], "cannot be written"),
    ],
)
def test_the_command_says_what_it_cannot_use(wrong, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train-compact", "c.safetensors", *wrong]) == 2
    assert words in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_the_command_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skorch", None)
    assert main(["train-compact", "c.safetensors"]) == 2
    assert "pip install 'skvideo3d[train]'" in capsys.readouterr().err


def test_the_command_refuses_a_number_by_the_name_of_its_option(capsys):
    with pytest.raises(SystemExit):
        main(["train-compact", "x.safetensors", "--lr=-1"])
    assert "--lr: -1 is no positive number" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["64", "64:", "0:3", "a:b"])
def test_the_command_refuses_what_is_no_stage(stage, capsys):
    with pytest.raises(SystemExit):
        main(["train-compact", "x.safetensors", "--stage", stage])
    assert "SIDE:EPOCHS" in capsys.readouterr().err
