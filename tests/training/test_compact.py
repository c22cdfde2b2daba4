"""The compact network: trained, killed, gone on with, and read as any C3D."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import load_weights
from skvideo3d.training import compact
from skvideo3d.training.compact import CompactRecipe, train_compact
from skvideo3d.training.muon import normalized_weights

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


def test_every_descriptor_learns_from_the_answers_at_once():
    start = compact._start(TINY, n_scores=5, seed=0)
    answers = start.network.train()
    assert answers.scores.in_features == 16 + 8 + 8  # pool5, fc6, fc7
    assert answers.dropout.p == answers.network.dropout.p == TINY.dropout
    found = {}

    def keep(module, inputs):
        found["joined"] = inputs[0]
        found["joined"].retain_grad()

    answers.scores.register_forward_pre_hook(keep)
    answers(torch.rand(2, 3, 16, 16, 16)).square().sum().backward()
    assert (found["joined"].grad.abs().sum(dim=0) > 0).all()
    turned = {id(weight) for weight in normalized_weights(answers)}
    others = {name for name, value in answers.named_parameters() if value.ndim > 1}
    others -= {name for name, value in answers.named_parameters() if id(value) in turned}
    assert others == {"scores.weight"}


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


def test_the_checkpoint_of_another_algorithm_is_refused(tmp_path, monkeypatch):
    short = CompactRecipe(
        stages=((16, 1),), clips_per_epoch=4, batch_size=2, warm_up=1, width=1 / 32, hidden=8
    )
    train_compact(tmp_path / "a.safetensors", short, n_workers=0, checkpoint=tmp_path / "state")
    monkeypatch.setattr(compact, "_ALGORITHM", compact._ALGORITHM + 1)
    with pytest.raises(CheckpointError, match="algorithm was"):
        train_compact(tmp_path / "a.safetensors", short, n_workers=0, checkpoint=tmp_path / "state")


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
