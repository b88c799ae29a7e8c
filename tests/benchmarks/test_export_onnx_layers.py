"""The table of what a Scan and products in 8 bits cost in ONNX Runtime."""

import re
from pathlib import Path

import pytest
from torch import nn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_a_line_has_both_times_and_their_ratio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from benchmarks.exports import onnx_layers

    monkeypatch.setattr(onnx_layers, "TURNS", 2)
    layer = nn.LSTM(3, 4)
    timers = [onnx_layers.timer(layer, tmp_path, 1, 1, step=True, int8=it) for it in (False, True)]
    assert re.fullmatch(
        r"\| 4 units \| \d+ \| \d+ \| [\d.]+ \([\d.]+ to [\d.]+\) \|", onnx_layers.row("4 units", *timers)
    )
