"""Epochs are told by their seed, and no clip comes twice."""

import numpy as np

from skvideo3d.training.world.clips import TASKS
from skvideo3d.training.world.stream import WorldClips


def test_a_clip_depends_on_its_index_and_epoch_and_not_on_what_came_before():
    clips, others = (WorldClips(50, sizes=[24], seed=1) for _ in range(2))
    whole, labels = clips.labelled_pixels([3, 9, 4])
    others.labelled_pixels([7])
    alone, label = others.labelled_pixels([9])
    assert np.array_equal(alone[0], whole[1])
    assert np.array_equal(label[0], labels[1])
    assert labels.shape == (3, len(TASKS))


def test_epochs_and_seeds_show_other_clips():
    clips, other = WorldClips(50, sizes=[24], seed=1), WorldClips(50, sizes=[24], seed=2)
    first, _ = clips.labelled_pixels([0])
    clips.set_epoch(1)
    second, _ = clips.labelled_pixels([0])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other.labelled_pixels([0])[0])


def test_sizes_go_with_epochs_and_the_last_holds_on():
    clips = WorldClips(5, sizes=[24, 32], seed=0, n_frames=4)
    shapes = []
    for epoch in range(3):
        clips.set_epoch(epoch)
        shapes.append(clips.labelled_pixels([0])[0].shape)
    assert shapes == [(1, 4, 24, 24, 3), (1, 4, 32, 32, 3), (1, 4, 32, 32, 3)]


def test_clutter_goes_with_epochs():
    plain, cluttered = (WorldClips(5, sizes=[24], clutter=c, seed=0) for c in ([0.0, 1.0], [1.0]))
    assert not np.array_equal(plain.labelled_pixels([0])[0], cluttered.labelled_pixels([0])[0])
    for clips in (plain, cluttered):
        clips.set_epoch(3)
    assert np.array_equal(plain.labelled_pixels([0])[0], cluttered.labelled_pixels([0])[0])
