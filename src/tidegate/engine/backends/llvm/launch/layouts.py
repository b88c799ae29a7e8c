"""What a kernel is given, as far as it does not depend on where this call's tensors are.

At small sizes a call takes as long to prepare as to run, so all that follows from the sizes is worked out once for each
of them: kernels, shapes, strides, offsets, and the names of the table's entries. A call only fills in addresses.
Nothing here changes once it is made, so calls in several threads may share it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.backends.llvm.launch.launcher import fuses_input, kernel_for, padded
from tidegate.engine.call import Call
from tidegate.engine.kernels.stages import is_output, state_operands
from tidegate.engine.program.program import Program, program

Stored = tuple[tuple[str, int], ...]  # what is written at every step: its name, and the number of the value


class Sizes(NamedTuple):
    """A call's sizes, and what else decides how it is laid out.

    Attributes:
        cell: the equations.
        steps: T.
        batch: B.
        inputs: I.
        units: H.
        outputs: R, of a projected output; else H.
        dtype: of the numbers.
        reverse: whether time runs down.
        lengths: whether sequences have lengths of their own.
    """

    cell: Cell
    steps: int
    batch: int
    inputs: int
    units: int
    outputs: int
    dtype: torch.dtype
    reverse: bool
    lengths: bool

    @property
    def output(self) -> str:
        """The output's name, if it has another size than the other states."""
        return self.cell.states[0] if self.outputs != self.units else ""

    def size(self, name: str) -> int:
        """The numbers of each row of a state, a gate, or what is stored under a name."""
        return self.outputs if name == self.cell.states[0] else self.units


def sizes_of(call: Call) -> Sizes:
    """A call's sizes."""
    x, cell = call.x, call.cell
    units, outputs = call.weights.hidden_size(cell), call.state[0].shape[1]
    steps, batch, inputs = x.shape
    return Sizes(cell, steps, batch, inputs, units, outputs, x.dtype, call.reverse, call.lengths is not None)


class Sequence(NamedTuple):
    """Something that is written at every step.

    Attributes:
        name: its own.
        slot: that of its entry in the table.
        shape: (T, B, padded), or a step more with the initial state.
        first: the element where step 0 begins.
        initial: the element where the initial state begins; None if it is not there.
        clean: whether it must be zero past the lengths.
    """

    name: str
    slot: str
    shape: tuple[int, int, int]
    first: int
    initial: int | None
    clean: bool


class State(NamedTuple):
    """A state that a kernel carries.

    Attributes:
        name: its own.
        width: its units, padded.
        slots: of its initial and its final value; of one place for both if it is kept in place.
    """

    name: str
    width: int
    slots: tuple[str, ...]


@dataclass(frozen=True)
class ForwardLayout:
    """What a forward kernel is given.

    Attributes:
        kernel: to be run.
        numbers: the whole numbers in its table, by name.
        sequences: what it writes at every step.
        states: what it carries.
        parts: of the input's product, if that is not in the loop: the entry of each gate's, and its first element.
        scratch: numbers of scratch memory.
        widest: the units of the widest state, padded.
    """

    kernel: KernelSpec
    numbers: Mapping[str, int]
    sequences: tuple[Sequence, ...]
    states: tuple[State, ...]
    parts: tuple[tuple[str, int], ...]
    scratch: int
    widest: int


@functools.lru_cache(maxsize=256)
def forward_layout(
    sizes: Sizes, stored: Stored, zero_past: frozenset[str], *, initial: bool, fused: bool | None = None
) -> ForwardLayout:
    """What a forward kernel is given.

    Args:
        sizes: of the call.
        stored: what it writes at every step.
        zero_past: what of that is zero past the lengths, besides the output.
        initial: sequences of the output and of products' operands begin with the initial state.
        fused: as in `forward_kernel`.
    """
    cell, batch = sizes.cell, sizes.batch
    kernel = forward_kernel(sizes, stored, fused=fused)
    wide = padded(sizes.units, kernel.lanes)
    numbers = _numbers(sizes, kernel)
    parts = ()
    if not kernel.fused_input and cell.input_gates:
        numbers["stride input"] = len(cell.input_gates) * wide
        parts = tuple((f"input {gate}", k * wide) for k, gate in enumerate(cell.input_gates))
    sequences, operands = [], with_initial_state(cell) if initial else frozenset()
    for name, _ in stored:
        own = name in operands
        steps, _, width = shape = sequence_shape(sizes, name, kernel.lanes, own)
        numbers[f"stride out {name}"] = width
        first = batch * width if own and not sizes.reverse else 0
        place = (steps - 1 if sizes.reverse else 0) * batch * width if own else None
        clean = sizes.lengths and (own or name == cell.states[0] or name in zero_past)
        sequences.append(Sequence(name, f"out {name}", shape, first, place, clean))
    states = tuple(_state(name, padded(sizes.size(name), kernel.lanes), kernel) for name in cell.states)
    widest = numbers["widest"]
    return ForwardLayout(kernel, numbers, tuple(sequences), states, parts, _scratch(kernel, batch, widest), widest)


def forward_kernel(sizes: Sizes, stored: Stored, *, fused: bool | None = None) -> KernelSpec:
    """The kernel that runs a call forward and writes some values at every step.

    Args:
        sizes: of the call.
        stored: what is written.
        fused: whether the input's product is inside the loop; None leaves it to `fuses_input`.
    """
    fused = fuses_input(sizes.batch, sizes.units) if fused is None else fused
    prog = program(sizes.cell)
    return kernel_for(prog, stored, sizes.dtype, sizes.batch, fused_input=fused, output=sizes.output)


