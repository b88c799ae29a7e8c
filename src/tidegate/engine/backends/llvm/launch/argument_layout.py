"""A kernel's arguments, except for the addresses of a call's tensors.

At small sizes a call takes as long to prepare as to run. So everything that follows from the sizes is computed once for
each of them (kernels, shapes, strides, offsets, and the arguments' names), and a call only sets the addresses. Nothing
here is changed after it is made, so calls in several threads may share it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.backends.llvm.launch.launcher import fuses_input, held, kernel_for, padded_size
from tidegate.engine.backends.llvm.launch.sizes import Sizes
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.head_windows import window_size
from tidegate.engine.kernels.stages import is_output, state_operands
from tidegate.engine.program import gradient_names
from tidegate.engine.program.program import Program, program

Stored = tuple[tuple[str, int], ...]  # values written at every step: (name, number of the value)


class Sequence(NamedTuple):
    """A value that is written at every step.

    Attributes:
        name: its name.
        slot: the argument.
        shape: (T, B, padded), with one step more for the initial state.
        first: the element where step 0 begins.
        initial: the element where the initial state begins; None without one.
        zero_past: whether it must be zero past the lengths.
    """

    name: str
    slot: str
    shape: tuple[int, int, int]
    first: int
    initial: int | None
    zero_past: bool


class State(NamedTuple):
    """A state that a kernel carries.

    Attributes:
        name: its name.
        width: numbers in a row, padded.
        slots: the arguments of its initial and its final value; only one if it is kept in place.
        rounded: of a state kept in place, the argument of room for the rounded initial value; else "".
    """

    name: str
    width: int
    slots: tuple[str, ...]
    rounded: str = ""


@dataclass(frozen=True)
class ForwardLayout:
    """The arguments of a forward kernel.

    Attributes:
        kernel: the kernel.
        numbers: whole numbers by argument.
        sequences: values written at every step.
        states: states that are carried.
        parts: if the product with the input is not in the loop: the argument of each gate's part, and its first
            element.
        scratch: numbers of scratch memory.
        operands: elements of scratch memory that only products read.
    """

    kernel: KernelSpec
    numbers: Mapping[str, int]
    sequences: tuple[Sequence, ...]
    states: tuple[State, ...]
    parts: tuple[tuple[str, int], ...]
    scratch: int
    operands: int


@functools.lru_cache(maxsize=256)
def forward_layout(
    sizes: Sizes,
    stored: Stored,
    zero_past: frozenset[str],
    *,
    initial: bool,
    fused: bool | None = None,
    int8: bool = False,
) -> ForwardLayout:
    """Return the arguments of a forward kernel.

    Args:
        sizes: of the call.
        stored: values that it writes at every step.
        zero_past: which of them must be zero past the lengths, besides the output.
        initial: sequences of the output and of products' operands begin with the initial state.
        fused: as in `forward_kernel`.
        int8: weights are rounded to int8.
    """
    cell, batch = sizes.cell, sizes.batch
    kernel = replace(forward_kernel(sizes, stored, fused=fused), int8=int8)
    numbers = _numbers(sizes, kernel)
    parts = ()
    if not kernel.fused_input and cell.input_gates:
        numbers[arguments.INPUT_STRIDE] = len(cell.input_gates) * sizes.hidden
        parts = tuple((arguments.input_part(gate), k * sizes.hidden) for k, gate in enumerate(cell.input_gates))
    sequences, operands = [], with_initial_state(cell) if initial else frozenset()
    for name, _ in stored:
        own = name in operands
        steps, _, width = shape = sequence_shape(sizes, name, kernel.lanes, own)
        slot = arguments.out(name)
        numbers[arguments.stride(slot)] = width
        first = batch * width if own and not sizes.reverse else 0
        place = (steps - 1 if sizes.reverse else 0) * batch * width if own else None
        is_zero_past = sizes.lengths and (own or name == cell.states[0] or name in zero_past)
        sequences.append(Sequence(name, slot, shape, first, place, is_zero_past))
    states = tuple(_state(name, padded_size(sizes.size(name), kernel.lanes), kernel) for name in cell.states)
    scratch = _scratch(kernel, batch, numbers[arguments.WIDEST])
    return ForwardLayout(kernel, numbers, tuple(sequences), states, parts, *scratch)


def forward_kernel(sizes: Sizes, stored: Stored, *, fused: bool | None = None) -> KernelSpec:
    """Return the kernel that runs a call forward.

    Args:
        sizes: of the call.
        stored: values that it writes at every step.
        fused: whether the product with the input is inside the loop; None leaves it to `fuses_input`, unless the batch
            must make no difference.
    """
    if fused is None:
        fused = sizes.batch_invariant or fuses_input(sizes.batch, sizes.hidden, held(sizes.dtype))
    prog = program(sizes.cell)
    heads = sizes.cell.heads > 1
    own = sizes.dtype, sizes.batch, sizes.hidden, sizes.outputs
    return kernel_for(
        prog,
        stored,
        *own,
        fused_input=fused,
        output=sizes.output,
        heads=heads,
        rounded=with_initial_state(sizes.cell) if sizes.rounds else frozenset(),
        batch_invariant=sizes.batch_invariant,
    )


@functools.lru_cache(maxsize=256)
def with_initial_state(cell: Cell) -> frozenset[str]:
    """Return which sequences begin with the initial state: the output, and products' operands."""
    return frozenset({cell.states[0], *state_operands(program(cell)).values()})


