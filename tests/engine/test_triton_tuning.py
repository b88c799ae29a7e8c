"""Which tile a size gets: the fastest of a few, timed once, kept on disk. A clock of ours stands for a GPU's."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from tests.kernel_runs import everything, numbers

from tidegate.cells import CELLS, with_heads
from tidegate.engine import Weights, explain
from tidegate.engine.explain.kernel_plans import GPUKernelPlan
from tidegate.engine.explain.peaks import Peaks
from tidegate.engine.program.program import program
from tidegate.engine.run import checked_call
from tidegate.errors import ArgumentError

pytest.importorskip("triton")
from triton.runtime.errors import OutOfResources

from tidegate.engine.backends.triton.launch import tuning
from tidegate.engine.backends.triton.launch.launch_of_call import without_arguments
from tidegate.engine.backends.triton.launch.run_kernel import Launch
from tidegate.engine.backends.triton.launch.tiles import fewest_units

pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason="it would be timed"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, of what the interpreter computes past the edges
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As on a GPU whose tiles are not known, with a folder of its own."""
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path))
    monkeypatch.delenv("TIDEGATE_TUNE", raising=False)
    monkeypatch.setattr(tuning, "interpreted", lambda: False)
    monkeypatch.setattr(tuning, "device_name", lambda device: "a GPU")
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    tuning._CHOSEN.clear()
    yield tmp_path
    tuning._CHOSEN.clear()


def launch_of(
    name: str = "lstm", batch: int = 64, hidden: int = 128, *, heads: int = 1, steps: int = 100, half: bool = True
) -> Launch:
    """A forward launch, said to be on a GPU, without its arguments."""
    it = CELLS[name] if heads == 1 else with_heads(CELLS[name], heads)
    with torch.device("meta"):
        rows, columns = len(it.recurrent_gates) * hidden, hidden // heads
        w_hh = torch.empty(rows, columns) if rows else None
        weights = Weights(torch.empty(len(it.input_gates) * hidden, 3), w_hh)
        weights = replace(weights, p={name: torch.empty(hidden) for name in it.parameters})
        x = torch.empty(steps, batch, 3)
        if half:
            x, weights = x.bfloat16(), weights.map(torch.Tensor.bfloat16)
        call, prog = checked_call(it, x, weights), program(it)
    made = without_arguments(call, prog, (("h", prog.states["h"]),), descending=False)
    return replace(made, device=torch.device("cuda", 0))


class Clock:
    """Times launches: the one of a place in the order of candidates takes least."""

    def __init__(self, best: int, run: Callable[[Launch], None] = lambda launch: None):
        self.best, self.run, self.timed = best, run, list[Launch]()

    def __call__(self, launch: Launch) -> float:
        self.run(launch)
        self.timed.append(launch)
        return 1.0 if len(self.timed) - 1 == self.best else 2.0


@pytest.mark.parametrize("name", ["lstm", "gru_original", "layer_norm_lstm", "min_gru"])
def test_candidates_are_few_and_can_run(name: str) -> None:
    for batch, hidden, half, heads in itertools.product((1, 40, 600), (5, 128, 1024), (True, False), (1, 4)):
        if heads > 1 and (name == "min_gru" or hidden % heads):
            continue
        launch = launch_of(name, batch, hidden, half=half, heads=heads)
        found = tuning.candidates(launch)
        assert 1 <= len(found) <= 6
        assert found[0] == (launch.spec, launch.tile)
        for spec, tile in found:
            own = replace(launch, spec=spec, tile=tile)
            assert tile.units & (tile.units - 1) == tile.rows & (tile.rows - 1) == 0
            assert tile.units >= fewest_units(spec)
            assert (spec.resident > 0) == (tile.depth == 0)
            assert not own.waits or own.programs[0] <= max(tile.programs, launch.programs[0])


def test_the_fastest_is_kept_for_this_process_and_the_next(folder: Path) -> None:
    launch, clock = launch_of(), Clock(2)
    chosen = tuning.tuned(launch, clock)
    expected = tuning.candidates(launch)
    assert [(timed.spec, timed.tile) for timed in clock.timed] == expected
    assert (chosen.spec, chosen.tile) == expected[2]
    for _ in range(2):
        again = Clock(0)
        assert tuning.tuned(launch_of(batch=40), again).tile == chosen.tile  # of the same power of two
        assert tuning.as_tuned(launch).tile == chosen.tile
        assert not again.timed
        tuning._CHOSEN.clear()  # as in a new process
    assert len([*folder.iterdir()]) == 1
    for other in (launch_of(batch=65), launch_of(hidden=129), launch_of(half=False), launch_of("gru")):
        again = Clock(0)
        assert tuning.tuned(other, again).tile == other.tile
        assert again.timed


