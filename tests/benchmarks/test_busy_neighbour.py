"""The benchmark of calls beside a busy process, at sizes that mean nothing."""

import contextlib

import pytest
import torch

pytest.importorskip("llvmlite")
from benchmarks import busy_neighbour


def test_all_parts_print_a_row_for_each_case(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(busy_neighbour, "GRID", ((2, 3, 4),))
    monkeypatch.setattr(busy_neighbour, "SIZES", ((2, 3, 4),))
    monkeypatch.setattr(busy_neighbour, "ROUNDS", 1)
    monkeypatch.setattr(busy_neighbour, "SECONDS", 0.001)
    monkeypatch.setattr(busy_neighbour, "CALLS", 20)
    threads = torch.get_num_threads()
    try:
        busy_neighbour.grid("LSTM 2x3x4 forward")
        monkeypatch.setattr(busy_neighbour, "neighbour", contextlib.nullcontext)
        busy_neighbour.grid("LSTM 2x3x4 training")
        busy_neighbour.slowest("2x3x4")
        busy_neighbour.callers("")
    finally:
        torch.set_num_threads(threads)
    rows = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("| LSTM")]
    assert rows == [f"| LSTM 2x3x4 {kind}" for kind in ("forward", "training", *["forward"] * 4)]
