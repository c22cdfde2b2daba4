"""Networks to compare differ in what they should, and maxima are those of clips."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skvideo3d import C3DTransformer
from skvideo3d.benchmarks.compared_c3d import MAXED, ComparedC3D
from skvideo3d.feature_extraction.store import DescriptorStore
from skvideo3d.models import load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.video import Preprocessing

RECIPE = Preprocessing(resize=(72, 96), crop=(64, 64), channel_order="bgr", mean=(90, 98, 101))
CONFIG = {"width": 1 / 32, "input_size": (16, 64, 64), "num_classes": None}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of a network that leaves maps of 2 x 2 values."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(load_weights(None, "c3d", seed=3, config=CONFIG), path, preprocessing=RECIPE)
    return str(path)


def test_layers_are_those_of_the_transformer(weights, noise_videos):
    compared = ComparedC3D(weights, layer=("fc6", "pool5"), with_maxima=True)
    rows = compared.fit_transform(noise_videos)
    for layer in ("fc6", "pool5"):
        expected = C3DTransformer(weights, layer=layer).fit_transform(noise_videos)
        assert_allclose(rows[:, compared.feature_blocks_[layer]], expected, atol=1e-6)


def test_maxima_are_of_each_map_and_clip_then_averaged(weights, noise_videos):
    compared = ComparedC3D(weights, layer=("pool5",), with_maxima=True)
    rows = compared.fit_transform(noise_videos)[:, compared.feature_blocks_[MAXED]]
    for row, clips in zip(
        rows, C3DTransformer(weights, layer="pool5").transform_clips(noise_videos), strict=True
    ):
        maps = clips.features.reshape(len(clips.features), 16, 1, 2, 2)  # channels first
        expected = maps.max(axis=(2, 3, 4)).mean(axis=0)
        assert_allclose(row, expected / np.linalg.norm(expected), atol=1e-6)


def test_random_weights_have_the_given_shape_and_are_those_of_their_seed(weights, noise_videos):
    config = dict(resolve_weights(weights, "c3d").config)
    like = ComparedC3D(config=config, preprocessing=RECIPE, random_state=3)
    # Seed 3 is what the file was written with.
    assert_allclose(
        like.fit_transform(noise_videos), C3DTransformer(weights).fit_transform(noise_videos)
    )
    other = like.set_params(random_state=4).fit_transform(noise_videos)
    assert other.shape == (6, 128)
    assert not np.allclose(other, C3DTransformer(weights).fit_transform(noise_videos), atol=1e-3)


def test_clone_keeps_what_the_transformer_does_not_know(weights):
    compared = ComparedC3D(config={"width": 0.5}, with_maxima=True, layer="pool5", clip_stride=4)
    assert clone(compared).get_params() == compared.get_params()
    assert set(compared.get_params()) - set(C3DTransformer().get_params()) == {
        "config",
        "with_maxima",
    }


def test_known_videos_are_not_opened_again(weights, write_video, numbered_frames, tmp_path):
    path = write_video(tmp_path / "a.mp4", numbered_frames(40))
    compared = ComparedC3D(
        weights, layer=("fc6", "pool5"), with_maxima=True, memory=tmp_path / "memory"
    )
    first = compared.fit_transform([path, path])
    assert_array_equal(first[0], first[1])
    assert_array_equal(clone(compared).fit_transform([path]), first[:1])
    assert DescriptorStore(tmp_path / "memory").readings() == [path]


def test_unreadable_videos_are_nan_in_all_blocks(weights, noise_videos, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    compared = ComparedC3D(weights, layer="pool5", with_maxima=True, on_error="nan")
    with pytest.warns(UserWarning, match="could not be described"):
        rows = compared.fit_transform([noise_videos[0], str(tmp_path / "bad.mp4")])
    assert np.isnan(rows).all(axis=1).tolist() == [False, True]
