"""The names of the kernels' arguments, for the side that sets them (launch) and the side that reads them (emit).

A kernel takes one table of addresses and whole numbers. Both sides know an argument by its name only, and both take the
name from here: constants, functions for the arguments that exist once for each state, gate or value, and named tuples
for the kernels whose tables are always the same. `ArgumentTable` assigns the positions.

Time is T steps, the batch B rows. *Padded* means rounded up to whole vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass
class ArgumentTable:
    """Positions in a kernel's argument table, assigned in the order in which names are first asked for."""

    slots: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.slots.setdefault(name, len(self.slots))


# The kernel of a loop over time: sizes and other whole numbers.

STEPS = "steps"  # T
BATCH = "batch"  # B
INPUTS = "inputs"  # I
HIDDEN = "hidden"  # H
PADDED_HIDDEN = "padded hidden"
OUTPUTS = "outputs"  # R, of a projected output
PADDED_OUTPUTS = "padded outputs"
WIDEST = "widest"  # the larger of the two padded sizes
DESCENDING = "descending"  # 1 if time runs down
SPLIT_HIDDEN = "split hidden"  # 1 if threads divide the hidden units, 0 if the rows
SHARE_COUNT = "share count"  # the number of shares of rows
TURN = "turn"  # 0 or 1: whether the first step passes over the hidden units backwards
HEAD = "head size"  # hidden units of a head, if matrices of recurrent products are block-diagonal


def window(stage: int) -> str:
    """How many elements of an operand a group of blocks of a stage multiplies, if matrices are block-diagonal."""
    return f"window {stage}"


# Addresses.

X = "x"  # (T, B, I)
LENGTHS = "lengths"  # (B,), or null
RESET = "reset"  # (T, B) bytes, or null
PLACES = "places"  # (T, B): where the row of a step is stored, if only valid rows are
ZEROS = "zeros"  # a row of zeros
WEIGHTS = "weights"  # packed
SCALES = "scales"  # of weights in int8, packed like a matrix with one element in each row
SCRATCH = "scratch"  # values that later stages read
OPERANDS = "operands"  # those of them that products read, where these hold operands otherwise than numbers
SHARES = "shares"  # for each share of the rows: the address of its rows, and how many there are
BARRIER = "barrier"  # the counter with which threads wait for one another
ACTIVE = "active"  # room for the rows that are valid at a step, for each thread


def bias(stage: int) -> str:
    """The summed biases of a stage's accumulators."""
    return f"bias {stage}"


def input_part(gate: str) -> str:
    """W_k x_t of a gate for all steps, if the product with the input is computed before the loop."""
    return f"input {gate}"


INPUT_STRIDE = "stride input"  # from one row of any gate's input part to the next


def state(name: str) -> str:
    """A state that is kept in place: its initial value, which the kernel overwrites with the final one."""
    return f"state {name}"


def initial(name: str) -> str:
    """The initial value of a state."""
    return f"initial {name}"


def rounded(name: str) -> str:
    """Room for the initial value of a state that is kept in place, as products read it."""
    return f"rounded {name}"


def final(name: str) -> str:
    """Where the final value of a state is written, if it is not kept in place."""
    return f"final {name}"


def previous(name: str) -> str:
    """Room for the address of each row's previous state, for each thread."""
    return f"previous {name}"


def before(name: str) -> str:
    """Room for the address of each row's state before the forward step, for each thread (backward kernels)."""
    return f"before {name}"


def sequence(name: str) -> str:
    """A state over time, as the forward kernel stored it (backward kernels)."""
    return f"sequence {name}"


def out(name: str) -> str:
    """Where a value is stored at every step."""
    return f"out {name}"


def total(name: str) -> str:
    """Where a value is added up over time, for each row."""
    return f"sum {name}"


def leaf(op: str, name: str) -> str:
    """A leaf of the Program that the kernel reads: `saved`, `cotangent`, `mask` or `parameter`."""
    return f"{op} {name}"


def saved(name: str) -> str:
    """A value over time that the forward kernel saved (backward kernels)."""
    return leaf("saved", name)


def cotangent(name: str) -> str:
    """The gradient of a result over time (backward kernels)."""
    return leaf("cotangent", name)


def mask(name: str) -> str:
    """A mask over time."""
    return leaf("mask", name)


def parameter(name: str) -> str:
    """A vector with one weight per hidden unit."""
    return leaf("parameter", name)


def stride(argument: str) -> str:
    """From one row to the next of an argument over time: `out`, `sequence`, `saved`, `cotangent` or `mask`."""
    return f"stride {argument}"


# The other kernels.


class MatmulArguments(NamedTuple):
    """Arguments of the matrix product C = A B, or C + A B: A is (rows, elements), B is (elements, columns).

    Attributes:
        a: address of A.
        b: address of B.
        c: address of C.
        room: address of scratch memory.
        sums: address to which the sums of A's rows are added, or null.
        rows: rows of C.
        columns: columns of C.
        elements: the inner dimension.
        a_stride: from one row (or column) of A to the next.
        b_stride: from one row (or column) of B to the next.
        c_stride: from one row of C to the next.
        add: 1 to add to C.
        by_columns: 1 if threads divide the columns of C, 0 if its rows.
    """

    a: Any
    b: Any
    c: Any
    room: Any
    sums: Any
    rows: Any
    columns: Any
    elements: Any
    a_stride: Any
    b_stride: Any
    c_stride: Any
    add: Any
    by_columns: Any


MATMUL_ADDRESSES = MatmulArguments._fields[:5]


class PackArguments(NamedTuple):
    """Arguments of the kernel that packs matrices.

    Attributes:
        pack_jobs: address of the jobs, each a `PackJob`, one after the other.
        job_count: how many there are.
    """

    pack_jobs: Any
    job_count: Any


class PackJob(NamedTuple):
    """A matrix to be packed into panels, each of some hidden units.

    Attributes:
        source: address of the matrix.
        target: address of the first panel.
        stride: from one row of the matrix to the next.
        hidden: hidden units of the matrix.
        elements: elements of the operand.
        pitch: from one element to the next in a panel.
        panel_size: from one panel to the next.
        panels: how many panels there are.
    """

    source: Any
    target: Any
    stride: Any
    hidden: Any
    elements: Any
    pitch: Any
    panel_size: Any
    panels: Any


class CopyArguments(NamedTuple):
    """Arguments of the kernel that copies rows.

    Attributes:
        copy_jobs: address of the jobs, each a `CopyJob`, one after the other.
        job_count: how many there are.
    """

    copy_jobs: Any
    job_count: Any


class CopyJob(NamedTuple):
    """Rows to be copied into padded rows.

    Attributes:
        source: address of the rows.
        target: address of the padded rows.
        added: address of rows that are added to the source, or null.
        rows: how many rows there are.
        size: numbers in a row of the source; 0 if the target becomes zeros.
        width: numbers in a row of the target.
    """

    source: Any
    target: Any
    added: Any
    rows: Any
    size: Any
    width: Any
