"""Random weights: their law, and that a seed means the same numbers everywhere."""

import numpy as np
import pytest
import torch
from torch import nn

from skvideo3d.models import C3D, I3D
from skvideo3d.models.initialization import INITIALIZATION, initialize

PINNED = {
    "conv1a": [0.17561737, -0.21796566, -0.06702926],
    "fc8": [0.1022889, -0.097423002, -0.014785727],
    "Conv3d_1a_7x7": [0.1065641, 0.0062939269, -0.022602651],
    "logits": [-0.13740581, 0.028693534, -0.15821582],
}


def small_c3d(**keywords):
    return C3D(**({"num_classes": 5, "input_size": (16, 32, 32), "width": 1 / 8} | keywords))


def test_weights_have_the_variance_of_he_et_al():
    network = initialize(small_c3d(), 0)
    for name, module in network.named_children():
        if not isinstance(module, nn.Conv3d | nn.Linear):
            continue
        weight = module.weight.detach().double().flatten()
        fan_in = module.weight[0].numel()
        normal = weight * (fan_in / 2) ** 0.5
        # Four standard errors of the mean and of the variance of n standard normal numbers.
        n = len(normal)
        assert abs(normal.mean()) < 4 / n**0.5, name
        assert abs(normal.var() - 1) < 4 * (2 / n) ** 0.5, name
        # Kurtosis 3 tells a normal law from a uniform one (1.8); its standard error is sqrt(24/n).
        assert abs((normal**4).mean() - 3) < 4 * (96 / n) ** 0.5, name
        assert not module.bias.any()


def test_a_seed_gives_numpys_numbers_in_the_order_of_the_layers():
    network = initialize(small_c3d(), 7)
    draw = np.random.Generator(np.random.PCG64(7))
    for name in (name for name in network.layer_names if name[:2] in ("co", "fc")):
        weight = network.get_submodule(name).weight.detach().numpy()
        expected = draw.standard_normal(weight.shape, dtype=np.float32)
        np.testing.assert_allclose(
            weight, expected * np.sqrt(2 / weight[0].size), rtol=1e-6, atol=1e-9
        )


def test_a_seed_gives_these_numbers():
    # Pinned: descriptors stored under INITIALIZATION depend on them. Another scheme, another name.
    assert INITIALIZATION == "he-normal-1"
    c3d = initialize(small_c3d(), 0)
    i3d = initialize(I3D(num_classes=5, width=1 / 8), 3)
    found = {
        "conv1a": c3d.conv1a.weight[0, 0, 0, 0].tolist(),
        "fc8": c3d.fc8.weight[-1, -3:].tolist(),
        "Conv3d_1a_7x7": i3d.Conv3d_1a_7x7.conv3d.weight[0, 0, 0, 0, :3].tolist(),
        "logits": i3d.logits.conv3d.weight[-1, -3:].flatten().tolist(),
    }
    assert found == {name: pytest.approx(values, rel=1e-6) for name, values in PINNED.items()}


def test_the_numbers_depend_on_nothing_but_seed_and_shapes():
    torch.manual_seed(0)
    one = initialize(small_c3d(), 11).state_dict()
    torch.manual_seed(1)
    with torch.device("meta"):
        network = small_c3d()
    before = torch.get_rng_state()
    two = initialize(network, np.int64(11)).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], two[key]) for key in one)
    other = initialize(small_c3d(), 12).state_dict()
    assert not torch.equal(one["conv1a.weight"], other["conv1a.weight"])


def test_c3d_without_fc8_has_the_same_weights_below_it():
    whole = initialize(small_c3d(), 5).state_dict()
    bare = initialize(small_c3d(num_classes=None), 5).state_dict()
    assert set(whole) - set(bare) == {"fc8.weight", "fc8.bias"}
    assert all(torch.equal(whole[key], bare[key]) for key in bare)


def test_batch_normalisation_becomes_the_identity():
    with torch.device("meta"):
        network = I3D(num_classes=5, width=1 / 16)
    initialize(network, 0)
    x = torch.randn(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    # Identity but for the epsilon of 1e-3.
    normalised = network.eval().Conv3d_1a_7x7.bn(x)
    torch.testing.assert_close(normalised, x / (1 + 1e-3) ** 0.5)


def test_a_used_network_is_forgotten_whole():
    network = I3D(num_classes=5, width=1 / 32).train()
    network(torch.randn(2, 3, 4, 40, 40), "Mixed_5c")
    network.double()
    fresh = initialize(I3D(num_classes=5, width=1 / 32), 2).state_dict()
    again = initialize(network, 2).state_dict()
    assert all(torch.equal(fresh[key], again[key]) for key in fresh)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "0"])
def test_a_seed_that_is_no_number_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be a whole number from 0 on"):
        initialize(small_c3d(), seed)


def test_a_module_it_does_not_know_is_named():
    network = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    with pytest.raises(ValueError, match="'1', a LayerNorm"):
        initialize(network, 0)


@pytest.mark.slow
def test_the_full_networks_keep_their_activations_in_range():
    # He's variance keeps the mean square of the activations from layer to layer: within a factor
    # of 30 over ten layers, where a wrong fan-in would make it thousands.
    with torch.device("meta"):
        network = C3D()
    initialize(network, 0).eval()
    x = torch.randn(1, 3, 16, 112, 112, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = network(x, ("conv1a", "conv5b", "fc7"))
    first = found["conv1a"].square().mean()
    for name in ("conv5b", "fc7"):
        assert 1 / 30 < found[name].square().mean() / first < 30