@pytest.mark.parametrize("change", [b"", b"{}", b"other"])
def test_a_file_that_cannot_be_used_is_measured_again(folder: Path, change: bytes) -> None:
    launch = launch_of()
    tuning.tuned(launch, Clock(1))
    (path,) = folder.iterdir()
    if change == b"{}":  # whole, but no candidate
        tuning.write(path.stem, "tile", change)
    else:
        path.write_bytes(change)
    tuning._CHOSEN.clear()
    again = Clock(1)
    tuning.tuned(launch, again)
    assert len(again.timed) == len(tuning.candidates(launch))


def test_where_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(launch: Launch) -> float:
        raise AssertionError("timed")

    launch = launch_of()
    assert tuning.tuned(launch_of(steps=15), refuse).tile == launch.tile, "too few steps"
    assert tuning.tuned(replace(launch, device=torch.device("cpu")), refuse).tile == launch.tile
    assert tuning.tuned(replace(launch, batch=0), refuse).tile == launch.tile
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
        assert tuning.tuned(launch, refuse).tile == launch.tile
    with monkeypatch.context() as patch:
        patch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
        assert tuning.tuned(launch, refuse).tile == launch.tile
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "interpreted", lambda: True)
        assert tuning.tuned(launch, refuse).tile == launch.tile
    monkeypatch.setenv("TIDEGATE_TUNE", "0")
    assert tuning.tuned(launch, refuse).tile == launch.tile
    monkeypatch.setenv("TIDEGATE_TUNE", "no")
    with pytest.raises(ArgumentError, match=r"TIDEGATE_TUNE must be 1 .* or 0 .*; it is 'no'"):
        tuning.tuned(launch, refuse)


def test_what_does_not_fit_is_passed_over_and_other_errors_are_not(folder: Path) -> None:
    launch = launch_of()

    def failing(count: int, error: Exception) -> Callable[[Launch], float]:
        seen = itertools.count()

        def time(launch: Launch) -> float:
            if next(seen) < count:
                raise error
            return 1.0

        return time

    too_large = OutOfResources(300_000, 232_448, "shared memory")
    together = RuntimeError("Triton Error [CUDA]: too many blocks in cooperative launch")
    for error in (too_large, together):
        assert tuning.fastest(launch, failing(1, error)) == tuning.candidates(launch)[1]
        with pytest.raises(type(error), match=r"shared memory|too many blocks"):
            tuning.tuned(launch, failing(99, error))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        tuning.tuned(launch, failing(1, RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered")))
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("best", [pytest.param(k, marks=[] if k == 3 else [pytest.mark.slow]) for k in range(5)])
def test_timing_changes_no_result(monkeypatch: pytest.MonkeyPatch, best: int) -> None:
    """Every candidate runs on the call's own arguments, before the one that is chosen does."""
    it = CELLS["gru"]
    clocks = {descending: Clock(best, Launch.execute) for descending in (False, True)}
    monkeypatch.setattr(tuning, "is_wanted", lambda device: True)
    monkeypatch.setattr(tuning, "FEWEST_STEPS", 1)
    monkeypatch.setattr(tuning, "_milliseconds", lambda launch: clocks[launch.spec.descending](launch))
    given = numbers(it, (2, 17, 3, 5))
    theirs = everything(it, given, backend="reference")
    with poisoned_allocations():
        ours = everything(it, given, backend="triton")
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=5e-6, rtol=5e-5, msg=lambda m, n=name: f"{n}: {m}")
    e = explain(it, given["x"], Weights(given["w_ih"], given["w_hh"]), backend="triton", peaks=Peaks(1, 1))
    for kernel, clock in zip(e.kernels, clocks.values(), strict=True):
        assert isinstance(kernel, GPUKernelPlan)
        chosen = clock.timed[best if best < len(clock.timed) else 0]
        assert (kernel.units, kernel.rows) == (chosen.tile.units, chosen.tile.rows)
        assert kernel.weights == ("in registers" if chosen.spec.resident else "in pieces")
