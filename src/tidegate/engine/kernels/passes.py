"""The two passes of a backend that compiles: forward, and backward with what forward stored."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.call import Call
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program.adjoint import Adjoint, adjoint
from tidegate.engine.program.program import program

Stored = tuple[tuple[str, int], ...]  # values written at every step: (name, number of the value)


class Forward(NamedTuple):
    """The result of a forward pass.

    Attributes:
        results: the output, the final states, and the recorded values.
        sequences: the values stored at every step, by name.
        shared: the results that share memory with a sequence without being views of it.
    """

    results: tuple[Tensor, ...]
    sequences: dict[str, Tensor]
    shared: tuple[Tensor, ...]


class Passes(ABC):
    """The two passes of a backend.

    Attributes:
        name: the backend's name.
    """

    name: str

    @abstractmethod
    def forward(self, call: Call, names: tuple[str, ...], *, train: bool, zero_past_lengths: bool = False) -> Forward:
        """Run the forward kernel.

        Args:
            call: a call whose tensors have no history.
            names: gates and states to record besides the output.
            train: store the values that backward reads.
            zero_past_lengths: all stored values are zero past the lengths, not only the results.
        """

    @abstractmethod
    def backward(
        self,
        call: Call,
        names: tuple[str, ...],
        sequences: Mapping[str, Tensor],
        gradients: Sequence[Tensor | None],
        wanted: list[str],
    ) -> dict[str, Tensor]:
        """Run the backward kernel: return gradients by the names of `tensors_by_name`.

        Args:
            call: the forward call.
            names: the values that it recorded besides the output.
            sequences: the values that it stored.
            gradients: those of the results of `forward`; None for zeros.
            wanted: the gradients to be returned.
        """

    def with_initial_state(self, cell: Cell) -> frozenset[str]:
        """Return which stored values have one step more, the initial state."""
        del cell
        return frozenset()

    def is_rounded(self, cell: Cell, name: str) -> bool:
        """Whether a stored value is in half precision if the input is; otherwise it is in float32."""
        return name not in cell.states[1:]

    def padded(self, stored: Tensor) -> Tensor:
        """Return a stored value as `backward` reads it, given its numbers without padding."""
        return stored


PASSES: dict[str, Callable[[], Passes]] = {}
"""How to get each compiling backend's passes, by its name; they are imported on first use."""


def records_with_gradient(
    call: Call, names: tuple[str, ...], sequences: Mapping[str, Tensor], gradients: Sequence[Tensor | None]
) -> tuple[tuple[str, ...], Sequence[Tensor | None]]:
    """Keep only the records that received a gradient, so that recording without using a gate costs no backward.

    All are kept where the backward of fewer would read a value that the other one computes again, and that was not
    stored.
    """
    count = 1 + len(call.cell.states)
    pairs = [(name, g) for name, g in zip(names, gradients[count:], strict=True) if g is not None]
    used = tuple(name for name, _ in pairs)
    if sequences.keys() >= {name for name, _ in values_to_store(call, used, train=True)}:
        return used, (*gradients[:count], *(g for _, g in pairs))
    return names, gradients


def values_to_store(call: Call, names: tuple[str, ...], *, train: bool) -> Stored:
    """Return the values that the forward kernel writes at every step.

    They are the output, operands of products, records, and in training the values that backward reads.
    """
    return _values_to_store(call.cell, names, call.mask_gradients, train)


@functools.lru_cache(maxsize=256)
def _values_to_store(cell: Cell, names: tuple[str, ...], masks: tuple[str, ...], train: bool) -> Stored:
    prog, output = program(cell), cell.states[0]
    stored = {name: prog.states[name] for name in (output, *state_operands(prog).values())}
    stored |= {name: prog.states.get(name, prog.gates.get(name, -1)) for name in names}
    if train:
        back = adjoint(prog, (output, *names), masks)
        stored |= back.saved
        stored |= {v.name: prog.states[v.name] for v in back.program.values if v.op == "before"}
    return tuple(stored.items())


def adjoint_of(call: Call, names: tuple[str, ...]) -> Adjoint:
    """Return the backward of a call's Program, given the records that have gradients besides the output."""
    return adjoint(program(call.cell), (call.cell.states[0], *names), call.mask_gradients)
