"""Every cell in C: without a warning of a strict compiler, under sanitizers, and with the reference's numbers."""

import shutil
from pathlib import Path

import pytest
from benchmarks.exports.c_program import Program
from benchmarks.exports.parity import PYTHON, differences, faults, in_c, main, table
from benchmarks.exports.samples import Sample, sample, samples
from benchmarks.exports.toolchains import SANITIZED, TOOLCHAINS, Toolchain
from tests.engine.random_cells import random_cell

from tidegate.cells import get_cell
from tidegate.errors import BenchmarkError


def wrong(given: list[Sample], toolchains: list[Toolchain], folder: Path) -> list[str]:
    program = Program(given, folder)
    found = {PYTHON: {it.name: it.in_python() for it in given}, **in_c(program, folder, toolchains)}
    return [fault for it in given for fault in faults(it, differences(it, found))]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")
def test_a_few_cells_through_gcc(tmp_path: Path) -> None:
    given = [sample(get_cell("lstm"), "lstm"), sample(random_cell(9), "random_9"), sample(random_cell(3), "random_3")]
    assert wrong(given, [TOOLCHAINS[0]], tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", SANITIZED, ids=lambda it: it.name)
def test_every_cell_under_sanitizers(toolchain: Toolchain, tmp_path: Path) -> None:
    if missing := toolchain.missing():
        pytest.skip(f"no {missing} on this machine")
    assert wrong(samples(), [toolchain], tmp_path) == []


@pytest.mark.slow
def test_the_page_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert "| `slstm` |" in capsys.readouterr().out


def test_what_is_off_is_said() -> None:
    it = sample(get_cell("rnn_tanh"), "rnn_tanh")
    found = {PYTHON: {"rnn_tanh": it.exact}, "gcc -O0": {"rnn_tanh": it.exact + 1}, "arm": {"rnn_tanh": it.exact / 0}}
    by = differences(it, found)
    assert [line.split(" is")[0] for line in faults(it, by)] == [
        "rnn_tanh: gcc -O0", "rnn_tanh: arm", "rnn_tanh: x86, others",
    ]  # fmt: skip
    assert "| `rnn_tanh` | 0.0 |  |" in table({"rnn_tanh": {PYTHON: 0.0}}, [PYTHON, "gcc -O0"])


def test_a_warning_is_an_error(tmp_path: Path) -> None:
    if missing := TOOLCHAINS[0].missing():
        pytest.skip(f"no {missing} on this machine")
    (tmp_path / "main.c").write_text("int main(void) { int unused; return 0; }\n")
    with pytest.raises(BenchmarkError, match="unused"):
        TOOLCHAINS[0].build([tmp_path / "main.c"], tmp_path / "main")
