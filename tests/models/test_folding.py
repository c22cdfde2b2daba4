"""A C3D whose batch normalisations are folded computes what it did."""

import pytest
import torch

from skvideo3d.models import C3D, fold_batch_norm
from skvideo3d.video.preprocessing import I3D_PREPROCESSING


def trained(**keywords):
    """Statistics of two batches, and scales and shifts of every sign."""
    torch.manual_seed(0)
    network = C3D(5, input_size=(8, 20, 20), width=1 / 16, batch_norm=True, **keywords).double()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm3d):
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    for _ in range(2):
        network(torch.randn(4, 3, 8, 20, 20, dtype=torch.float64))
    return network


@pytest.mark.parametrize("keywords", [{}, {"pool5": "global", "pool1_stride": 2, "hidden": 30}])
def test_a_folded_network_is_the_same_function_in_evaluation_mode(keywords):
    network = trained(**keywords)
    x = torch.randn(2, 3, 8, 20, 20, dtype=torch.float64)
    plain = fold_batch_norm(network)
    assert not plain.batch_norm
    assert plain.config == {k: v for k, v in network.config.items() if k != "batch_norm"}
    expected = network.eval()(x, network.layer_names)
    found = plain(x, network.layer_names)
    for name in network.layer_names:
        torch.testing.assert_close(found[name], expected[name].detach(), msg=name)


def test_the_network_that_is_folded_stays_as_it_was():
    network = trained()
    network.preprocessing = I3D_PREPROCESSING
    before = {name: values.clone() for name, values in network.state_dict().items()}
    plain = fold_batch_norm(network)
    assert plain.preprocessing is I3D_PREPROCESSING
    assert not any(p.requires_grad for p in plain.parameters())
    assert not plain.training
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    after = network.state_dict()
    assert all(torch.equal(values, after[name]) for name, values in before.items())


def test_there_is_nothing_to_fold_in_a_network_without():
    network = C3D(5, input_size=(8, 20, 20), width=1 / 16)
    assert fold_batch_norm(network) is network
