"""Several fits in threads of one process share torch's one global generator of random numbers."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import torch

from skvideo3d.training import VideoClassifier
from skvideo3d.training.net import random_numbers

CPU = torch.device("cpu")


def test_fits_in_threads_are_those_one_after_another(coloured, quick):
    videos, labels = coloured

    def fit(seed):
        changes = {"max_epochs": 1, "random_state": seed, "validation": 0.34}
        classifier = VideoClassifier(**{**quick, **changes}).fit(videos, labels)
        return classifier.network_.state_dict(), classifier.predict_proba(videos[:4])

    seeds = [0, 1, 2]
    serial = [fit(seed) for seed in seeds]
    before = torch.get_rng_state()
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(fit, seeds))
    assert torch.equal(torch.get_rng_state(), before)  # the user's own random numbers
    for (state, rows), (expected, expected_rows) in zip(found, serial, strict=True):
        assert all(torch.equal(value, expected[name]) for name, value in state.items())
        assert (rows == expected_rows).all()


def test_random_numbers_of_two_steps_do_not_mix():
    with random_numbers((0, 1), CPU):
        alone = torch.rand(4)
    before = torch.get_rng_state()
    is_inside = Event()
    found = {}

    def draw():
        with random_numbers((0, 1), CPU):
            is_inside.set()
            found["other"] = torch.rand(4)

    thread = Thread(target=draw)
    with random_numbers((0, 1), CPU):
        first = torch.rand(2)
        thread.start()
        assert not is_inside.wait(0.05)  # it waits for the end of this step
        second = torch.rand(2)
    thread.join()
    assert torch.equal(torch.cat([first, second]), alone)
    assert torch.equal(found["other"], alone)
    assert torch.equal(torch.get_rng_state(), before)