@functools.lru_cache(maxsize=256)
def with_initial_state(cell: Cell) -> frozenset[str]:
    """The sequences that begin with the initial state: the output, and products' operands."""
    return frozenset({cell.states[0], *state_operands(program(cell)).values()})


def sequence_shape(sizes: Sizes, name: str, lanes: int, initial: bool) -> tuple[int, int, int]:
    """The shape of what is written at every step under a name: (T, B, padded), a step more with the initial state."""
    return sizes.steps + initial, sizes.batch, padded(sizes.size(name), lanes)


@dataclass(frozen=True)
class BackwardLayout:
    """What a backward kernel is given.

    Attributes:
        kernel: to be run.
        numbers: the whole numbers in its table, by name.
        slots: the gradients that it writes side by side, each as wide as the units.
        columns: their entries in the table, and the first element of each.
        project: the entry of the gradient of a projection, which stands apart; or none.
        read: what it reads of the forward run: entry, name, and the element where step 0 begins.
        states: what it carries.
        sums: what it adds up over time, and the entry of each.
        cotangents: of each of the results over time: its entry, that of its stride, and its units, padded.
        scratch: numbers of scratch memory.
        wide: H, padded.
        wide_out: R, padded.
    """

    kernel: KernelSpec
    numbers: Mapping[str, int]
    slots: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    project: tuple[str, ...]
    read: tuple[tuple[str, str, int], ...]
    states: tuple[State, ...]
    sums: tuple[tuple[str, str], ...]
    cotangents: tuple[tuple[str, str, int], ...]
    scratch: int
    wide: int
    wide_out: int


@functools.lru_cache(maxsize=256)
def backward_layout(
    sizes: Sizes, prog: Program, saved: tuple[str, ...], sequences: tuple[str, ...], names: tuple[str, ...]
) -> BackwardLayout:
    """What a backward kernel is given.

    Args:
        sizes: of the call.
        prog: the backward Program.
        saved: what it reads of the forward run at the same step.
        sequences: all that the forward run stored.
        names: the results over time besides the output.
    """
    cell = sizes.cell
    kernel, slots, project = backward_kernel(sizes, prog)
    wide, wide_out = padded(sizes.units, kernel.lanes), padded(sizes.outputs, kernel.lanes)
    numbers = _numbers(sizes, kernel)
    numbers |= {f"stride out {name}": len(slots) * wide for name in slots} | {
        f"stride out {n}": wide_out for n in project
    }
    with_initial = frozenset() if sizes.reverse else with_initial_state(cell)
    read = []
    for kind, some in (("saved", saved), ("sequence", tuple(name for name in cell.states if name in sequences))):
        for name in some:
            width = padded(sizes.size(name), kernel.lanes)
            numbers[f"stride {kind} {name}"] = width
            read.append((f"{kind} {name}", name, sizes.batch * width * (name in with_initial)))
    results = (cell.states[0], *names)
    cotangents = [(f"cotangent {n}", f"stride cotangent {n}", padded(sizes.size(n), kernel.lanes)) for n in results]
    carried = [(name, wide_out if is_output(name, sizes.output) else wide) for name in prog.states]
    return BackwardLayout(
        kernel,
        numbers,
        slots,
        tuple((f"out {name}", k * wide) for k, name in enumerate(slots)),
        tuple(f"out {name}" for name in project),
        tuple(read),
        tuple(_state(name, width, kernel) for name, width in carried),
        tuple((name, f"sum {name}") for name in prog.sums),
        tuple(cotangents),
        _scratch(kernel, sizes.batch, numbers["widest"]),
        wide,
        wide_out,
    )


def backward_kernel(sizes: Sizes, prog: Program) -> tuple[KernelSpec, tuple[str, ...], tuple[str, ...]]:
    """The kernel of a backward Program, and the gradients it writes: side by side, and that of a projection."""
    slots = _gradient_slots(prog, sizes.cell.input_gates)
    project = tuple(name for name in prog.gates if name == "project")  # of another size, so in a buffer of its own
    stored = [(name, prog.gates[name]) for name in (*slots, *project)]
    kernel = kernel_for(
        prog, stored, sizes.dtype, sizes.batch, fused_input=True, output=sizes.output, placed=sizes.lengths
    )
    return kernel, slots, project


def _gradient_slots(prog: Program, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the gradients to be written: inputs' parts side by side, then products' that are not the same values."""
    slots = [f"x.{gate}" for gate in inputs]
    taken = {prog.gates[name] for name in slots}
    for name, k in prog.gates.items():
        if name not in (*slots, "project") and k not in taken:
            slots.append(name)
            taken.add(k)
    return tuple(slots)


def _numbers(sizes: Sizes, kernel: KernelSpec) -> dict[str, int]:
    """What every kernel is given."""
    wide, wide_out = padded(sizes.units, kernel.lanes), padded(sizes.outputs, kernel.lanes)
    numbers = {"inputs": sizes.inputs, "outputs": sizes.outputs, "padded outputs": wide_out, "lengths": 0, "reset": 0}
    numbers |= {f"stride mask {name}": wide for name in sizes.cell.masks}
    return numbers | {"widest": max(wide, wide_out)}


def _scratch(kernel: KernelSpec, batch: int, widest: int) -> int:
    return max(1, sum(map(len, kernel.made)) * batch * widest)


def _state(name: str, width: int, kernel: KernelSpec) -> State:
    apart = name in kernel.sequences
    return State(name, width, (f"initial {name}", f"final {name}") if apart else (f"state {name}",))
