"""Learning rates at named epochs and iterations, worked out by hand from the papers' words."""

import math

import pytest
import torch
from torch import nn

from skvideo3d.training import RECIPES, Constant, Cosine, Plateau, Steps, VideoClassifier


@pytest.mark.parametrize(
    ("epoch", "lr"),
    [(0, 3e-3), (3, 3e-3), (4, 3e-4), (7, 3e-4), (8, 3e-5), (11, 3e-5), (12, 3e-6), (15, 3e-6)],
)
def test_the_study_divides_its_learning_rate_by_ten_every_four_epochs(epoch, lr):
    # Tran et al. 2015, section 3.1: 0.003, divided by 10 after every 4 epochs, 16 epochs.
    recipe = RECIPES["ucf101-study"]
    assert recipe.lr * recipe.schedule(epoch) == pytest.approx(lr, rel=1e-12)
    assert (recipe.schedule.unit, recipe.max_epochs, recipe.batch_size) == ("epoch", 16, 30)


@pytest.mark.parametrize(
    ("iteration", "lr"),
    [
        (0, 0.003),
        (149_999, 0.003),
        (150_000, 0.0015),
        (299_999, 0.0015),
        (300_000, 0.00075),
        (1_899_999, 0.003 / 2**12),  # 12 halvings in 1.9 million
    ],
)
def test_sports1m_halves_its_learning_rate_every_150000_iterations(iteration, lr):
    recipe = RECIPES["sports1m"]
    assert recipe.lr * recipe.schedule(iteration) == pytest.approx(lr, rel=1e-12)
    assert (recipe.schedule.unit, recipe.max_iterations) == ("iteration", 1_900_000)


def test_a_cosine_rises_and_falls():
    schedule = Cosine(length=12, warm_up=2, last=0.2)
    assert [schedule(done) for done in (0, 1, 2)] == pytest.approx([0.5, 1, 1])
    # Half and a quarter of the way down: cos(pi / 2) = 0, cos(pi / 4) = 0.7071.
    assert schedule(7) == pytest.approx(0.6)
    assert schedule(2 + 2.5) == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)
    assert schedule(12) == schedule(20) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Steps(0.0, every=4),
        lambda: Steps(1.5, every=4),
        lambda: Steps(0.1, every=0),
        lambda: Plateau(factor=2.0),
        lambda: Cosine(length=2, warm_up=2),
        lambda: Cosine()(3),
    ],
)
def test_what_is_no_schedule_is_refused(make):
    with pytest.raises(ValueError, match=r"factor|every|length"):
        make()


def used(recipe, coloured, quick, **params):
    fitted = VideoClassifier(**{**quick, **params}, recipe=recipe).fit(*coloured)
    return [row["lr"] for row in fitted.history_]


def test_a_fit_uses_the_learning_rates_of_its_epochs(coloured, quick, steps_recipe):
    # Three batches an epoch; a row has the learning rate of its last batch.
    lrs = used(steps_recipe(9, schedule=Steps(0.5, every=2)), coloured, quick, max_epochs=5)
    assert lrs == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.0025])
    in_batches = steps_recipe(9, schedule=Steps(0.1, every=2, unit="iteration"))
    # The batches 2, 5 and 8 are the last of their epochs: one, two, four falls before them.
    assert used(in_batches, coloured, quick, max_epochs=None) == pytest.approx([1e-3, 1e-4, 1e-6])
    assert used(steps_recipe(9), coloured, quick)[0] == 0.01
    constant = steps_recipe(9, schedule=Constant())
    assert used(constant, coloured, quick, max_epochs=5) == [0.01] * 5


def test_a_cosine_without_a_length_is_as_long_as_the_training(coloured, quick, steps_recipe):
    # 9 batches: after 8 of them the factor is (1 + cos(8 pi / 9)) / 2.
    lrs = used(steps_recipe(9, schedule=Cosine()), coloured, quick, max_epochs=None)
    assert lrs[-1] == pytest.approx(0.01 * (1 + math.cos(8 * math.pi / 9)) / 2)


class Unteachable(nn.Module):
    """The same scores whatever happens: the loss is on a plateau from the beginning."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, clips):
        return torch.zeros(len(clips), 2) + 0 * self.weight


@pytest.mark.parametrize("validation", [None, 0.25])
def test_a_plateau_brings_a_fall_after_the_epochs_it_is_put_up_with(
    coloured, steps_recipe, validation
):
    from skvideo3d.video import Preprocessing

    fitted = VideoClassifier(
        Unteachable(),
        recipe=steps_recipe(9, schedule=Plateau(factor=0.1, patience=1)),
        preprocessing=Preprocessing((8, 8), (8, 8)),
        max_epochs=6,
        batch_size=4,
        lr=1.0,
        random_state=0,
        validation=validation,
    ).fit(*coloured)
    # The first epoch sets the best loss, the second is put up with, the third brings the fall.
    lrs = [row["lr"] for row in fitted.history_]
    assert lrs == pytest.approx([1.0, 1.0, 1.0, 0.1, 0.1, 0.01])
