"""Batches of examples of like length."""

import numpy as np
import pytest

from tidegate.data.buckets import Buckets, pad
from tidegate.errors import ArgumentError, CorpusTooSmallError

LENGTHS = np.random.default_rng(1).integers(1, 60, 1003)


def test_every_example_comes_once_in_an_epoch() -> None:
    buckets = Buckets(LENGTHS, 16, seed=3)
    for epoch in (0, 1):
        seen = np.concatenate([buckets.all(epoch, n) for n in range(len(buckets))])
        assert sorted(seen.tolist()) == list(range(len(LENGTHS)))


def test_order_is_a_function_of_seed_and_epoch() -> None:
    first, again = Buckets(LENGTHS, 16, seed=3), Buckets(LENGTHS, 16, seed=3)
    again.all(5, 0)  # whatever was asked for before
    assert np.array_equal(first.all(2, 7), again.all(2, 7))
    assert not np.array_equal(first.all(2, 7), first.all(3, 7))
    assert not np.array_equal(first.all(2, 7), Buckets(LENGTHS, 16, seed=4).all(2, 7))


def test_batches_are_of_like_length() -> None:
    buckets = Buckets(LENGTHS, 16, seed=0)
    padded = sum(int(LENGTHS[buckets.all(0, n)].max()) * len(buckets.all(0, n)) for n in range(len(buckets)))
    assert padded < 1.15 * LENGTHS.sum()
    mixed = [np.random.default_rng(0).permutation(1003)[n : n + 16] for n in range(0, 1003, 16)]
    assert sum(int(LENGTHS[m].max()) * len(m) for m in mixed) > 1.5 * LENGTHS.sum()  # what sorting saves


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(world: int) -> None:
    whole = Buckets(LENGTHS, 16, seed=0)
    parts = [Buckets(LENGTHS, 16, seed=0, rank=r, world=world) for r in range(world)]
    for n in range(len(whole)):
        own = [part.own(0, n) for part in parts]
        assert all(len(it) for it in own)
        assert sorted(np.concatenate(own).tolist()) == sorted(whole.all(0, n).tolist())


@pytest.mark.parametrize("count", [7, 8, 9, 16, 17, 401])
def test_batches_do_not_depend_on_the_number_of_processes(count: int) -> None:
    lengths = LENGTHS[:count]
    one = Buckets(lengths, 8, seed=0)
    sizes = [len(one.all(0, n)) for n in range(len(one))]
    assert sum(sizes) == count
    assert max(sizes) <= 8
    assert max(sizes) - min(sizes) <= 1
    for world in (2, 4):
        many = [Buckets(lengths, 8, seed=0, rank=rank, world=world) for rank in range(world)]
        assert len(many[0]) == len(one)
        for n in range(len(one)):
            assert np.array_equal(many[0].all(0, n), one.all(0, n))
            assert all(len(it.own(0, n)) for it in many)


def test_with_an_example_for_each_process_batches_are_at_least_that_large() -> None:
    many = [Buckets(np.full(5, 3), 2, seed=0, rank=rank, world=2) for rank in range(2)]
    assert [len(many[0].all(0, n)) for n in range(len(many[0]))] in ([2, 3], [3, 2])
    assert all(len(it.own(0, n)) for it in many for n in range(2))


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(CorpusTooSmallError, match="1 training examples"):
        Buckets(np.array([4]), 2, seed=0, world=2)
    with pytest.raises(ArgumentError, match="among 4 processes"):
        Buckets(LENGTHS, 2, seed=0, world=4)


def test_padding_is_zero() -> None:
    values, lengths = pad([np.ones((2, 3)), np.ones((4, 3)), np.ones((0, 3))])
    assert values.shape == (3, 4, 3)
    assert lengths.tolist() == [2, 4, 0]
    assert values.sum() == 18
    assert not values[0, 2:].any()
