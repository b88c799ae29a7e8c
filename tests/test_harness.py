"""Tests of the parity suite: backends with one fault each must be rejected, with a message that names the fault."""

from dataclasses import dataclass, replace

import pytest
import torch
from tests.faults import HONEST
from tests.harness import Split, check_parity, one_thread, poisoned_allocations  # noqa: F401
from tests.sabotages import PLAIN, SABOTAGES, Sabotage
from tests.witnesses.cases import Case
from torch import Tensor

from tidegate.cells import CELLS
from tidegate.engine import Call


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_a_sabotaged_backend_is_rejected(sabotage: Sabotage):
    with pytest.raises(AssertionError) as caught:
        check_parity(sabotage, CELLS[sabotage.cell], sabotage.case)
    message = str(caught.value)
    assert message.startswith(f"{sabotage.name} runs {sabotage.cell} wrongly, {sabotage.case.name}:\n")
    for phrase in sabotage.names:
        assert phrase in message
    for phrase in sabotage.spares:
        assert phrase not in message.removeprefix(sabotage.name)


@pytest.mark.parametrize(
    ("name", "case"),
    sorted({(sabotage.cell, sabotage.case) for sabotage in SABOTAGES}, key=str),
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_the_honest_backend_is_accepted(name: str, case: Case):
    check_parity(Sabotage("honest", names=()), CELLS[name], case)


def test_a_cut_gradient_between_two_parts_is_rejected():
    @dataclass(frozen=True)
    class Cut(Split):
        def _part(self, call: Call, half: slice, state: tuple[Tensor, ...]) -> Call:
            return super()._part(call, half, tuple(value.detach() for value in state) if half.start else state)

    with pytest.raises(AssertionError) as caught:
        check_parity(Cut(HONEST, at=3), CELLS["lstm"], PLAIN)
    assert "gradient of initial h through the output" in str(caught.value)
    assert "gradient of x through the final state" in str(caught.value)
    assert "within the length" not in str(caught.value)
    check_parity(Split(HONEST, at=3), CELLS["lstm"], PLAIN)


def test_a_read_of_uninitialised_memory_is_rejected():
    """Fresh memory is often zero, so such a fault may pass by luck; with poisoned memory it cannot."""
    careless = Sabotage(
        "careless",
        names=(),
        after=lambda call, result: replace(result, output=result.output + 0 * torch.empty_like(result.output)),
    )
    with poisoned_allocations():
        with pytest.raises(AssertionError, match="output within the length: nan, expected"):
            check_parity(careless, CELLS["lstm"], PLAIN)
        check_parity(HONEST, CELLS["lstm"], PLAIN)


def test_poisoning_ends_with_its_block():
    before = torch.are_deterministic_algorithms_enabled()
    with poisoned_allocations():
        assert torch.empty(3).isnan().all()
    assert torch.are_deterministic_algorithms_enabled() == before
