import json
import os
import pickle

import cv2
import numpy as np
import pytest

from skvideo3d.exceptions import CheckpointError
from skvideo3d.video import (
    C3D_PREPROCESSING,
    I3D_PREPROCESSING,
    IMAGENET_PREPROCESSING,
    MeanCube,
    Preprocessing,
    preprocessing,
)


@pytest.fixture
def film():
    return np.random.default_rng(0).integers(0, 256, (16, 60, 80, 3), dtype=np.uint8)


def prepared(recipe, film):
    clip = np.stack([recipe.prepare_frame(frame) for frame in film])
    return recipe.prepare_clips(clip[None])[0]


def test_c3d_recipe_is_caffes(film):
    # 128x171 whatever the aspect, BGR 0..255 minus the mean, rows 8:120 and columns 29:141.
    mean = np.array([90.25, 97.66, 101.41], dtype=np.float32)
    expected = np.stack(
        [cv2.resize(f, (171, 128))[8:120, 29:141, ::-1].astype(np.float32) - mean for f in film]
    ).transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(prepared(C3D_PREPROCESSING, film), expected)


def test_i3d_recipe_is_the_papers(film):
    # 60x80: shorter side 256, the other floor(341.33); centre 224; RGB in [-1, 1].
    expected = np.stack(
        [2 * cv2.resize(f, (341, 256))[16:240, 58:282].astype(np.float64) / 255 - 1 for f in film]
    ).transpose(3, 0, 1, 2)
    result = prepared(I3D_PREPROCESSING, film)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-7)
    assert np.abs(result).max() <= 1 + 1e-6


def test_the_imagenet_recipe_is_that_of_its_networks(film):
    # 60x80: shorter side 256, the other floor(341.33); centre 224; RGB in [0, 1], standardised.
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = np.stack(
        [(cv2.resize(f, (341, 256))[16:240, 58:282] / 255 - mean) / std for f in film]
    ).transpose(3, 0, 1, 2)
    result = prepared(IMAGENET_PREPROCESSING, film)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_scale_for_each_channel_is_in_the_networks_order(film):
    recipe = Preprocessing(8, (4, 6), "bgr", (0.5, 2.0, 4.0), (1.0, 2.0, 3.0))
    pixels = np.stack([recipe.prepare_frame(frame) for frame in film]).astype(np.float32)
    red, green, blue = np.moveaxis(pixels, -1, 0)
    expected = np.stack([0.5 * blue - 1, 2 * green - 2, 4 * red - 3])
    np.testing.assert_array_equal(prepared(recipe, film), expected)


@pytest.fixture
def cube(tmp_path):
    values = np.random.default_rng(1).uniform(60, 140, (3, 16, 128, 171)).astype(np.float32)
    np.save(tmp_path / "mean.npy", values)
    return MeanCube.from_file(tmp_path / "mean.npy"), values


def test_a_mean_cube_is_subtracted_before_the_crop(film, cube):
    described, values = cube
    recipe = Preprocessing((128, 171), (112, 112), "bgr", 1.0, described)
    whole = np.stack([cv2.resize(f, (171, 128))[..., ::-1] for f in film]).astype(np.float32)
    expected = (whole.transpose(3, 0, 1, 2) - values)[:, :, 8:120, 29:141]
    np.testing.assert_array_equal(prepared(recipe, film), expected)


def test_every_clip_of_a_batch_has_the_whole_mean_cube_subtracted(cube):
    described, values = cube
    recipe = Preprocessing((128, 171), (112, 112), "rgb", 0.5, described)
    clips = np.random.default_rng(2).integers(0, 256, (3, 16, 112, 112, 3), dtype=np.uint8)
    expected = clips.transpose(0, 4, 1, 2, 3).astype(np.float32) * np.float32(0.5)
    expected -= values[:, :, 8:120, 29:141]
    result = recipe.prepare_clips(clips[::-1])  # any view will do
    np.testing.assert_array_equal(result, expected[::-1])
    assert result.transpose(0, 2, 3, 4, 1).flags.c_contiguous


def test_a_recipe_with_a_mean_cube_travels_small_and_equals_itself_elsewhere(cube, tmp_path):
    described, values = cube
    recipe = Preprocessing((128, 171), (112, 112), "bgr", 1.0, described)
    assert len(pickle.dumps(recipe)) < 1000
    elsewhere = tmp_path / "elsewhere.npy"
    np.save(elsewhere, values)
    again = Preprocessing.from_dict(recipe.to_dict(), cube_path=elsewhere)
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert again.fingerprint() == recipe.fingerprint()


