"""python -m benchmarks.gpu, on the CPU with sizes that mean nothing: it runs, and what is wrong is red."""

import functools
import gc
import itertools
import json
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import clock
from benchmarks.gpu.figures import FIGURES
from benchmarks.gpu.parts import correct, correct_runs, tune
from benchmarks.gpu.precisions import BFLOAT16, EXACT
from benchmarks.gpu.problems import Shape, gains, layer_run, pose
from benchmarks.gpu.session import Session
from benchmarks.gpu.table import times

from benchmarks import Row, judge
from tidegate.cells import layer_norm_lstm, lstm
from tidegate.engine import Backend, Call, Result, dispatch, program
from tidegate.engine.backends.reference import REFERENCE
from tidegate.engine.backends.vendor import VENDOR


def tiny(part: str, *only: str, out: Path | None = None) -> int:
    chosen = [word for text in only for word in ("--only", text)]
    return command.main([part, "--device", "cpu", "--tiny", *chosen, *(["--out", str(out)] if out else [])])


@pytest.mark.parametrize(
    ("part", "only"),
    [
        ("correct", ("lstm 5x7", "slow gates gru bfloat16", "two shapes gru", "steps weights", "steps masks")),
        ("layers", ("training, float16",)),
        ("cells", ("layer_norm", "heads")),
        ("stacks", ("gru",)),
        ("others", ("stepper lstm float32", "resets gru inference", "short gru")),
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


def test_what_a_contender_returns_holds_no_autograd_graph() -> None:
    problem = pose("lstm", Shape(2, 3, 4), BFLOAT16, "training", torch.device("cpu"))
    assert not any(value.requires_grad for value in layer_run(problem, problem.layer("reference"))(0).values())


def test_gains_of_normalised_values_are_small() -> None:
    assert not gains(lstm)
    assert len(gains(layer_norm_lstm)) == 9
    problem = pose("layer_norm_lstm", Shape(2, 3, 4, 2), BFLOAT16, "training", torch.device("cpu"))
    found = [value for name, value in problem.state_dict.items() if name.startswith("unit_gain_")]
    assert len(found) == 18
    assert all(bool((value == 0.1).all()) for value in found)


def test_the_buffer_made_in_inference_mode_can_be_written_outside_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "FLUSHED", 8)
    with torch.inference_mode():
        buffer = clock._buffer.__wrapped__(torch.device("cpu"))
    buffer.zero_()


class Recorder:
    """Stands for CUDA's streams, graphs and random generators; a capture ends with an error if asked for."""

    device_index = 0
    ends_with_an_error = False
    state = "before"

    def __init__(self, *_: object, **__: object) -> None: ...

    def wait_stream(self, other: object) -> None: ...

    def replay(self) -> None: ...

    def clone_state(self) -> str:
        return "cloned"

    def graphsafe_set_state(self, state: str) -> None:
        Recorder.state = state

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class Capture(Recorder):
    def __exit__(self, *_: object) -> None:
        if Recorder.ends_with_an_error:
            raise RuntimeError("the capture failed because of an earlier error")


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Stream", "current_stream", "stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, Recorder)
    monkeypatch.setattr(torch.cuda, "graph", Capture)
    monkeypatch.setattr(torch.cuda, "default_generators", (Recorder(),))
    monkeypatch.setattr(Recorder, "state", "before")
    monkeypatch.setattr(Recorder, "ends_with_an_error", False)


@pytest.mark.usefixtures("without_cuda")
def test_a_replay_holds_what_was_captured() -> None:
    weights = torch.ones(3)
    alive = weakref.ref(weights)
    replay = clock.captured(functools.partial(lambda w, k: k * w, weights), 2)
    del weights
    gc.collect()
    assert alive() is not None
    assert replay(3).equal(torch.ones(3))


@pytest.mark.usefixtures("without_cuda")
@pytest.mark.parametrize("spoilt", [False, True])
def test_a_failed_capture_raises_the_error_of_what_was_captured(spoilt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "ends_with_an_error", spoilt)
    calls = itertools.count()

    def run(k: int) -> None:
        if next(calls) >= 3:  # after warming up
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        clock.captured(run, 1)
    assert Recorder.state == ("cloned" if spoilt else "before")


def test_what_refuses_to_be_compiled_is_a_remark() -> None:
    session = Session("correct", torch.device("cpu"), tiny=True)
    correct_runs._with_problem(session, correct_runs.compiled, "gru", "vendor", "compile gru vendor")
    assert session.remarks == ["compile gru vendor: backend 'vendor' refuses to be compiled"]


def test_the_slack_is_for_pytorchs_own_layers_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dispatch, "BACKENDS", (REFERENCE, VENDOR))
    session = Session("correct", torch.device("cpu"), tiny=True, file=tmp_path / "rows")
    correct.check(session, "rnn_tanh", correct.CASES[2], EXACT)  # it records, so PyTorch's layer cannot run
    correct.check(session, "rnn_tanh", correct.Case(3, 2, 2, 4), EXACT)
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert [(row["backend"], row["slack"]) for row in rows] == [("reference", 1), ("reference", 1), ("vendor", 5)]


def test_times_in_a_table() -> None:
    row = Row("layers", "gru", "16x512x1024", "training, bfloat16", "torch.nn, eager", "x", 2.0, 2.0, 2.0, 10.24, 5.12)
    graph = replace(row, mode="inference, bfloat16", against="torch.nn, in a graph")
    assert times([replace(row, note="triton"), replace(graph, note="triton")]) == [
        "gru, bfloat16, backend 'triton', microseconds a step:",
        "                                   training |                        inference",
        "    H    B  ours in graph torch.nn in graph |  ours in graph torch.nn in graph",
        " 1024   16  10.0        -     20.0        - |     -     10.0        -     20.0",
    ]


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
