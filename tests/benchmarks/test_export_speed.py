"""What the table of exported models' speed is made of: the same numbers by C and PyTorch, and rows."""

import shutil
from pathlib import Path

import pytest
import torch
from benchmarks.exports import speed, steady
from benchmarks.exports.cases import amplifier, case
from benchmarks.exports.onnx_model import TimedOnnx
from benchmarks.exports.timed_c import TimedC
from torch import nn

from tidegate.errors import ParityError

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")


def test_a_case_in_c_is_compared_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = amplifier(5)
    made = speed.in_c(small, tmp_path)
    assert made.seconds(1, 10) > 0
    assert made.machine_code() < 40_960
    assert set(made.imports()) <= {"memcpy", "memset", "memmove"}
    monkeypatch.setattr(steady, "STEPS", 2000)
    assert steady.slowest(made).slow >= steady.slowest(made).median > 0
    with pytest.raises(ParityError, match="LSTM 5"):
        speed.check("C", made.outputs() + 1, small)


@pytest.mark.slow
def test_a_row_of_a_case_in_onnx_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setattr(speed, "TURNS", 2)
    tiny = case("tiny", nn.Linear(3, 4), nn.Tanh(), nn.GRU(4, 5), nn.LSTM(5, 6), nn.Linear(6, 2), nn.Sigmoid())
    assert torch.allclose(TimedOnnx(tiny).outputs(), tiny.expected(), atol=1e-6)
    assert len([*speed.against_onnx(tiny, "2", tmp_path)]) == 2
    block = case("block", nn.LSTM(3, 4), steps=7)
    assert torch.allclose(TimedOnnx(block).outputs(), block.expected(), atol=1e-6)
    made = TimedC(block.model, block.x, tmp_path / "block")
    assert made.seconds(7, 3) > 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_a_million_steps_ask_the_system_for_nothing(tmp_path: Path) -> None:
    assert steady.system_calls(speed.in_c(amplifier(5), tmp_path).folder) == 0
