"""Every peer that is installed computes what we compute; one that does not gets no number."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from benchmarks.cases import AGAINST_PEERS, Case, parse
from benchmarks.contender import Contender
from benchmarks.layers import CELLS
from benchmarks.peers import Peer, loop, missing, torch_nn
from benchmarks.problem import Problem, Setting, pose
from torch import Tensor

from benchmarks import PEERS, jobs
from tidegate.errors import ParityError

CASES = [Case(3, 1 if kind == "streaming" else 6, 5, kind) for kind in AGAINST_PEERS]
QUICK_PEERS = [peer for peer in PEERS if peer.name != "torch.compile"]


@pytest.mark.parametrize(
    "cells", [("lstm", "own_cell"), pytest.param(CELLS, marks=pytest.mark.slow)], ids=["some cells", "all cells"]
)
@pytest.mark.parametrize(
    "peer",
    [it if it.name == "torch.nn" else pytest.param(it, marks=pytest.mark.slow) for it in QUICK_PEERS],
    ids=lambda peer: peer.name,
)
def test_a_peer_agrees_and_is_timed(peer: Peer, cells: tuple[str, ...]) -> None:
    if missing(peer):
        pytest.skip(f"{peer.name} is not installed")
    rows = [row for job in jobs(CASES, cells, [peer], 1) for row in job.measure() if row.against == peer.name]
    assert rows
    for row in rows:
        assert row.value == pytest.approx((row.theirs_ms or 0) / (row.ours_ms or 0))
        assert row.value > 0


def test_the_loop_stands_for_every_cell_in_both_modes() -> None:
    for cell in CELLS:
        for mode in ("inference", "training"):
            assert loop.supports(Setting(cell, Case(2, 3, 4), mode))


def test_a_problem_is_the_same_each_time_and_leaves_the_generator_alone() -> None:
    setting = Setting("gru", parse("3x8x5 packed"), "training")
    torch.manual_seed(7)
    first = pose(setting)
    drawn = torch.rand(())
    second = pose(setting)
    torch.manual_seed(7)
    assert torch.rand(()) == drawn
    assert torch.equal(first.x, second.x)
    assert first.lengths is not None
    assert ((first.lengths >= 2) & (first.lengths <= 8)).all()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters.values(), second.parameters.values(), strict=True))


Fault = Callable[[dict[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True)
class Sabotaged:
    """torch.nn whose results are spoilt, from a certain run on."""

    spoil: Fault
    from_run: int = 1
    name: str = "torch.nn, sabotaged"
    packages: tuple[str, ...] = ("torch",)

    def supports(self, setting: Setting) -> bool:
        return torch_nn.supports(setting)

    def prepare(self, problem: Problem) -> Contender:
        inner, runs = torch_nn.prepare(problem), 0

        def results(solved: Any) -> dict[str, Tensor]:
            nonlocal runs
            runs += 1
            found = inner.results(solved)
            return self.spoil(found) if runs >= self.from_run else found

        return replace(inner, results=results)


def _one_element(found: dict[str, Tensor]) -> dict[str, Tensor]:
    value = found["gradient of weight_hh_l0"].clone()
    value.flatten()[0] += 1e-3 * value.abs().max()
    return {**found, "gradient of weight_hh_l0": value}


FAULTS: dict[str, tuple[Fault, str]] = {
    "an output scaled by a thousandth": (lambda r: {**r, "output": r["output"] * 1.001}, "output: differs by"),
    "an output one step late": (lambda r: {**r, "output": r["output"].roll(1, 0)}, "output: differs by"),
    "NaN": (lambda r: {**r, "output": r["output"] * torch.nan}, "output: differs by nan"),
    "one element of a gradient": (_one_element, "gradient of weight_hh_l0: differs by"),
    "no gradient of the input": (lambda r: {k: v for k, v in r.items() if k != "gradient of x"}, "they give"),
    "another shape": (lambda r: {**r, "output": r["output"][:1]}, "output: their shape"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sabotaged_peer_gets_no_number(fault: str) -> None:
    spoil, told = FAULTS[fault]
    job = jobs([Case(3, 6, 5)], ["lstm"], [Sabotaged(spoil)], 1)[-1]
    assert "training" in job.name
    with pytest.raises(ParityError, match="parity is red") as caught:
        job.measure()
    assert told in str(caught.value)


def test_error_in_the_second_run_is_seen() -> None:
    job = jobs([Case(3, 6, 5)], ["lstm"], [Sabotaged(FAULTS["NaN"][0], from_run=2)], 1)[0]
    with pytest.raises(ParityError, match="nan"):
        job.measure()


def test_the_sabotage_is_what_is_seen() -> None:
    job = jobs([Case(3, 6, 5)], ["lstm"], [Sabotaged(lambda found: found)], 1)[-1]
    assert job.measure()[0].against == "torch.nn, sabotaged"
