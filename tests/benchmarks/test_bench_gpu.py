"""python -m benchmarks.gpu, on the CPU with sizes that mean nothing: it runs, and what is wrong is red."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from benchmarks.gpu import __main__ as command
from benchmarks.gpu.figures import FIGURES
from benchmarks.gpu.parts import correct, tune
from benchmarks.gpu.session import Session

from benchmarks import Row, judge
from tidegate.cells import lstm
from tidegate.engine import Backend, Call, Result, dispatch, program
from tidegate.engine.backends.reference import REFERENCE


def tiny(part: str, *only: str, out: Path | None = None) -> int:
    chosen = [word for text in only for word in ("--only", text)]
    return command.main([part, "--device", "cpu", "--tiny", *chosen, *(["--out", str(out)] if out else [])])


@pytest.mark.parametrize(
    ("part", "only"),
    [
        ("correct", ("lstm 5x7", "slow gates gru bfloat16", "two shapes gru", "steps weights", "steps masks")),
        ("layers", ("training, float16",)),
        ("cells", ("layer_norm",)),
        ("stacks", ("gru",)),
        ("others", ("stepper lstm float32", "resets gru inference")),
    ],
)
def test_a_part_runs(
    part: str,
    only: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(dispatch, "BACKENDS", (REFERENCE,))  # with kernels it takes as long as they take to compile
    assert tiny(part, *only, out=tmp_path) == 0, capsys.readouterr().out
    first, *lines = [json.loads(line) for line in (tmp_path / f"{part}.jsonl").read_text().splitlines()]
    assert first["torch"] == torch.__version__
    assert lines[-1] == {"part": part, "faults": [], "left out": []}
    assert len(lines) > 2
    assert ", 0 faults" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of Triton's interpreter, past the edges
@pytest.mark.parametrize("part", command.PARTS)
def test_a_whole_part_runs(part: str) -> None:
    if part == "tune":
        pytest.importorskip("triton")
    assert tiny(part) == 0


class Wrong(Backend):
    """The reference, whose output is off by a fiftieth, or which fails."""

    name = "wrong"

    def __init__(self, fails: bool):
        self.fails = fails

    def unsupported(self, call: Call) -> list[str]:
        return [] if call.x.dtype == torch.float32 else ["float64"]

    def run(self, call: Call) -> Result:
        if self.fails:
            raise RuntimeError("out of registers")
        result = REFERENCE.run(call)
        return replace(result, output=1.02 * result.output, backend=self.name)


@pytest.mark.parametrize(
    ("fails", "part", "said"),
    [
        (False, "correct", "wrong differs from float64"),
        (False, "layers", "ParityError: differs from float64"),
        (True, "correct", "RuntimeError: out of registers"),
    ],
)
def test_what_is_wrong_is_red(
    fails: bool, part: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dispatch, "BACKENDS", (Wrong(fails), REFERENCE))
    assert tiny(part, "lstm 5x7x33-lengths-resets float32 exact", "lstm 3x7x5 training, float32 exact") == 1
    assert said in capsys.readouterr().out


def test_an_error_ends_one_case_only_and_time_runs_out() -> None:
    session = Session("any", torch.device("cpu"), limit=1e9)
    session.case("first", [].pop)
    session.case("second", lambda: session.row(Row("layers", "lstm", "1x2x3", "training", "x", "x", 1.0, 1.0, 1.0)))
    session.limit = -1
    session.case("third", lambda: None)
    assert session.faults == ["first: IndexError: pop from empty list"]
    assert (len(session.rows), session.left_out, session.done) == (1, ["third"], 2)


def test_the_lengths_hold_a_zero_and_all_steps() -> None:
    for case in correct.CASES:
        if case.lengths:
            lengths = correct.lengths_of(case)
            assert {int(lengths.min()), int(lengths.max())} == {0, case.T}


def test_each_figure_has_a_name_and_finds_its_rows() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
    row = Row("layers", "gru", "16x512x1024", "inference, float16", "torch.nn, in a graph", "x", 0.9, 0.9, 0.9)
    others = [replace(row, case="64x512x512"), replace(row, mode="inference, bfloat16")]
    judged = {verdict.target.name: verdict for verdict in judge([row, *others], FIGURES) if verdict.cases}
    assert [verdict.met for verdict in judged.values()] == [False, False, True]


def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(SystemExit) as ended:
        command.main(["layers"])
    assert ended.value.code == 2
    assert "there is no CUDA device here" in capsys.readouterr().err


def test_a_tile_is_that_of_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    from tidegate.engine.backends.triton.kernel_spec import KernelSpec
    from tidegate.engine.backends.triton.launch import launch_of_call
    from tidegate.engine.backends.triton.launch.tiles import Tile

    chosen, sizes = Tile(units=2, rows=64), (1, 2, 2, "ieee", torch.zeros(1))
    monkeypatch.setattr(launch_of_call, "tile_for", lambda spec, *sizes: (spec, chosen))
    passes = {down: KernelSpec(program(lstm), (), lstm.recurrent_gates, descending=down) for down in (False, True)}
    for backward in (False, True):
        with tune.tile((8, 16, 4, 64), backward=backward):
            changed = {down: launch_of_call.tile_for(spec, *sizes) for down, spec in passes.items()}
        assert changed[not backward] == (passes[not backward], chosen)
        own, tile = changed[backward]
        assert (own.resident, tile) == (False, Tile(units=8, rows=16, depth=64, warps=4, pieces=3))
    assert launch_of_call.tile_for(passes[True], *sizes)[1] is chosen