def test_a_mean_cube_that_was_replaced_is_refused(cube):
    described, values = cube
    np.save(described.path, values + 1)
    with pytest.raises(CheckpointError, match="another mean cube"):
        described.array()


def test_a_mean_cube_is_described_anew_only_when_its_file_changed(cube, monkeypatch):
    described, values = cube
    with monkeypatch.context() as patch:
        patch.setattr(preprocessing, "_read_cube", None)  # not to be called
        assert MeanCube.from_file(described.path) == described
    np.save(described.path, values + 1)
    os.utime(described.path, ns=(0, 0))
    assert MeanCube.from_file(described.path) != described


def test_clips_must_be_as_long_as_the_mean_cube(cube):
    recipe = Preprocessing((128, 171), (112, 112), "bgr", 1.0, cube[0])
    recipe.check_clip_len(16)
    with pytest.raises(ValueError, match=r"clip_len=32 does not fit.*16 frames.*preprocessing="):
        recipe.check_clip_len(32)


def test_frames_must_be_as_large_as_the_mean_cube(cube):
    recipe = Preprocessing((120, 171), (112, 112), "bgr", 1.0, cube[0])
    with pytest.raises(ValueError, match=r"frames of 128x171 pixels, but resize=\(120, 171\)"):
        recipe.check_clip_len(16)


@pytest.mark.realdata
def test_a_mean_cube_of_the_authors_is_read(realdata):
    # The mean of very many clips, in BGR: blue below green below red, and almost still in time.
    described = MeanCube.from_file(realdata / "c3d_authors" / "fb_train16_128_mean.binaryproto")
    values = described.array()
    assert values.shape == (3, 16, 128, 128)
    blue, green, red = values.mean(axis=(1, 2, 3))
    assert 80 < blue < green < red < 150
    assert values.std(axis=1).max() < 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": (300, 224)}, "does not fit into frames resized to 256"),
        ({"resize": (128, 0)}, "positive int or"),
        ({"resize": (1, 2, 3)}, "positive int or"),
        ({"crop": (0, 5)}, "in pixels"),
        ({"channel_order": "yuv"}, "'rgb' or 'bgr'"),
        ({"mean": (1.0,)}, "one value for each"),
        ({"mean": 1.0}, "one value for each"),
        ({"resize": 256.5}, "resize=256.5"),
        ({"crop": (32.5, 32)}, r"crop=\(32.5, 32\)"),
        ({"crop": 224}, "in pixels"),
        ({"scale": "one"}, "scale='one'"),
        ({"scale": (1.0, 2.0)}, r"scale=\(1.0, 2.0\): give one number, or one value for each"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing(**({"resize": 256, "crop": (224, 224)} | settings))


def test_numpys_numbers_are_numbers():
    recipe = Preprocessing(np.int64(256), np.array([224, 224]), mean=np.array([1, 2, 3.0]))
    assert recipe == Preprocessing(256, (224, 224), mean=(1.0, 2.0, 3.0))
    assert Preprocessing.from_dict(recipe.to_dict()) == recipe
    scales = Preprocessing(8, (4, 4), scale=np.array([1, 2, 4], dtype=np.float32))
    assert scales == Preprocessing(8, (4, 4), scale=(1.0, 2.0, 4.0))
    assert hash(recipe) == hash(Preprocessing(256, (224, 224), mean=(1.0, 2.0, 3.0)))


def test_recipes_survive_json():
    for recipe in (C3D_PREPROCESSING, I3D_PREPROCESSING, IMAGENET_PREPROCESSING):
        assert Preprocessing.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert C3D_PREPROCESSING.fingerprint() != I3D_PREPROCESSING.fingerprint()


def test_fingerprints_that_stored_descriptors_depend_on_stay():
    assert C3D_PREPROCESSING.fingerprint() == (
        '{"channel_order": "bgr", "crop": [112, 112], "mean": [90.25, 97.66, 101.41], '
        '"resize": [128, 171], "scale": 1.0}'
    )
    assert I3D_PREPROCESSING.fingerprint() == (
        '{"channel_order": "rgb", "crop": [224, 224], "mean": [1.0, 1.0, 1.0], '
        '"resize": 256, "scale": 0.00784313725490196}'
    )
