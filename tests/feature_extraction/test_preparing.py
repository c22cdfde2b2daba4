import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skvideo3d.feature_extraction.preparing import ClipPreparation
from skvideo3d.video import (
    C3D_PREPROCESSING,
    I3D_PREPROCESSING,
    IMAGENET_PREPROCESSING,
    MeanCube,
    Preprocessing,
)

PUBLISHED = [C3D_PREPROCESSING, I3D_PREPROCESSING, IMAGENET_PREPROCESSING]


def prepared(recipe, clips, device="cpu"):
    return ClipPreparation(recipe, device)(torch.from_numpy(clips).to(device)).cpu().numpy()


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_published_recipes_give_the_same_bits_as_on_arrays(recipe):
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (2, 3, *recipe.crop, 3), dtype=np.uint8)
    np.testing.assert_array_equal(prepared(recipe, clips), recipe.prepare_clips(clips))


@settings(max_examples=50, deadline=None)
@given(
    clips=arrays(np.uint8, (2, 2, 4, 5, 3)),
    order=st.sampled_from(["rgb", "bgr"]),
    scale=st.one_of(st.floats(-10, 10), st.tuples(*[st.floats(-10, 10)] * 3)),
    mean=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_any_recipe_gives_the_same_bits_as_on_arrays(clips, order, scale, mean):
    recipe = Preprocessing(5, (4, 5), order, scale, mean)
    np.testing.assert_array_equal(prepared(recipe, clips), recipe.prepare_clips(clips))


@pytest.fixture
def cube_recipe(tmp_path):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "mean.npy", rng.normal(100, 20, (3, 16, 8, 10)).astype(np.float32))
    cube = MeanCube.from_file(tmp_path / "mean.npy")
    return Preprocessing((8, 10), (4, 5), channel_order="bgr", scale=0.7, mean=cube)


def test_a_mean_cube_gives_the_same_bits_as_on_arrays(cube_recipe):
    clips = np.random.default_rng(2).integers(0, 256, (3, 16, 4, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(prepared(cube_recipe, clips), cube_recipe.prepare_clips(clips))


def test_batches_of_changing_sizes_do_not_mix(cube_recipe):
    preparation = ClipPreparation(cube_recipe, "cpu")
    rng = np.random.default_rng(3)
    for n_clips in (2, 5, 1, 3):
        clips = rng.integers(0, 256, (n_clips, 16, 4, 5, 3), dtype=np.uint8)
        result = preparation(torch.from_numpy(clips)).numpy()
        np.testing.assert_array_equal(result, cube_recipe.prepare_clips(clips))


def test_clips_of_another_length_are_prepared_too():
    recipe = Preprocessing(8, (8, 6), scale=0.5, mean=(1.0, 2.0, 3.0))
    preparation = ClipPreparation(recipe, "cpu")
    for n_frames in (9, 10, 3):
        clips = np.random.default_rng(4).integers(0, 256, (1, n_frames, 8, 6, 3), dtype=np.uint8)
        result = preparation(torch.from_numpy(clips)).numpy()
        np.testing.assert_array_equal(result, recipe.prepare_clips(clips))


@pytest.mark.gpu
@pytest.mark.parametrize("recipe", PUBLISHED)
def test_a_gpu_gives_the_same_bits_too(recipe):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (2, 3, *recipe.crop, 3), dtype=np.uint8)
    np.testing.assert_array_equal(prepared(recipe, clips, "cuda"), recipe.prepare_clips(clips))
