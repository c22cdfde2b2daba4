"""Muon, against a singular value decomposition and lengths measured by hand."""

from dataclasses import replace

import pytest
import torch

from skvideo3d.models import C3D
from skvideo3d.training import RECIPES, VideoClassifier
from skvideo3d.training.muon import Muon, orthogonalized


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

    assert float(optimizer.step(closure).detach()) == 15
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


def test_layers_before_a_batch_normalisation_turn_and_others_do_not(coloured, quick):
    network = C3D(2, input_size=(16, 32, 32), width=1 / 32, hidden=4, batch_norm=True)
    recipe = replace(RECIPES["ucf101-study"], optimizer="muon", lr=0.0, turn=0.1)
    options = {**quick, "network": network, "recipe": recipe, "lr": 0.0}
    options.pop("network_params", None)
    after = VideoClassifier(**options).fit(*coloured).network_
    for name, value in network.named_parameters():
        moved = not torch.equal(after.get_parameter(name), value)
        assert moved == (name.endswith(".weight") and value.ndim > 1 and name != "fc8.weight")
        if moved:
            torch.testing.assert_close(after.get_parameter(name).norm(), value.norm())
