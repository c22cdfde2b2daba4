"""Networks that C3D's options make go through files, seeds and the transformer as C3D does."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from skvideo3d import C3DTransformer
from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import C3D, fold_batch_norm, load_weights, save_weights
from skvideo3d.models.checkpoints import resolve_weights
from skvideo3d.models.initialization import initialize
from skvideo3d.video import Preprocessing
from skvideo3d.video.preprocessing import C3D_PREPROCESSING

SMALL = {"num_classes": 5, "input_size": (16, 32, 32), "width": 1 / 16}
VARIANTS = {
    "batch normalisation": {"batch_norm": True},
    "the I3D paper's": {"batch_norm": True, "pool1_stride": 2},
    "pool5 over the whole map": {"pool5": "global"},
    "all of it": {"batch_norm": True, "pool1_stride": 2, "pool5": "global", "hidden": 40},
}
RECIPE = Preprocessing(
    resize=(36, 48), crop=(32, 32), channel_order="bgr", mean=(90.25, 97.66, 101.41)
)


def trained(**options):
    """A network whose batch normalisations have seen something."""
    network = initialize(C3D(**SMALL | options), 0).train()
    torch.manual_seed(1)
    for _ in range(2):
        network(torch.randn(4, 3, 16, 32, 32) * 60)
    for name, values in network.named_parameters():
        if name.endswith(("bias", "_bn.weight")):
            torch.nn.init.normal_(values, mean=float(name.endswith("weight")), std=0.2)
    return network.eval().requires_grad_(False)


def equal(found, expected):
    return all(torch.equal(values, found[name]) for name, values in expected.items())


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_file_gives_back_the_network_and_says_what_it_is(options, tmp_path):
    network = trained(**options)
    path = tmp_path / "mine.safetensors"
    save_weights(network, path, preprocessing=RECIPE)
    again = load_weights(path)
    assert again.config == {**network.config, "input_size": [16, 32, 32]}
    assert again.preprocessing == RECIPE
    x = torch.randn(2, 3, 16, 32, 32)
    assert equal(again(x, again.layer_names), network(x, network.layer_names))


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_the_transformer_describes_videos_as_the_network_does(options, tmp_path):
    network = trained(**options)
    path = tmp_path / "mine.safetensors"
    save_weights(network, path, preprocessing=RECIPE)
    video = np.random.default_rng(0).integers(0, 256, (16, 36, 48, 3), dtype=np.uint8)
    found = C3DTransformer(weights=path, layer=("pool5", "fc6", "prob"), norm=None)
    row = found.fit_transform([video])[0]
    # As the recipe says: the centre 32 of 36 rows and 48 columns, BGR, less the mean.
    frames = video[:, 2:34, 8:40, ::-1].astype(np.float64) - RECIPE.mean
    clip = torch.from_numpy(frames).permute(3, 0, 1, 2)[None]
    expected = network.double().describe(clip, ("pool5", "fc6", "prob"))
    for name, values in expected.items():
        error = np.abs(row[found.feature_blocks_[name]] - values[0].numpy()).max()
        assert error < 1e-5 * float(values.abs().max()), name


def test_descriptors_of_a_network_with_a_global_pool_do_not_need_its_input_size(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(trained(pool5="global"), path, preprocessing=RECIPE)
    larger = Preprocessing(resize=(60, 80), crop=(56, 64), channel_order="bgr")
    video = np.zeros((16, 36, 48, 3), dtype=np.uint8)
    found = C3DTransformer(weights=path, preprocessing=larger).fit_transform([video])
    assert found.shape == (1, 256)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_seed_gives_a_variant_and_batch_normalisation_that_changes_nothing(options):
    config = SMALL | options
    network = load_weights(None, "c3d", seed=3, config=config)
    # Folding what is an identity (up to its eps, 1e-5) leaves the numbers that were drawn.
    rest = {name: value for name, value in config.items() if name != "batch_norm"}
    plain = load_weights(None, "c3d", seed=3, config=rest)
    for name, values in fold_batch_norm(network).state_dict().items():
        torch.testing.assert_close(values, plain.state_dict()[name], rtol=1e-5, atol=0)


def test_a_variant_is_other_random_weights_than_the_paper_s_network():
    shas = {
        resolve_weights(None, "c3d", seed=0, config=SMALL | options).sha256
        for options in [{}, *VARIANTS.values()]
    }
    assert len(shas) == 1 + len(VARIANTS)


def test_batch_normalisation_and_hidden_units_are_found_from_the_arrays(tmp_path):
    network = trained(batch_norm=True, hidden=40)
    state = network.state_dict()
    save_file(state, tmp_path / "bare.safetensors")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "a.pth")
    for name in ("bare.safetensors", "a.pth"):
        again = load_weights(tmp_path / name, config={"input_size": (16, 32, 32)})
        assert again.batch_norm
        assert again.hidden == 40
        steps = [key for key in state if key.endswith("num_batches_tracked")]  # nobody reads them
        assert equal(again.state_dict(), {k: v for k, v in state.items() if k not in steps})
        assert again.preprocessing == C3D_PREPROCESSING


def test_a_missing_statistic_is_named(tmp_path):
    state = trained(batch_norm=True).state_dict()
    del state["conv3b_bn.running_var"], state["fc6_bn.weight"]
    save_file(state, tmp_path / "bare.safetensors")
    with pytest.raises(CheckpointError, match=r"2 missing: conv3b_bn\.running_var; fc6_bn\.weight"):
        load_weights(tmp_path / "bare.safetensors", config={"input_size": (16, 32, 32)})