def sequence_shape(sizes: Sizes, name: str, lanes: int, initial: bool) -> tuple[int, int, int]:
    """Return the shape of a value over time, (T, B, padded), with one step more for the initial state."""
    return sizes.steps + initial, sizes.batch, padded_size(sizes.size(name), lanes)


@dataclass(frozen=True)
class BackwardLayout:
    """The arguments of a backward kernel.

    Attributes:
        kernel: the kernel.
        numbers: whole numbers by argument.
        gradients: the names of the gradients that it writes side by side, each padded H wide.
        columns: the argument of each of these, and its first element.
        project: the argument of the gradient of a projection, which has its own buffer; empty without one.
        read: values of the forward run that it reads: argument, name, and the element where step 0 begins.
        states: gradients that are carried.
        sums: gradients added up over time, and the argument of each.
        cotangents: for each result over time: its name, the arguments of its gradient and of the gradient's stride, and
            its padded size.
        scratch: numbers of scratch memory.
        operands: elements of scratch memory that only products read.
        wide: H, padded.
        wide_out: R, padded.
    """

    kernel: KernelSpec
    numbers: Mapping[str, int]
    gradients: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    project: tuple[str, ...]
    read: tuple[tuple[str, str, int], ...]
    states: tuple[State, ...]
    sums: tuple[tuple[str, str], ...]
    cotangents: tuple[tuple[str, str, str, int], ...]
    scratch: int
    operands: int
    wide: int
    wide_out: int


@functools.lru_cache(maxsize=256)
def backward_layout(
    sizes: Sizes, prog: Program, saved: tuple[str, ...], sequences: tuple[str, ...], names: tuple[str, ...]
) -> BackwardLayout:
    """Return the arguments of a backward kernel.

    Args:
        sizes: of the call.
        prog: the backward Program.
        saved: values of the forward run that it reads at the same step.
        sequences: all values that the forward run stored.
        names: the results over time besides the output.
    """
    cell = sizes.cell
    kernel, gradients, project = backward_kernel(sizes, prog)
    wide, wide_out = padded_size(sizes.hidden, kernel.lanes), padded_size(sizes.outputs, kernel.lanes)
    numbers = _numbers(sizes, kernel)
    numbers |= {arguments.stride(arguments.out(name)): len(gradients) * wide for name in gradients}
    numbers |= {arguments.stride(arguments.out(name)): wide_out for name in project}
    with_initial = frozenset() if sizes.reverse else with_initial_state(cell)
    read = []
    stored_states = tuple(name for name in cell.states if name in sequences)
    for argument, values in ((arguments.saved, saved), (arguments.sequence, stored_states)):
        for name in values:
            slot, width = argument(name), padded_size(sizes.size(name), kernel.lanes)
            numbers[arguments.stride(slot)] = width
            read.append((slot, name, sizes.batch * width * (name in with_initial)))
    cotangents = []
    for name in (cell.states[0], *names):
        slot = arguments.cotangent(name)
        cotangents.append((name, slot, arguments.stride(slot), padded_size(sizes.size(name), kernel.lanes)))
    carried = [(name, wide_out if is_output(name, sizes.output) else wide) for name in prog.states]
    return BackwardLayout(
        kernel,
        numbers,
        gradients,
        tuple((arguments.out(name), k * wide) for k, name in enumerate(gradients)),
        tuple(arguments.out(name) for name in project),
        tuple(read),
        tuple(_state(name, width, kernel) for name, width in carried),
        tuple((name, arguments.total(name)) for name in prog.sums),
        tuple(cotangents),
        *_scratch(kernel, sizes.batch, numbers[arguments.WIDEST]),
        wide,
        wide_out,
    )


