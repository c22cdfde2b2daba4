"""Small videos to learn from, and a network that learns them in a second."""

from dataclasses import replace

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    # Networks this small only lose time to waking threads.
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="session")
def coloured():
    """Twelve videos of noise, reddish or bluish, and what they are."""
    rng = np.random.default_rng(0)
    videos = []
    for number in range(12):
        video = rng.integers(0, 120, (16 + number % 3, 24, 32, 3), dtype=np.uint8)
        video[..., 2 * (number % 2)] += 120
        videos.append(video)
    return videos, np.array(["red", "blue"] * 6)


@pytest.fixture(scope="session")
def quick():
    """Parameters with which a fit takes a fraction of a second."""
    return {
        "input_size": 32,
        "network_params": {"width": 1 / 16},
        "max_epochs": 3,
        "batch_size": 4,
        "lr": 0.01,
        "random_state": 0,
    }


@pytest.fixture(scope="session")
def steps_recipe():
    """The study's recipe, to be counted in batches."""
    from skvideo3d.training import RECIPES

    def make(n_iterations, **changes):
        return replace(
            RECIPES["ucf101-study"], max_epochs=None, max_iterations=n_iterations, **changes
        )

    return make
