"""Prepare a kernel's arguments, run it on all threads, and collect what it wrote.

Buffers have their units padded to whole vectors, so kernels need no special case for the last ones.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.emit.copy_kernel import COPY, Padding
from tidegate.engine.backends.llvm.jit.compile import Compiled, Spec, compiled, registers, vector_bytes
from tidegate.engine.backends.llvm.jit.threads import cores, meetable, run_parts
from tidegate.engine.backends.llvm.kernel_spec import APART, KernelSpec
from tidegate.engine.backends.llvm.launch.buffers import empty
from tidegate.engine.program.program import Program

WORTH_SHARING = 1 << 15  # numbers from which copying is faster on several threads
ROWS_TO_SHARE = 12  # sequences for each 512 units, below which threads share the units


@dataclass
class Launch:
    """One call of a kernel.

    Attributes:
        kernel: what to run.
        steps: T.
        batch: B.
        units: H.
        descending: whether time runs down.
        slots: the table's entries by name.
        keep: what must live until the call is over.
        copies: what is to be copied before the kernel runs, as `Pad` takes it.
        copied: how many numbers that will write.
    """

    kernel: KernelSpec
    steps: int
    batch: int
    units: int
    descending: bool
    slots: dict[str, int] = field(default_factory=dict)
    keep: list[object] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    copied: int = 0

    @property
    def padded(self) -> int:
        """H, rounded up to whole vectors."""
        return padded(self.units, self.kernel.lanes)

    def give(self, name: str, tensor: Tensor, offset: int = 0) -> None:
        """Let the kernel have a tensor's memory, from an element on."""
        self.keep.append(tensor)
        self.slots[name] = tensor.data_ptr() + offset * self.kernel.itemsize

    def give_parts(self, tensor: Tensor, places: Sequence[tuple[str, int]]) -> None:
        """Let the kernel have a tensor's memory under several names, each from an element of its own on."""
        self.keep.append(tensor)
        start, size = tensor.data_ptr(), self.kernel.itemsize
        for name, offset in places:
            self.slots[name] = start + offset * size

    def note(self, name: str, numbers: Sequence[int] | int) -> None:
        """Let the kernel have whole numbers, given or so many of them as room."""
        array = _array_type(numbers)() if isinstance(numbers, int) else whole_numbers(numbers)
        self.keep.append(array)
        self.slots[name] = ctypes.addressof(array)

    def copy(self, source: int, to: int, rows: int, units: int, width: int, more: int = 0) -> None:
        """Before the kernel runs, copy rows of so many units to rows of whole vectors, zeros behind the units.

        Args:
            source: the address; what belongs to it must be in ``keep``, as with the others.
            to: the address of the rows of whole vectors.
            rows: how many.
            units: of a row of the source; none if all is to be zeros.
            width: of a row of the target.
            more: the address of what is added to the source; zero for nothing.
        """
        self.copies += (source, to, more, rows, units, width)
        self.copied += rows * width

    def room(self, rows: int, width: int, source: Tensor | None, like: Tensor) -> Tensor:
        """Memory (rows, width) that begins as the source (rows, ·) does, zeros behind it; as zeros if that is None."""
        room = empty((rows, width), like)
        self.keep.append(room)
        if source is None:
            self.copy(0, room.data_ptr(), rows, 0, width)
        else:
            source = source.contiguous()
            self.keep.append(source)
            self.copy(source.data_ptr(), room.data_ptr(), rows, source.shape[-1], width)
        return room

    def whole_vectors(self, tensor: Tensor) -> Tensor:
        """A contiguous tensor whose last dimension is whole vectors: itself, or a copy, there when the kernel runs."""
        *others, units = tensor.shape
        width = padded(units, self.kernel.lanes)
        if units == width:
            return tensor.contiguous()
        rows = tensor.numel() // units if units else 0
        return self.room(rows, width, tensor, tensor).view(*others, width)

    def split(self, threads: int) -> tuple[bool, int]:
        """Whether threads share the units, and not the rows; and how many of them."""
        together = min(threads, cores()) if meetable() else 1
        sharing = together > 1 and shares_units(self, together)
        return sharing, max(1, min(together, self.padded // self.kernel.lanes) if sharing else min(threads, self.batch))

    def run(self, lengths: Tensor | None, threads: int) -> None:
        """Run it, the work shared among threads: units if that is better, else rows, about as many steps for each."""
        sharing, parts = self.split(threads)
        function, table = self.ready(lengths, parts, sharing=sharing)
        run_parts(function, table, parts, self.keep)

    def ready(self, lengths: Tensor | None, parts: int, *, sharing: bool, turn: int = 0) -> tuple[Compiled, Any]:
        """What to run in so many parts (of the units if they are shared, else of the rows), and its table."""
        self._copy()
        slots, spec, batch = self.slots, self.kernel, self.batch
        count = 1 if sharing else parts
        if lengths is None:
            arrays = _even_shares(batch, count)
        else:
            falling = sorted(range(batch), key=lengths.tolist().__getitem__, reverse=True)
            arrays = _shares(falling, count)
        self.keep.append(arrays)
        slots.update(
            {
                "steps": self.steps,
                "batch": batch,
                "descending": int(self.descending),
                "units": self.units,
                "padded": self.padded,
                "sharing units": int(sharing),
                "turn": turn,
                "shares": ctypes.addressof(arrays[-1]),
                "count of shares": count,
            }
        )
        self.note("meeting", 2 * APART)
        slots["meeting"] += 8 * APART
        for name in spec.notes:
            self.note(name, parts * (batch + APART))
        function = compiled(spec)
        return function, function.filled(slots)

    def _copy(self) -> None:
        if not self.copies:
            return
        array, count = whole_numbers(self.copies), len(self.copies) // COPY
        parts = torch.get_num_threads() if self.copied > WORTH_SHARING else 1
        spec = Padding(self.kernel.double, self.kernel.lanes)
        launch(spec, {"copies": ctypes.addressof(array), "count": count}, parts, (array, self.keep))
        self.copies, self.copied = [], 0


def launch(spec: Spec, slots: Mapping[str, int], parts: int, keep: object) -> None:
    """Run compiled code on a table of addresses and whole numbers; ``keep`` is what the addresses belong to."""
    function = compiled(spec)
    run_parts(function, function.filled(slots), parts, keep)


def whole_numbers(numbers: Sequence[int]) -> Any:
    """An array of whole numbers."""
    return _array_type(len(numbers))(*numbers)


@functools.lru_cache(maxsize=1024)
def _array_type(count: int) -> Any:
    # ctypes forgets a type that has no array, and making one anew takes ten times what its array takes.
    return ctypes.c_int64 * count


def _shares(rows: Sequence[int], count: int) -> tuple[Any, ...]:
    """Rows dealt out: those of each share, and then all shares' addresses and counts."""
    shares = [sorted(rows[n::count]) for n in range(count)]
    arrays = [whole_numbers(own) for own in shares]
    described = [n for own in arrays for n in (ctypes.addressof(own), len(own))]
    return (*arrays, whole_numbers(described))


@functools.lru_cache(maxsize=64)
def _even_shares(batch: int, count: int) -> tuple[Any, ...]:
    """The shares of rows that are all equally long, which kernels only read."""
    return _shares(range(batch), count)


def shares_units(launch: Launch, threads: int) -> bool:
    """Whether threads had better share the units than the rows.

    Each thread reads all weights at every step if it has rows of its own. Where rows are few that is most of the work.
    """
    return launch.batch < max(threads, ROWS_TO_SHARE * launch.units // 512)


def fuses_input(batch: int, units: int) -> bool:
    """Whether the input's product is better done inside the loop over time than before it.

    Inside, its result never goes through memory, but its weights are read at every step.
    """
    return batch >= max(8, units // 32)


def padded(units: int, lanes: int) -> int:
    """Units rounded up to whole vectors."""
    return -(-units // lanes) * lanes


def kernel_for(
    program: Program,
    stored: Sequence[tuple[str, int]],
    dtype: torch.dtype,
    batch: int,
    *,
    fused_input: bool,
    output: str,
    placed: bool = False,
) -> KernelSpec:
    """What a Program's kernel is to be like."""
    return _specification(program, tuple(stored), dtype == torch.float64, fused_input, batch <= 2, output, placed)


@functools.lru_cache(maxsize=1024)
def _specification(
    program: Program,
    stored: tuple[tuple[str, int], ...],
    double: bool,
    fused_input: bool,
    few_rows: bool,
    output: str,
    placed: bool,
) -> KernelSpec:
    lanes = vector_bytes() // (8 if double else 4)
    return KernelSpec(program, stored, double, fused_input, few_rows, lanes, registers(), output, placed)


def pad_units(tensor: Tensor, lanes: int) -> Tensor:
    """A contiguous tensor whose last dimension is whole vectors, zeros in what was added."""
    units = tensor.shape[-1]
    if units == padded(units, lanes):
        return tensor.contiguous()
    room = tensor.new_zeros(*tensor.shape[:-1], padded(units, lanes))
    room[..., :units] = tensor
    return room