def backward_kernel(sizes: Sizes, prog: Program) -> tuple[KernelSpec, tuple[str, ...], tuple[str, ...]]:
    """Return the kernel of a backward Program, the gradients it writes side by side, and that of a projection."""
    gradients = _stored_gradients(prog, sizes.cell.input_gates)
    # The gradient of a projection has another size, so it has its own buffer.
    project = tuple(name for name in prog.gates if name == gradient_names.PROJECT)
    stored = [(name, prog.gates[name]) for name in (*gradients, *project)]
    kernel = kernel_for(
        prog,
        stored,
        sizes.dtype,
        sizes.batch,
        sizes.hidden,
        sizes.outputs,
        fused_input=True,
        output=sizes.output,
        placed=sizes.lengths,
        heads=sizes.cell.heads > 1,
        rounded=with_initial_state(sizes.cell).union(gradients, project) if sizes.rounds else frozenset(),
        batch_invariant=sizes.batch_invariant,
    )
    return kernel, gradients, project


def _stored_gradients(prog: Program, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the gradients to be written: first those of input parts, then others that are not the same values."""
    names = [gradient_names.of_input_part(gate) for gate in inputs]
    known = {prog.gates[name] for name in names}
    for name, k in prog.gates.items():
        if name not in (*names, gradient_names.PROJECT) and k not in known:
            names.append(name)
            known.add(k)
    return tuple(names)


def _numbers(sizes: Sizes, kernel: KernelSpec) -> dict[str, int]:
    """Return the whole numbers that are arguments of every kernel."""
    wide, wide_out = padded_size(sizes.hidden, kernel.lanes), padded_size(sizes.outputs, kernel.lanes)
    return {
        arguments.INPUTS: sizes.inputs,
        arguments.OUTPUTS: sizes.outputs,
        arguments.PADDED_OUTPUTS: wide_out,
        arguments.WIDEST: max(wide, wide_out),
        arguments.LENGTHS: 0,
        arguments.RESET: 0,
        **{arguments.stride(arguments.mask(name)): wide for name in sizes.cell.masks},
        **_windows(sizes, kernel),
    }


def _windows(sizes: Sizes, kernel: KernelSpec) -> dict[str, int]:
    """Return the numbers that block-diagonal matrices need."""
    if not kernel.heads:
        return {}
    head = sizes.hidden // sizes.cell.heads
    windows = {n: window_size(sizes.hidden, head, kernel.span(n)) for n in range(len(kernel.stages))}
    return {arguments.HEAD: head, **{arguments.window(n): size for n, size in windows.items()}}


def _scratch(kernel: KernelSpec, batch: int, widest: int) -> tuple[int, int]:
    """Return the numbers of scratch memory, and the elements of that which only products read."""
    return max(1, sum(map(len, kernel.made)) * batch * widest), len(kernel.operands_made) * batch * widest


def _state(name: str, width: int, kernel: KernelSpec) -> State:
    if name not in kernel.in_place:
        return State(name, width, (arguments.initial(name), arguments.final(name)))
    rounded = arguments.rounded(name) if name in kernel.sequences else ""
    return State(name, width, (arguments.state(name),), rounded)
