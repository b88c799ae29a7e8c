"""Problems that probe memory: each against its definition, sequence by sequence."""

import re
from pathlib import Path

import numpy as np
import pytest

from tidegate.data.samples import write_sample
from tidegate.data.samples.probes import PROBLEMS, adding, brackets, copy, reber, temporal_order
from tidegate.errors import DataError


def test_adding_asks_for_the_sum_of_what_is_marked():
    made = adding.generate(21, 2000, 0)
    frames, targets = made["frames"], made["targets"]
    assert frames.shape == (2000, 21, 2)
    assert (frames[:, :10, 1].sum(1) == 1).all()
    assert (frames[:, 10:, 1].sum(1) == 1).all()
    np.testing.assert_allclose(targets[:, -1], (frames[..., 0] * frames[..., 1]).sum(1), rtol=1e-6)
    assert np.isnan(targets[:, :-1]).all()
    assert ((targets[:, -1] - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.1)


def test_copy_asks_for_the_symbols_after_the_sign():
    made = copy.generate(7, 50, 0)
    given = made["frames"].argmax(2)
    assert given.shape == (50, 27)
    assert (given[:, 10:16] == 8).all()
    assert (given[:, 16] == 9).all()
    assert (given[:, 17:] == 8).all()
    assert (made["targets"][:, :17] == 8).all()
    np.testing.assert_array_equal(made["targets"][:, 17:], given[:, :10])
    assert set(given[:, :10].ravel()) == set(range(8))


def test_temporal_order_of_lag_100_is_the_papers():
    made = temporal_order.generate(100, 500, 0)
    seen = set()
    for frames, length, targets in zip(made["frames"], made["lengths"], made["targets"], strict=True):
        text = "".join(temporal_order.SYMBOLS[k] for k in frames[:length].argmax(1))
        assert 100 <= length <= 110
        found = re.fullmatch(r"E[a-d]*([XY])[a-d]*([XY])[a-d]*B", text)
        assert found
        assert 10 <= found.start(1) <= 20
        assert 50 <= found.start(2) <= 60
        asked = np.flatnonzero(targets >= 0)
        assert asked.tolist() == [length - 1]
        assert ["XX", "XY", "YX", "YY"][targets[length - 1]] == found[1] + found[2]
        seen |= {length, found.start(1), found.start(2)}
    assert {100, 110, 10, 20, 50, 60} <= seen


@pytest.mark.parametrize("lag", [3, 20])
def test_brackets_close_what_was_opened_last(lag: int):
    made = brackets.generate(lag, 300, 0)
    deepest = 0
    for frames, targets in zip(made["frames"], made["targets"], strict=True):
        stack: list[int] = []
        for t, given in enumerate(frames.argmax(1).tolist()):
            if given < brackets.KINDS:
                stack.append(given)
            if given == brackets.CLOSE:
                assert targets[t] == stack.pop()
                assert (t == lag) == (not stack)
            else:
                assert targets[t] == -1
            deepest = max(deepest, len(stack))
        assert not stack
    assert deepest == (2 if lag == 3 else brackets.DEEPEST)


@pytest.mark.parametrize("lag", [5, 60])
def test_reber_strings_are_of_the_grammar_and_what_is_legal_is_known(lag: int):
    ways = {"0T": 1, "0P": 2, "1S": 1, "1X": 3, "2T": 2, "2V": 4, "3X": 2, "3S": 5, "4P": 3, "4V": 5}
    made = reber.generate(lag, 200, 0)
    for frames, length, targets, legal in zip(
        *(made[k] for k in ("frames", "lengths", "targets", "legal")), strict=True
    ):
        given = "".join(reber.SYMBOLS[k] for k in frames[:length].argmax(1))
        text = given + reber.SYMBOLS[targets[length - 1]]
        assert [reber.SYMBOLS[k] for k in targets[: length - 1]] == list(given[1:])
        assert (targets[length:] == -1).all()
        assert text[0] == "B"
        assert text[1] == text[-2]
        assert text[2] == "B"
        assert text[-3] == text[-1] == "E"
        assert text[1] in "TP"
        assert len(text[2:-2]) >= lag
        state = 0
        for t, symbol in enumerate(text[3:-3], 3):
            may = {way[1] for way in ways if way[0] == str(state)}
            assert {reber.SYMBOLS[k] for k in np.flatnonzero(legal[t - 1])} == may
            state = ways[f"{state}{symbol}"]
        assert state == 5
        assert reber.SYMBOLS[int(np.flatnonzero(legal[length - 2])[0])] == text[1]
        assert (legal[:length].sum(1) >= 1).all()


def test_a_sample_is_made_at_any_lag(tmp_path: Path):
    write_sample("temporal-order-20", tmp_path)
    parts = {part: np.load(tmp_path / f"{part}.npz") for part in ("train", "validation", "test")}
    assert [len(it["frames"]) for it in parts.values()] == [10_000, 1_000, 1_000]
    assert not np.array_equal(parts["validation"]["frames"], parts["test"]["frames"])
    with pytest.raises(DataError, match="needs at least 10"):
        write_sample("temporal-order-9", tmp_path)
    with pytest.raises(DataError, match=r"no sample 'adding'(?s:.*)sample:adding-LAG"):
        write_sample("adding", tmp_path)
    for name in PROBLEMS:
        with pytest.raises(DataError, match=f"sample:{name}-LAG"):
            write_sample("x", tmp_path)
