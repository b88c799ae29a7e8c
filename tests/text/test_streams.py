from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.text import Streams, fit_batch

sizes = st.integers(1, 9)


def test_windows_by_hand() -> None:
    """Eleven units in two streams of five positions, a step every 2, looking back over 3."""
    windows = list(Streams(np.arange(11, dtype=np.uint8), 2, k1=2, k2=3))
    assert [w.inputs.tolist() for w in windows] == [
        [[0, 1], [5, 6]],
        [[1, 2, 3], [6, 7, 8]],
        [[3, 4], [8, 9]],
    ]
    assert [w.targets.tolist() for w in windows] == [
        [[1, 2], [6, 7]],
        [[2, 3, 4], [7, 8, 9]],
        [[4, 5], [9, 10]],
    ]
    assert [(w.first, w.new, w.start, w.advance) for w in windows] == [
        (True, 2, 0, 1),
        (False, 2, 1, 2),
        (False, 1, 3, 2),
    ]
    assert windows[0].inputs.dtype == windows[0].targets.dtype == np.int64


def test_hello() -> None:
    ids = np.array([1, 0, 2, 2, 3], np.uint8)
    (window,) = Streams(ids, 1, k1=100, k2=100)
    assert window.inputs.tolist() == [[1, 0, 2, 2]]
    assert window.targets.tolist() == [[0, 2, 2, 3]]
    assert (window.first, window.new, window.start) == (True, 4, 0)


@given(st.integers(2, 60), sizes, sizes, sizes, st.integers(1, 3))
def test_every_position_is_new_exactly_once(n: int, share: int, k1: int, k2: int, world: int) -> None:
    batch = share * world
    array = np.arange(n, dtype=np.uint16)
    if n < batch + 1:
        with pytest.raises(CorpusTooSmallError, match=f"has {n} tokens.*at least {batch + 1} "):
            Streams(array, batch, k1=k1, k2=k2)
        return
    predicted: list[int] = []
    for rank in range(world):
        streams = Streams(array, batch, k1=k1, k2=k2, rank=rank, world=world)
        windows = list(streams)
        assert len(windows) == len(streams) == streams.windows_per_epoch
        begin = 0
        for index, w in enumerate(windows):
            rows, length = w.inputs.shape
            assert rows == share
            assert w.first == (index == 0)
            assert w.start == begin, "each window begins where the one before said"
            assert 1 <= w.new <= min(length, k1)
            assert length <= max(k1, k2)
            if index < len(windows) - 1:
                assert w.new == k1
                assert length == min(max(k1, k2), (index + 1) * k1), "shorter only at the beginning and the end"
            assert np.array_equal(w.targets, w.inputs + 1)
            assert np.array_equal(np.diff(w.inputs, axis=1), np.ones((rows, length - 1)))
            predicted += w.targets[:, -w.new :].ravel().tolist()
            begin += w.advance
            again = streams.window(index)
            assert np.array_equal(again.inputs, w.inputs)
        assert streams.positions_per_epoch == (n - 1) // batch * batch
    used = (n - 1) // batch * batch
    assert sorted(predicted) == list(range(1, used + 1))
    assert n - 1 - used < batch, "less than one position per stream is left out"


@given(st.integers(20, 60), sizes, sizes)
def test_ranks_share_the_rows_of_the_whole_batch(n: int, k1: int, k2: int) -> None:
    array = np.arange(n) % 7
    whole = list(Streams(array, 6, k1=k1, k2=k2))
    ranks = [list(Streams(array, 6, k1=k1, k2=k2, rank=rank, world=3)) for rank in range(3)]
    for index, window in enumerate(whole):
        assert np.array_equal(np.concatenate([r[index].inputs for r in ranks]), window.inputs)
        assert np.array_equal(np.concatenate([r[index].targets for r in ranks]), window.targets)


def test_a_memory_mapped_array_is_not_copied_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1000, dtype=np.uint16))
    array = np.load(tmp_path / "a.npy", mmap_mode="r")
    streams = Streams(array, 4, k1=5, k2=5)
    assert np.shares_memory(streams._inputs, array)
    assert np.shares_memory(streams._targets, array)
    window = streams.window(1)
    assert not isinstance(window.inputs, np.memmap)
    assert window.inputs[0].tolist() == [5, 6, 7, 8, 9]
    window.inputs[0, 0] = 0  # a window is the caller's own
    assert array[5] == 5


def test_bad_arguments() -> None:
    array = np.arange(100)
    for name in ("k1", "k2", "world"):
        with pytest.raises(ArgumentError, match=f"{name} is 0"):
            Streams(array, 4, **({"k1": 2, "k2": 2} | {name: 0}))
    with pytest.raises(ArgumentError, match="batch_size is 0"):
        Streams(array, 0, k1=2, k2=2)
    for rank in (-1, 2):
        with pytest.raises(ArgumentError, match=f"rank is {rank}"):
            Streams(array, 4, k1=2, k2=2, rank=rank, world=2)
    with pytest.raises(ArgumentError, match="batch of 4 streams cannot be divided equally among 3"):
        Streams(array, 4, k1=2, k2=2, world=3)
    for wrong in (np.zeros((2, 50), int), np.zeros(100)):
        with pytest.raises(ArgumentError, match=r"whole numbers of shape \(N,\)"):
            Streams(wrong, 4, k1=2, k2=2)  # type: ignore[arg-type]
    streams = Streams(array, 4, k1=10, k2=10)
    assert len(streams) == 3
    for index in (-1, 3):
        with pytest.raises(ArgumentError, match=f"no window {index}: an epoch has windows 0 to 2"):
            streams.window(index)


def test_a_batch_that_fits_stays() -> None:
    assert fit_batch(1001, 10, 100) == (10, None)
    assert fit_batch(10**9, 64, 128) == (64, None)


def test_a_batch_too_large_shrinks_and_says_so() -> None:
    size, message = fit_batch(1000, 10, 100)
    assert size == 9
    assert message == "The text has 1,000 tokens, too few for 10 streams of 101: the batch size is now 9."
    assert fit_batch(1000, 10, 100, world=2)[0] == 8
    size, message = fit_batch(5, 32, 100)
    assert size == 1
    assert message is not None
    assert message.endswith("the batch size is now 1, and a window is 4 long instead of 100.")
    size, message = fit_batch(5, 1, 100)
    assert (size, message) == (1, "The text has 5 tokens, and a window is 4 long instead of 100.")


@given(st.integers(2, 300), st.integers(1, 20), st.integers(1, 20))
def test_fitted_batches_work_and_are_the_largest(n: int, batch: int, k1: int) -> None:
    size, message = fit_batch(n, batch, k1)
    streams = Streams(np.arange(n), size, k1=k1, k2=k1)
    full = streams.window(0).inputs.shape[1] == k1
    assert full or size == 1
    assert (message is None) == (full and size == batch)
    if size < batch:
        assert (n - 1) // (size + 1) < k1, "one stream more would be too short for a window"


def test_fit_batch_refuses() -> None:
    with pytest.raises(CorpusTooSmallError, match="has 1 tokens, but one window needs at least 2 "):
        fit_batch(1, 4, 10)
    with pytest.raises(CorpusTooSmallError, match="at least 3 on 2 processes"):
        fit_batch(2, 4, 10, world=2)
    with pytest.raises(ArgumentError, match="k1 is 0"):
        fit_batch(10, 4, 0)
    with pytest.raises(ArgumentError, match="cannot be divided equally among 3"):
        fit_batch(10, 4, 2, world=3)
