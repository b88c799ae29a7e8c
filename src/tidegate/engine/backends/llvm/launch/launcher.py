"""Set a kernel's arguments, run it on all threads, and hand out what it wrote.

In the kernels' own buffers rows are padded to whole vectors, so kernels need no special case for the last one.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.emit.barrier import WAS_LATE, WORDS
from tidegate.engine.backends.llvm.emit.copy_kernel import CopySpec
from tidegate.engine.backends.llvm.jit.compile import Compiled, Spec, compiled
from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set
from tidegate.engine.backends.llvm.kernel_spec import APART, KernelSpec, blocks_for
from tidegate.engine.backends.llvm.launch.buffers import empty
from tidegate.engine.backends.llvm.launch.cores import cores, partner_was_late, threads_to_use
from tidegate.engine.backends.llvm.launch.threads import can_wait_for_one_another, run_parts
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.arguments import CopyArguments, CopyJob
from tidegate.engine.program.program import Program

WORTH_SHARING = 1 << 15  # numbers from which copying is faster on several threads
ROWS_TO_SPLIT = 12  # rows for each 512 hidden units, below which threads divide the hidden units


@dataclass
class Launch:
    """One call of a kernel.

    Attributes:
        kernel: what to run.
        steps: T.
        batch: B.
        hidden: H.
        descending: whether time runs down.
        slots: the arguments by name (`tidegate.engine.kernels.arguments`).
        keep_alive: what must live until the call is over.
        copies: what is to be copied before the kernel runs, the numbers of one `CopyJob` after the other.
        copied: how many numbers that will write.
    """

    kernel: KernelSpec
    steps: int
    batch: int
    hidden: int
    descending: bool
    slots: dict[str, int] = field(default_factory=dict)
    keep_alive: list[object] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    copied: int = 0

    @property
    def padded_hidden(self) -> int:
        """H, rounded up to whole vectors."""
        return padded_size(self.hidden, self.kernel.lanes)

    def set_tensor(self, name: str, tensor: Tensor, offset: int = 0) -> None:
        """Set an argument to the address of a tensor's element."""
        self.keep_alive.append(tensor)
        self.slots[name] = tensor.data_ptr() + offset * tensor.element_size()

    def set_parts(self, tensor: Tensor, places: Sequence[tuple[str, int]]) -> None:
        """Set several arguments to addresses of one tensor's elements."""
        self.keep_alive.append(tensor)
        start, size = tensor.data_ptr(), tensor.element_size()
        for name, offset in places:
            self.slots[name] = start + offset * size

    def set_room(self, name: str, count: int) -> None:
        """Set an argument to the address of room for ``count`` whole numbers."""
        array = _array_type(count)()
        self.keep_alive.append(array)
        self.slots[name] = ctypes.addressof(array)

    def copy(self, source: int, target: int, rows: int, size: int, width: int, added: int = 0) -> None:
        """Before the kernel runs, copy rows into padded rows, with zeros in the padding.

        Args:
            source: the address; what it belongs to must be in ``keep_alive``, as for the other two.
            target: the address of the padded rows.
            rows: how many rows.
            size: numbers in a row of the source; 0 if the target becomes zeros.
            width: numbers in a row of the target.
            added: the address of rows that are added to the source; 0 for none.
        """
        self.copies += (source, target, added, rows, size, width)  # a CopyJob
        self.copied += rows * width

    def padded_copy(self, rows: int, width: int, source: Tensor | None, like: Tensor) -> Tensor:
        """Memory (rows, width) into which the source (rows, ·) is copied, or zeros if that is None."""
        room = empty((rows, width), like)
        self.keep_alive.append(room)
        if source is None:
            self.copy(0, room.data_ptr(), rows, 0, width)
        else:
            source = source.contiguous()
            self.keep_alive.append(source)
            self.copy(source.data_ptr(), room.data_ptr(), rows, source.shape[-1], width)
        return room

    def padded(self, tensor: Tensor) -> Tensor:
        """A contiguous tensor with a padded last dimension: itself, or a copy that is filled before the kernel runs."""
        *others, size = tensor.shape
        width = padded_size(size, self.kernel.lanes)
        if size == width:
            return tensor.contiguous()
        if tensor.element_size() != self.kernel.itemsize:
            return pad_last_dimension(tensor, self.kernel.lanes)
        rows = tensor.numel() // size if size else 0
        return self.padded_copy(rows, width, tensor, tensor).view(*others, width)

    def divide(self, threads: int) -> tuple[bool, int]:
        """Return whether threads divide the hidden units instead of the rows, and the number of threads."""
        together = min(threads, cores()) if can_wait_for_one_another() else 1
        splits = together > 1 and splits_hidden(self, together)
        parts = min(together, self.padded_hidden // self.kernel.lanes) if splits else min(threads, self.batch)
        return splits, max(1, parts)

    def execute(self, lengths: Tensor | None) -> None:
        """Run the kernel on several threads."""
        splits, parts = self.divide(threads_to_use())
        function, table, barrier = self.ready(lengths, parts, splits_hidden=splits)
        run_parts(function, table, parts, self.keep_alive)
        if barrier[WAS_LATE]:
            partner_was_late()

    def ready(
        self, lengths: Tensor | None, parts: int, *, splits_hidden: bool, turn: int = 0
    ) -> tuple[Compiled, Any, Any]:
        """Return the compiled kernel, its argument table, and the words of its barrier (`emit.barrier`).

        Args:
            lengths: of the sequences; rows are divided so that each part has about as many steps.
            parts: how many parts there are, of the hidden units or of the rows.
            splits_hidden: whether parts are of the hidden units.
            turn: 1 if the first step passes over the hidden units backwards.
        """
        self._copy()
        slots, spec, batch = self.slots, self.kernel, self.batch
        count = 1 if splits_hidden else parts
        if lengths is None:
            arrays = _even_shares(batch, count)
        else:
            longest_first = sorted(range(batch), key=lengths.tolist().__getitem__, reverse=True)
            arrays = _shares(longest_first, count)
        self.keep_alive.append(arrays)
        slots.update(
            {
                arguments.STEPS: self.steps,
                arguments.BATCH: batch,
                arguments.DESCENDING: int(self.descending),
                arguments.HIDDEN: self.hidden,
                arguments.PADDED_HIDDEN: self.padded_hidden,
                arguments.SPLIT_HIDDEN: int(splits_hidden),
                arguments.TURN: turn,
                arguments.SHARES: ctypes.addressof(arrays[-1]),
                arguments.SHARE_COUNT: count,
            }
        )
        self.set_room(arguments.BARRIER, 2 * APART)
        slots[arguments.BARRIER] += 8 * APART
        barrier = _array_type(WORDS).from_address(slots[arguments.BARRIER])
        for name in spec.row_lists:
            self.set_room(name, parts * (batch + APART))
        function = compiled(spec)
        return function, function.filled(slots), barrier

    def _copy(self) -> None:
        if not self.copies:
            return
        array, count = whole_numbers(self.copies), len(self.copies) // len(CopyJob._fields)
        parts = threads_to_use() if self.copied > WORTH_SHARING else 1
        spec = CopySpec(self.kernel.double, self.kernel.lanes)
        given = CopyArguments(ctypes.addressof(array), count)
        launch_kernel(spec, given, parts, (array, self.keep_alive))
        self.copies, self.copied = [], 0


def launch_kernel(spec: Spec, given: NamedTuple, parts: int, keep_alive: object) -> None:
    """Run a compiled kernel on its arguments; ``keep_alive`` is what the addresses among them belong to."""
    function = compiled(spec)
    run_parts(function, function.filled_in_order(given), parts, keep_alive)


def whole_numbers(numbers: Sequence[int]) -> Any:
    """Return an array of whole numbers."""
    return _array_type(len(numbers))(*numbers)


@functools.lru_cache(maxsize=1024)
def _array_type(count: int) -> Any:
    # ctypes forgets a type that has no array, and making it again takes ten times as long as making an array of it.
    return ctypes.c_int64 * count


def _shares(rows: Sequence[int], count: int) -> tuple[Any, ...]:
    """Deal out rows: an array of the rows of each share, then one with the address and size of each share."""
    shares = [sorted(rows[n::count]) for n in range(count)]
    arrays = [whole_numbers(own) for own in shares]
    described = [n for own in arrays for n in (ctypes.addressof(own), len(own))]
    return (*arrays, whole_numbers(described))


@functools.lru_cache(maxsize=64)
def _even_shares(batch: int, count: int) -> tuple[Any, ...]:
    """The shares of rows that are all equally long, which kernels only read."""
    return _shares(range(batch), count)


def splits_hidden(launch: Launch, threads: int) -> bool:
    """Whether threads had better divide the hidden units than the rows.

    A thread with its own rows reads all weights at every step. Where rows are few, that is most of the work.
    """
    return launch.batch < max(threads, ROWS_TO_SPLIT * launch.hidden // 512)


def fuses_input(batch: int, hidden: int, operands: str) -> bool:
    """Whether the product with the input is better computed inside the loop over time than before it.

    Inside, its result is never written to memory, but its weights are read at every step. In bfloat16 these are half as
    large, and the result is not.
    """
    return batch >= (max(4, hidden // 64) if operands else max(8, hidden // 32))


def held(dtype: torch.dtype) -> str:
    """Return how products of tensors of a dtype hold their operands (`KernelSpec.operands`)."""
    return "bfloat16" if dtype == torch.bfloat16 else ""


def padded_size(size: int, lanes: int) -> int:
    """Round a size up to whole vectors."""
    return -(-size // lanes) * lanes


def pad_last_dimension(tensor: Tensor, lanes: int) -> Tensor:
    """Return a contiguous tensor whose last dimension is padded to whole vectors with zeros."""
    size = tensor.shape[-1]
    if size == padded_size(size, lanes):
        return tensor.contiguous()
    room = tensor.new_zeros(*tensor.shape[:-1], padded_size(size, lanes))
    room[..., :size] = tensor
    return room


def kernel_for(
    program: Program,
    stored: Sequence[tuple[str, int]],
    dtype: torch.dtype,
    batch: int,
    hidden: int,
    outputs: int,
    *,
    fused_input: bool,
    output: str,
    placed: bool = False,
    heads: bool = False,
    rounded: frozenset[str] = frozenset(),
    batch_invariant: bool = False,
) -> KernelSpec:
    """Return the specification of a Program's kernel on this machine."""
    operands = held(dtype)
    double, few_rows = dtype == torch.float64, batch <= 2
    chained = few_rows and not batch_invariant
    lanes = instruction_set().vector_bytes // (8 if double else 4)
    vectors = -(-hidden // lanes), -(-outputs // lanes)
    own = double, fused_input, few_rows, chained, lanes, vectors, output, placed, heads, operands, rounded
    return _specification(program, tuple(stored), *own)


@functools.lru_cache(maxsize=1024)
def _specification(
    program: Program,
    stored: tuple[tuple[str, int], ...],
    double: bool,
    fused_input: bool,
    few_rows: bool,
    chained: bool,
    lanes: int,
    vectors: tuple[int, int],
    output: str,
    placed: bool,
    heads: bool,
    operands: str,
    rounded: frozenset[str],
) -> KernelSpec:
    registers, more = instruction_set().registers, (output, placed, heads, operands, rounded)
    spec = KernelSpec(program, stored, double, fused_input, few_rows, chained, lanes, registers, (), *more)
    wide = few_rows and not chained
    return replace(
        spec, blocks=tuple(blocks_for(stage, vectors[stage.projected], registers, wide=wide) for stage in spec.stages)
    )
