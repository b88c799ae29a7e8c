"""One step at a time on the GPU backend's kernels, in Triton's interpreter and with a thread for each program."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from tests.kernel_runs import numbers

from tidegate.cells import CELLS, Cell, Step, cell, projected, tanh, with_heads
from tidegate.engine import Weights, run, stepping
from tidegate.nn import LSTM, Recurrent

pytest.importorskip("triton")
from tests.gpu_threads import run_launch

from tidegate.engine.backends.triton.front import launched_step

pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason="the interpreter is off"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, of what the interpreter computes past the edges
]


@cell(gates="f n", states="h", masks="keep=1")
def kept(x: Any, r: Any, s: Any, m: Any) -> Step:
    f = tanh(x.f + r.f)
    n = tanh(x.n + r("n", f * s.h) * m.keep)
    return Step(h=n, gates=dict(f=f, n=n))


def same_as_a_run(it: Cell, sizes: tuple[int, int, int, int], outputs: int | None = None) -> None:
    """Outputs, and after the last step states, of steps whose states are also set in between."""
    given, count = numbers(it, sizes, outputs=outputs), len(it.states)
    weights = Weights(
        **{name: given.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")},
        p={name: given[f"p {name}"] for name in it.parameters},
    )
    first = {name: given[f"mask {name}"][0] for name in it.masks}
    begin = [given[f"state {name}"] for name in it.states]
    with poisoned_allocations():
        steps = stepping(it, given["x"][0], weights, begin, masks=first, backend="triton")
        assert isinstance(steps, launched_step.LaunchedStep)
        for _ in range(2):
            outputs_of_steps = []
            for k, x in enumerate(given["x"]):
                masks = {name: given[f"mask {name}"][k] for name in it.masks}
                outputs_of_steps.append(steps.step(x, masks))
            found = [torch.stack(outputs_of_steps), *(s.clone() for s in steps.state)]
            masks = {name: given[f"mask {name}"] for name in it.masks}
            expected = run(it, given["x"], weights, begin, masks=masks, backend="reference")
            for mine, other in zip(found, (expected.output, *expected.state), strict=True):
                torch.testing.assert_close(mine, other, atol=5e-6, rtol=5e-5)
            assert len(found) == 1 + count
            begin = [torch.rand_like(s) - 0.5 for s in steps.state]
            for state, value in zip(steps.state, begin, strict=True):
                state.copy_(value)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "gru_original" else [pytest.mark.slow]) for name in CELLS]
)
def test_steps_are_those_of_a_run(name: str) -> None:
    same_as_a_run(CELLS[name], (3, 3, 5, 19))


@pytest.mark.parametrize(
    ("it", "outputs"),
    [(projected(CELLS["lstm"]), 7), (with_heads(CELLS["gru"], 3), None), (kept, None)],
    ids=["projected", "heads", "masks"],
)
def test_steps_of_composed_cells(it: Cell, outputs: int | None) -> None:
    same_as_a_run(it, (2, 3, 3, 18), outputs)


@pytest.mark.parametrize("name", ["lstm", "gru_original", "peephole_lstm", "slstm", "min_gru", "indrnn", "phased_lstm"])
def test_programs_of_one_stage_need_not_wait(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On threads, which read and write in any order: no program reads what another one of its launch writes."""
    grids = []

    def on_threads(launches: Iterable[Any], device: torch.device) -> None:
        for launch in launches:
            grids.append(launch.grid)
            run_launch(launch)

    monkeypatch.setattr(launched_step, "run_launches", on_threads)
    same_as_a_run(CELLS[name], (3, 18, 3, 37))
    assert all(across * groups > 1 for across, groups in grids)


def test_a_step_with_masks_leaves_no_trace() -> None:
    torch.manual_seed(0)
    layer, other = (Recurrent(kept, 3, 4, backend=backend) for backend in ("triton", "reference"))
    other.load_state_dict(layer.state_dict())
    x, keep = torch.randn(3, 2, 3), torch.ones(3, 2, 4)
    keep[1] = 0.25
    stepper = layer.stepper(2)
    found = [stepper(x[0]), stepper(x[1], masks={"keep": keep[1]}), stepper(x[2])]
    torch.testing.assert_close(torch.stack(found), other(x, masks={"keep": keep})[0].detach())


@pytest.mark.parametrize("context", [torch.inference_mode, torch.enable_grad])
def test_a_stepper_in_half_precision(context: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    layer, x = LSTM(3, 5, num_layers=2, backend="triton").bfloat16(), torch.randn(4, 1, 3).bfloat16()
    stepper = layer.stepper()
    with context():
        found = [stepper(step) for step in x]
    assert {output.dtype for output in found} == {torch.bfloat16}
    assert {state.dtype for state in stepper.state} == {torch.float32}
    exact = LSTM(3, 5, num_layers=2, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    expected = exact(x.double())[0].detach()
    torch.testing.assert_close(torch.stack(found).double(), expected, atol=1e-2, rtol=1e-2)
