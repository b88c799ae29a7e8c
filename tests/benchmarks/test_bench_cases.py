"""Cases are written as text and read back."""

import pytest
from benchmarks.cases import DEFAULT, QUICK, Case, parse
from benchmarks.layers import CELLS, choose_cells

from benchmarks import choose_cases, choose_peers
from tidegate.errors import ArgumentError


@pytest.mark.parametrize("text", [*DEFAULT, *QUICK])
def test_a_case_is_written_as_it_was_read(text):
    assert str(parse(text)) == text


def test_sizes_and_kind():
    assert parse("3x20x7 packed") == Case(batch=3, steps=20, size=7, kind="packed")
    assert parse("3x20x7") == Case(3, 20, 7)


@pytest.mark.parametrize("text", ["", "3x20", "0x20x7", "3x20x7 pakced", "3x20x-7", "packed 3x20x7", "2x5x8 streaming"])
def test_malformed_case_raises(text):
    with pytest.raises(ArgumentError, match="write"):
        parse(text)


def test_a_kind_alone_stands_for_its_cases_and_a_size_for_itself():
    assert choose_cases("streaming, 2x3x4") == [
        Case(1, 1, 128, "streaming"),
        Case(1, 1, 512, "streaming"),
        Case(2, 3, 4),
    ]


def test_all_cases_by_default_and_fewer_quickly():
    assert [str(case) for case in choose_cases()] == list(DEFAULT)
    assert [str(case) for case in choose_cases(quick=True)] == list(QUICK)


def test_cells_and_peers_by_name():
    assert choose_cells() == list(CELLS)
    assert choose_cells("gru, lstm") == ["gru", "lstm"]
    assert [peer.name for peer in choose_peers("eager loop,torch.nn")] == ["eager loop", "torch.nn"]
    assert "torch.compile" not in [peer.name for peer in choose_peers()]
    with pytest.raises(ArgumentError, match="rnn_tanh"):
        choose_cells("elman")
    with pytest.raises(ArgumentError, match=r"torch\.nn"):
        choose_peers("torch")
