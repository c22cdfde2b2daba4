"""Which clips are in a batch: each once in an epoch, in an order of its own."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skvideo3d.training.batches import EpochBatches


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5))
def test_an_epoch_has_every_clip_once(n_clips, batch_size, epoch):
    batches = EpochBatches(n_clips, batch_size, seed=0)
    batches.epoch = epoch
    found = list(batches)
    assert sorted(chain.from_iterable(found)) == list(range(n_clips))
    assert len(found) == len(batches) == batches.in_epoch
    assert {len(batch) for batch in found[:-1]} <= {batch_size}


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 70), st.integers(0, 70))
def test_a_part_of_an_epoch_is_what_the_whole_has_there(n_clips, batch_size, first, stop):
    batches = EpochBatches(n_clips, batch_size, seed=3)
    whole = list(batches)
    batches.first, batches.stop = first, stop
    assert list(batches) == whole[first:stop]
    assert len(batches) == len(whole[first:stop])


def test_the_order_depends_on_seed_and_epoch_alone():
    one, other = (EpochBatches(50, 8, seed) for seed in (0, 1))
    first = list(one)
    one.epoch = 1
    assert list(one) != first != list(other)
    one.epoch = 0
    assert list(one) == first


@pytest.mark.parametrize(
    ("n_clips", "batch_size", "sizes"),
    [(7, 3, [3, 4]), (8, 3, [3, 3, 2]), (1, 3, [1]), (6, 3, [3, 3]), (3, 1, [1, 1, 1])],
)
def test_no_batch_is_of_one_clip_where_another_can_take_it(n_clips, batch_size, sizes):
    # A batch normalisation has no variance of one value.
    assert [len(batch) for batch in EpochBatches(n_clips, batch_size, seed=0)] == sizes
