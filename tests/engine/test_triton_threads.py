"""Kernels whose programs wait for one another, with a thread for each program."""

import re
from typing import Any

import pytest
import torch
from tests.engine.test_random_cells import check
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from tests.kernel_runs import everything, numbers

from tidegate.cells import CELLS, projected, with_heads

pytest.importorskip("triton")
from tests.gpu_threads import programs_on_threads

FEW, TOGETHER = 60, 100
NAMES = [name for name, it in CELLS.items() if it.heads == 1]


def largest_difference(it: Any, sizes: tuple[int, int, int, int], edit: Any = lambda text: text, **more: Any) -> float:
    """Between all results and gradients of a training run and the reference's, relative to their size."""
    given = numbers(it, sizes, outputs=more.pop("outputs", None))
    with poisoned_allocations():
        with programs_on_threads(edit) as grids:
            ours = everything(it, given, backend="triton", record="all", **more)
        theirs = everything(it, given, backend="reference", record="all", **more)
    assert len(grids) >= 2
    if it.recurrent_gates:
        assert all(across > 1 for across, _ in grids)
    off = [(ours[name] - value).abs().max() / (1 + value.abs().max()) for name, value in theirs.items()]
    return float(torch.stack(off).detach().max().nan_to_num(torch.inf))


@pytest.mark.parametrize("name", NAMES)
def test_programs_wait_for_what_they_read(name: str) -> None:
    torch.manual_seed(1)
    lengths, reset = torch.randint(0, 8, (18,)), torch.rand(7, 18) < 0.2
    assert largest_difference(CELLS[name], (7, 18, 3, 37), lengths=lengths, reset=reset) < 1e-5


@pytest.mark.parametrize("name", ["lstm", "peephole_lstm"])
def test_a_projection(name: str) -> None:
    lengths = torch.arange(18) % 8
    assert largest_difference(projected(CELLS[name]), (7, 18, 3, 37), outputs=21, lengths=lengths, reverse=True) < 1e-5


def test_heads() -> None:
    assert largest_difference(with_heads(CELLS["gru_original"], 3), (5, 18, 3, 36), lengths=torch.arange(18) % 6) < 1e-5


def test_more_programs_than_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of rows run one after another then."""
    monkeypatch.setattr("tidegate.engine.backends.triton.launch.tiles.multiprocessors", lambda device: 4)
    assert largest_difference(CELLS["gru"], (3, 150, 3, 140)) < 1e-5


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(TOGETHER, 1000, TOGETHER))]
)
def test_random_cells(first: int) -> None:
    with programs_on_threads() as grids:
        check(range(first, first + (TOGETHER if first else FEW)), "triton")
    assert any(across > 1 for across, _ in grids)


def without(line: str, which: int) -> Any:
    """An edit that takes out one of the lines of a kernel that read like ``line``."""

    def edit(text: str) -> str:
        found = [match.start() for match in re.finditer(re.escape(line), text)]
        return text if which >= len(found) else text[: found[which]] + "pass  #" + text[found[which] :]

    return edit


@pytest.mark.parametrize(("name", "which"), [("gru_original", 0), ("gru_original", 1), ("lstm", 0)])
def test_a_missing_wait_gives_wrong_numbers(name: str, which: int) -> None:
    """Otherwise these tests would show nothing."""
    edit = without("wait(counter, arrivals, PARTNERS)", which)
    assert max(largest_difference(CELLS[name], (7, 18, 3, 37), edit) for _ in range(3)) > 1e-3
