"""What a fit is made of: who cuts the clips has no part in what is learnt from them."""

import numpy as np
import pytest
import torch

from skvideo3d.training import FrameStore, Jitter, TrainingClips, TrainingRecipe
from skvideo3d.training.fitting import FitSettings, TrainingLength, train
from skvideo3d.training.networks import NetworkWish, start_network
from skvideo3d.video.sources import as_source


def trained(store, videos, labels, n_workers):
    wish = NetworkWish(2, seed=0, input_size=(32, 32), params={"width": 1 / 16})
    start = start_network("c3d-bn", wish)
    recipe = TrainingRecipe(max_epochs=3, batch_size=4, lr=0.01)
    clips = TrainingClips(
        store,
        videos,
        labels,
        sampling=recipe.sampling,
        jitter=Jitter(start.preprocessing.crop),
        preprocessing=start.preprocessing,
        seed=0,
    )
    return train(start, FitSettings(recipe, seed=0, n_workers=n_workers), clips, None)


def test_processes_that_cut_clips_change_nothing(coloured):
    videos, names = coloured
    labels = (names == "red").astype(int)
    resize = start_network("c3d", NetworkWish(2, 0, input_size=(32, 32))).preprocessing.resize
    with FrameStore(None, resize=resize) as store:
        kept = store.fill([as_source(video) for video in videos])
        alone, helped = (trained(store, kept, labels, n) for n in (0, 2))
    found = helped.module_.state_dict()
    assert all(
        torch.equal(value, found[name]) for name, value in alone.module_.state_dict().items()
    )
    losses = [[row["train_loss"] for row in net.history] for net in (alone, helped)]
    np.testing.assert_array_equal(*losses)


@pytest.mark.parametrize(
    ("length", "in_epoch", "expected"),
    [
        ({"max_epochs": 3}, 4, (3, 12, [4, 4, 4])),
        ({"max_iterations": 8}, 4, (2, 8, [4, 4])),
        ({"max_iterations": 9}, 4, (3, 9, [4, 4, 1])),
        ({"max_iterations": 2}, 4, (1, 2, [2])),
    ],
)
def test_epochs_and_iterations_are_counted(length, in_epoch, expected):
    found = TrainingLength.of(TrainingRecipe(**length), in_epoch)
    steps = [found.steps_of(epoch) for epoch in range(found.n_epochs)]
    assert (found.n_epochs, found.n_steps, steps) == expected
