"""The papers' recipes, and what none can be."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from skvideo3d.training import RECIPES, TrainingRecipe, VideoClassifier
from skvideo3d.video import Preprocessing


def test_the_recipes_are_the_papers():
    # Tran et al. 2015, sections 3.1 and 3.3; Carreira & Zisserman 2017, section 2.5.
    assert list(RECIPES) == ["ucf101-study", "sports1m", "kinetics"]
    for recipe in RECIPES.values():
        assert (recipe.optimizer, recipe.momentum) == ("sgd", 0.9)
        assert (recipe.jitter, recipe.flip) == (True, 0.5)
    sports1m, kinetics = RECIPES["sports1m"], RECIPES["kinetics"]
    assert (sports1m.sampling.clips_per_video, sports1m.sampling.span_seconds) == (5, 2.0)
    assert sports1m.sampling.clip_len == 16
    assert (kinetics.sampling.clip_len, kinetics.sampling.short_video) == (64, "loop")
    assert (kinetics.max_iterations, kinetics.schedule.factor) == (110_000, 0.1)
    assert RECIPES["ucf101-study"].sampling.clips_per_video is None


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"max_epochs": 1, "max_iterations": 1},
        {"max_epochs": 0},
        {"max_epochs": 1, "batch_size": 0},
        {"max_epochs": 1, "lr": -0.1},
        {"max_epochs": 1, "lr": float("nan")},
        {"max_epochs": 1, "weight_decay": -1},
        {"max_epochs": 1, "turn": -0.1},
        {"max_epochs": 1, "flip": 1.5},
        {"max_epochs": 1, "optimizer": "adam"},
    ],
)
def test_what_is_no_recipe_is_refused(values):
    with pytest.raises(ValueError, match="|".join(values) or "max_epochs"):
        TrainingRecipe(**values)


@pytest.mark.parametrize("n_iterations", [2, 3, 4])
def test_a_recipe_of_iterations_stops_after_so_many_batches(
    coloured, quick, steps_recipe, n_iterations
):
    quick = {**quick, "max_epochs": None}
    fitted = VideoClassifier(**quick, recipe=steps_recipe(n_iterations)).fit(*coloured)
    assert sum(row["n_clips"] for row in fitted.history_) == 4 * n_iterations
    assert fitted.n_epochs_ == -(-n_iterations // 3)


class Still(nn.Module):
    """Parameters that no clip has a part in: all that moves them is weight decay."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, clips):
        x = self.norm(clips.mean((2, 3, 4)))
        return (0 * self.linear(x)).detach() + 0 * sum(p.sum() for p in self.parameters())


def decayed(recipe, coloured, **params):
    module = Still()
    fitted = VideoClassifier(
        module,
        recipe=recipe,
        preprocessing=Preprocessing((8, 8), (8, 8)),
        random_state=0,
        **params,
    ).fit(*coloured)
    return module, fitted.network_


def test_weight_decay_is_for_weights_and_not_for_biases_and_normalisations(coloured):
    # SGD: v = 0.9 v + decay w; w = w - lr v, here with lr 0.5, decay 0.1, twice:
    # v = 0.1, w = 0.95; v = 0.09 + 0.095 = 0.185, w = 0.95 - 0.0925 = 0.8575.
    recipe = TrainingRecipe(lr=0.5, weight_decay=0.1, max_iterations=2, batch_size=6)
    before, after = decayed(recipe, coloured)
    torch.testing.assert_close(after.linear.weight, before.linear.weight * 0.8575)
    for name in ("linear.bias", "norm.weight", "norm.bias"):
        assert torch.equal(after.get_parameter(name), before.get_parameter(name))


def test_adamw_decays_apart_from_the_gradient(coloured):
    # AdamW: w = w - lr decay w, whatever the gradient: 0.95 squared.
    recipe = TrainingRecipe(
        lr=0.5, weight_decay=0.1, max_iterations=2, batch_size=6, optimizer="adamw"
    )
    before, after = decayed(recipe, coloured)
    torch.testing.assert_close(after.linear.weight, before.linear.weight * 0.95**2)


def test_parameters_of_the_classifier_win_over_the_recipes(coloured, quick):
    recipe = replace(RECIPES["sports1m"], lr=1.0)
    fitted = VideoClassifier(**quick, weight_decay=0.25, recipe=recipe).fit(*coloured)
    used = fitted.recipe_
    assert (used.lr, used.batch_size, used.weight_decay) == (0.01, 4, 0.25)
    assert (used.max_epochs, used.max_iterations) == (3, None)
    assert used.sampling.clips_per_video == 5
    assert fitted.history_[0]["n_clips"] == 5 * len(coloured[0])
