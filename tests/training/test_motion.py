"""What kernels must see: classes that differ by the order of frames, and by nothing else."""

import numpy as np
import pytest
import torch

from skvideo3d.models import network_named
from skvideo3d.training import TrainingRecipe, VideoClassifier

N_FRAMES = 8


def drifting_textures(n_videos, seed):
    """Smooth noise that drifts up in every second video and down in the others, a row a frame.

    It wraps around, so that each frame by itself is such a texture at a uniformly random place: of
    the same distribution in both classes. And a clip that is played backwards is one of the other
    class.
    """
    rng = np.random.default_rng(seed)
    videos = []
    for number in range(n_videos):
        noise = rng.random((20, 24, 3))
        noise = sum(np.roll(noise, shift, (0, 1)) for shift in ((0, 0), (0, 1), (1, 0), (1, 1))) / 4
        texture = (255 * np.clip(2 * noise - 0.5, 0, 1)).astype(np.uint8)
        step = (-1, 1)[number % 2]
        videos.append(np.stack([np.roll(texture, step * t, 0) for t in range(N_FRAMES)]))
    return videos, np.array(["up", "down"] * (n_videos // 2))


def shuffled(videos, seed):
    rng = np.random.default_rng(seed)
    return [video[rng.permutation(len(video))] for video in videos]


@pytest.fixture
def _one_thread():
    # Networks this small only lose time to waking threads.
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def score(network, seed, change=lambda videos, seed: videos):
    classifier = VideoClassifier(
        network,
        recipe=TrainingRecipe(lr=1e-3, optimizer="adamw", max_epochs=10, batch_size=10),
        input_size=16,
        clip_len=N_FRAMES,
        network_params={"width": 1 / 4},
        n_test_clips=1,
        random_state=seed,
    )
    videos, labels = drifting_textures(200, seed=100 + seed)
    unseen, true = drifting_textures(100, seed=200 + seed)
    return classifier.fit(change(videos, 1), labels).score(change(unseen, 2), true)


def test_a_clip_and_the_same_clip_backwards_are_one_to_kernels_of_one_frame():
    # Such a network is a tree: frames meet in pools of two, whose maximum knows no order, and a
    # clip backwards is the same tree with all pairs exchanged.
    clip = torch.randn(4, 3, 16, 32, 32)
    for name, is_blind in (("study-depth-1", True), ("study-depth-3", False)):
        torch.manual_seed(0)
        network = network_named(name, num_classes=2, width=1 / 8, input_size=(16, 32, 32)).eval()
        with torch.no_grad():
            forwards, backwards = network(clip, "fc8")["fc8"], network(clip.flip(2), "fc8")["fc8"]
        assert torch.allclose(forwards, backwards, atol=1e-5) == is_blind


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_kernels_of_three_frames_learn_what_kernels_of_one_frame_cannot(seed):
    assert score("study-depth-3", seed) >= 0.95
    # Blind to order, it gives both classes the same scores: half of the videos, near enough.
    assert 0.35 <= score("study-depth-1", seed) <= 0.65


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(s, marks=pytest.mark.thorough) for s in (1, 2))]
)
def test_of_shuffled_frames_nothing_is_learnt(seed):
    assert 0.3 <= score("study-depth-3", seed, shuffled) <= 0.7
