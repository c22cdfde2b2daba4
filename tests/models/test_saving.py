"""What is written says what it is, whatever network it came from, or nothing is written."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import C3D, I3D, load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video.preprocessing import C3D_PREPROCESSING, I3D_PREPROCESSING, MeanCube

SMALL = {"width": 1 / 16, "num_classes": 3}


@pytest.fixture(scope="module")
def network():
    return load_weights(None, "c3d", seed=0, config=SMALL)


@pytest.fixture
def cube(tmp_path):
    path = tmp_path / "mean.npy"
    np.save(path, np.random.default_rng(0).random((3, 16, 128, 171)).astype(np.float32))
    return MeanCube.from_file(path)


def test_a_recipe_survives_loading_and_saving(network, cube, tmp_path):
    recipe = replace(C3D_PREPROCESSING, channel_order="rgb", mean=cube)
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_weights(network, first, preprocessing=recipe)
    save_weights(load_weights(first), second)
    assert resolve_weights(second, "c3d").preprocessing == recipe
    assert second.read_bytes() == first.read_bytes()


def test_an_argument_wins_over_the_recipe_of_the_network(network, tmp_path):
    path = tmp_path / "own.safetensors"
    save_weights(network, path, preprocessing=replace(C3D_PREPROCESSING, channel_order="rgb"))
    save_weights(load_weights(path), path, preprocessing=C3D_PREPROCESSING)
    assert resolve_weights(path, "c3d").preprocessing == C3D_PREPROCESSING


def test_a_network_that_was_never_loaded_gets_the_recipe_of_its_paper(tmp_path):
    path = tmp_path / "new.safetensors"
    save_weights(I3D(**SMALL), path)
    assert I3D(**SMALL).preprocessing is None
    assert resolve_weights(path, "i3d").preprocessing == I3D_PREPROCESSING


def test_a_mean_cube_that_is_gone_is_named_and_nothing_is_written(network, tmp_path):
    np.save(tmp_path / "gone.npy", np.zeros((3, 2, 128, 171), dtype=np.float32))
    recipe = replace(C3D_PREPROCESSING, mean=MeanCube.from_file(tmp_path / "gone.npy"))
    (tmp_path / "gone.npy").unlink()
    with pytest.raises(CheckpointError, match=r"no mean cube file at '.*gone\.npy'"):
        save_weights(network, tmp_path / "x.safetensors", preprocessing=recipe)
    assert list(tmp_path.iterdir()) == []


class Mine(C3D):
    pass


def test_a_subclass_is_saved_as_what_it_is(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(Mine(**SMALL), path)
    assert type(load_weights(path)) is C3D


def test_other_networks_are_refused_and_wrappers_are_told_what_to_pass(network, tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(TypeError, match=r"A Linear cannot be saved: .* or a StudyNetwork\.$"):
        save_weights(torch.nn.Linear(2, 2), path)
    with pytest.raises(TypeError, match=r"A DataParallel cannot .*; pass its \.module\.$"):
        save_weights(torch.nn.DataParallel(network), path)
    assert not path.exists()


def test_where_nothing_can_be_written_is_named(network, tmp_path):
    absent = tmp_path / "absent" / "x.safetensors"
    with pytest.raises(FileNotFoundError, match=re.escape(f"'{absent}'")):
        save_weights(network, absent)
    taken = tmp_path / "folder.safetensors"
    taken.mkdir()
    with pytest.raises(OSError, match=re.escape(f"'{taken}' could not be written")):
        save_weights(network, taken)
    assert list(tmp_path.iterdir()) == [taken]


def test_others_may_read_what_they_may_read_of_any_file(network, tmp_path):
    (tmp_path / "any").touch()
    path = tmp_path / "small.safetensors"
    save_weights(network, path)
    assert path.stat().st_mode == (tmp_path / "any").stat().st_mode
