"""Muon, against a singular value decomposition and lengths measured by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from skvideo3d.exceptions import CheckpointError
from skvideo3d.models import C3D, I3D
from skvideo3d.models.initialization import initialize
from skvideo3d.training import RECIPES, Cosine, Steps, VideoClassifier
from skvideo3d.training.muon import Muon, normalized_weights, orthogonalized


def gradient(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def stepped(weight, gradients, **group):
    parameter = torch.nn.Parameter(weight.clone())
    optimizer = Muon([{"params": [parameter], **group}], weight_decay=0.5)
    for each in gradients:
        parameter.grad = each.clone()
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize("shape", [(16, 90), (90, 16), (24, 30)])
def test_a_matrix_keeps_its_singular_vectors_and_its_values_become_alike(shape):
    matrix = gradient(shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ orthogonalized(matrix).float() @ right.T
    assert values[0] / values[-1] > 2
    assert (inside.diagonal() - 0.9).abs().max() < 0.35
    assert (inside - inside.diagonal().diag()).abs().max() < 0.06  # bfloat16


def test_the_size_of_a_matrix_plays_no_part():
    matrix = gradient((8, 20))
    torch.testing.assert_close(orthogonalized(1e-6 * matrix), orthogonalized(1e4 * matrix))
    assert not orthogonalized(torch.zeros(3, 4)).any()


def test_a_step_has_the_length_it_was_told_and_weights_keep_theirs():
    weight, ahead = 3 * gradient((6, 4, 3, 3, 3), 1), gradient((6, 4, 3, 3, 3), 2)
    after = stepped(weight, [ahead], turns=True, lr=0.02)
    torch.testing.assert_close(after.norm(), weight.norm())
    direction = orthogonalized(ahead.flatten(1)).float().view_as(weight)
    moved = weight - 0.02 * weight.norm() * direction / direction.norm()
    torch.testing.assert_close(after, moved * weight.norm() / moved.norm())


@pytest.mark.parametrize("shape", [(6, 9), (9, 2, 1, 1, 3)])
def test_without_a_gradient_or_weights_nothing_moves(shape):
    weight = gradient(shape)
    assert torch.equal(stepped(weight, [torch.zeros(shape)] * 2, turns=True, lr=0.1), weight)
    nothing = torch.zeros(shape)
    assert torch.equal(stepped(nothing, [gradient(shape)], turns=True, lr=0.1), nothing)


def test_the_momentum_looks_ahead_as_nesterov_does():
    first, second = gradient((5, 9), 1), gradient((5, 9), 2)
    weight = gradient((5, 9), 3)
    once = stepped(weight, [first], turns=True, lr=0.1)
    twice = stepped(weight, [first, second], turns=True, lr=0.1)
    momentum = 0.95 * 0.05 * first + 0.05 * second
    direction = orthogonalized(0.05 * second + 0.95 * momentum).float()
    moved = once - 0.1 * once.norm() * direction / direction.norm()
    torch.testing.assert_close(twice, moved * once.norm() / moved.norm(), rtol=2e-2, atol=5e-3)


def test_other_weights_are_adamws():
    weight, gradients = gradient((5, 9)), [gradient((5, 9), 1), gradient((5, 9), 2)]
    parameter = torch.nn.Parameter(weight.clone())
    plain = torch.optim.AdamW([parameter], lr=0.1, weight_decay=0.5)
    for each in gradients:
        parameter.grad = each.clone()
        plain.step()
    assert torch.equal(stepped(weight, gradients, lr=0.1), parameter.detach())


def test_a_closure_is_computed_with_gradients_and_its_loss_returned():
    weight = torch.nn.Parameter(torch.ones(2, 3))
    optimizer = Muon([{"params": [weight], "turns": True, "lr": 0.1}])

    def closure():
        optimizer.zero_grad()
        loss = (weight * torch.arange(6.0).view(2, 3)).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert float(loss.detach()) == 15
    assert weight[1, 2] < weight[0, 0]


def test_it_goes_on_from_its_state():
    gradients = [gradient((4, 6), seed) for seed in range(4)]
    weight = gradient((4, 6), 9)
    first = torch.nn.Parameter(weight.clone())
    optimizer = Muon([{"params": [first], "turns": True, "lr": 0.1}])
    for each in gradients[:2]:
        first.grad = each.clone()
        optimizer.step()
    second = torch.nn.Parameter(first.detach().clone())
    resumed = Muon([{"params": [second], "turns": True, "lr": 0.1}])
    resumed.load_state_dict(optimizer.state_dict())
    for each in gradients[2:]:
        second.grad = each.clone()
        resumed.step()
    assert torch.equal(second.detach(), stepped(weight, gradients, turns=True, lr=0.1))


def names_turned(network):
    turned = {id(weight) for weight in normalized_weights(network)}
    return {name for name, value in network.named_parameters() if id(value) in turned}


def test_every_layer_of_a_c3d_but_the_last_is_normalised():
    network = C3D(2, input_size=(16, 32, 32), width=1 / 32, hidden=4, batch_norm=True)
    layers = {name for name, value in network.named_parameters() if value.ndim > 1}
    assert len(layers) == 11
    assert names_turned(network) == layers - {"fc8.weight"}
    assert names_turned(C3D(2, input_size=(16, 32, 32), width=1 / 32)) == set()


def test_layers_of_other_networks_are_found_by_their_next_sibling():
    network = nn.ModuleDict(
        {
            "conv1": nn.Conv3d(3, 8, 3),
            "bn1": nn.BatchNorm3d(8),
            "conv2": nn.Conv3d(8, 4, 3),
            "relu": nn.ReLU(),
            "bn2": nn.BatchNorm3d(4),
            "fc": nn.Linear(4, 6),
            "other": nn.BatchNorm1d(4),
        }
    )
    assert names_turned(network) == {"conv1.weight"}
    i3d = I3D(5)
    expected = {
        f"{name}.conv3d.weight" for name, part in i3d.named_modules() if hasattr(part, "bn")
    }
    assert len(expected) == 57  # Carreira & Zisserman: every convolution but the scores'
    assert names_turned(i3d) == expected


def fitted(coloured, quick, **changes):
    network = C3D(2, input_size=(16, 32, 32), width=1 / 32, hidden=4, batch_norm=True)
    initialize(network, 0)
    recipe = replace(RECIPES["ucf101-study"], optimizer="muon", turn=0.1)
    options = {**quick, "network": network, "recipe": recipe, "network_params": None, **changes}
    return network, VideoClassifier(**options).fit(*coloured)


def test_layers_before_a_batch_normalisation_turn_and_others_do_not(coloured, quick):
    network, classifier = fitted(coloured, quick, lr=0.0)
    after = classifier.network_
    for name, value in network.named_parameters():
        moved = not torch.equal(after.get_parameter(name), value)
        assert moved == (name.endswith(".weight") and value.ndim > 1 and name != "fc8.weight")
        if moved:
            torch.testing.assert_close(after.get_parameter(name).norm(), value.norm())


def test_what_is_frozen_does_not_turn(coloured, quick):
    network, classifier = fitted(coloured, quick, freeze="conv3b")
    after = classifier.network_
    assert torch.equal(after.conv3b.weight, network.conv3b.weight)
    assert not torch.equal(after.conv4a.weight, network.conv4a.weight)


@pytest.mark.parametrize("schedule", [Steps(0.1, every=2), Cosine(length=3, unit="epoch")])
def test_both_rates_follow_the_schedule(coloured, quick, schedule):
    recipe = replace(RECIPES["ucf101-study"], optimizer="muon", turn=0.1, schedule=schedule)
    _, classifier = fitted(coloured, quick, recipe=recipe)
    factor = classifier.history_[-1]["lr"] / 0.01
    assert 0 < factor < 0.5
    groups = classifier.net_.optimizer_.param_groups
    rates = {bool(group.get("turns")): group["lr"] for group in groups}
    assert rates[True] == pytest.approx(10 * rates[False])


def test_a_killed_training_goes_on_to_the_same_weights(coloured, quick, tmp_path):
    _, whole = fitted(coloured, quick)
    fitted(coloured, quick, max_epochs=1, checkpoint=tmp_path / "state.ckpt")
    _, resumed = fitted(coloured, quick, checkpoint=tmp_path / "state.ckpt")
    assert resumed.history_[0]["epoch"] == 1
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(resumed.network_.state_dict()[name], value), name


def test_the_checkpoint_of_another_turn_is_refused_where_it_matters(coloured, quick, tmp_path):
    fitted(coloured, quick, max_epochs=1, checkpoint=tmp_path / "state.ckpt")
    other = replace(RECIPES["ucf101-study"], optimizer="muon", turn=0.2)
    with pytest.raises(CheckpointError, match=r"turn was 0\.1 and is 0\.2"):
        fitted(coloured, quick, recipe=other, checkpoint=tmp_path / "state.ckpt")
    for turn in (0.1, 0.2):
        plain = replace(RECIPES["ucf101-study"], turn=turn)
        fitted(coloured, quick, recipe=plain, max_epochs=1, checkpoint=tmp_path / "sgd.ckpt")


def test_a_network_that_has_nothing_to_turn_is_refused(coloured, quick):
    with pytest.raises(ValueError, match="this network has none to train; use 'adamw'"):
        fitted(coloured, quick, network="c3d", network_params={"width": 1 / 16})
