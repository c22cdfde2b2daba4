"""What a module of any kind has to give for a clip, before a training begins."""

import pytest
import torch
from torch import nn

from skvideo3d.training.networks import NetworkWish, start_network
from skvideo3d.video import Preprocessing


def wish():
    return NetworkWish(n_classes=4, seed=0, preprocessing=Preprocessing((37, 49), (32, 32)))


class Scoring(nn.Module):
    """A module of any kind with so many scores, whose normalisation sees what it is given."""

    def __init__(self, n_scores, wrap=lambda scores: scores):
        super().__init__()
        self.linear = nn.Linear(3, n_scores)
        self.norm = nn.BatchNorm1d(n_scores)
        self.wrap = wrap

    def forward(self, clips):
        return self.wrap(self.norm(self.linear(clips.mean((2, 3, 4)))))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            Scoring(3),
            r"Scoring gives scores of shape \(1, 3\) for one clip.* \(1, 4\), one for each",
        ),
        (Scoring(5), r"shape \(1, 5\)"),
        (Scoring(4, lambda scores: scores[:, :, None]), r"shape \(1, 4, 1\)"),
        (Scoring(4, lambda scores: scores[0]), r"shape \(4,\)"),
        (Scoring(4, lambda scores: {"scores": scores}), "Scoring gives a dict"),
        (nn.Linear(3, 4), r"Linear cannot take a clip of shape \(1, 3, 16, 32, 32\): .*shapes"),
    ],
)
def test_a_module_without_a_score_for_each_class_is_refused_before_training(module, said):
    with pytest.raises(ValueError, match=said):
        start_network(module, wish())


def test_asking_a_module_for_scores_leaves_it_as_it_is():
    module = Scoring(4).train()
    before = torch.get_rng_state()
    start = start_network(module, wish())
    assert start.network.training
    assert all(
        torch.equal(v, module.state_dict()[k]) for k, v in start.network.state_dict().items()
    )
    assert torch.equal(torch.get_rng_state(), before)
