"""Guards around kernels' memory: during a launch every buffer is alone between guards.

A kernel takes addresses, in a table and in arrays of whole numbers. `guarded` copies all memory they point to, points
the addresses to the copies, runs the kernel, and copies back. Between bands of a known pattern a write out of bounds is
found afterwards; a read out of bounds reads the pattern, which shows in the results. Next to a protected page either
ends the process. Memory that the kernel must not write to has to be unchanged.
"""

import ctypes
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tidegate.engine.backends.llvm.front import prepared_step
from tidegate.engine.backends.llvm.launch import buffers, launcher, threads
from tidegate.engine.backends.llvm.launch.replay import replayed_backward, replayed_forward
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.arguments import CopyArguments, CopyJob, PackArguments, PackJob

BAND = 256  # bytes: four of the widest vectors
OFF = 8  # bytes by which every copy misses a whole vector
WRITTEN = {arguments.SCRATCH, arguments.OPERANDS, arguments.ACTIVE, arguments.BARRIER, "c", "room", "sums"}
WRITTEN_KINDS = tuple(
    kind("")
    for kind in (
        arguments.out,
        arguments.state,
        arguments.final,
        arguments.rounded,
        arguments.total,
        arguments.previous,
        arguments.before,
    )
)
JOBS = ((PackArguments._fields, len(PackJob._fields)), (CopyArguments._fields, len(CopyJob._fields)))
PAGE = mmap.PAGESIZE


@dataclass
class Copy:
    """A piece of memory and its copy between guards.

    Attributes:
        start: where it is.
        size: its bytes.
        views: the tensors that are known to lie in it.
        is_numbers: it is an array of whole numbers, among which may be addresses.
        room: the guards and the copy between them.
        at: where the copy begins in ``room``.
        base: the address of ``room``.
    """

    start: int
    size: int
    views: list[Tensor] = field(default_factory=list)
    is_numbers: bool = False
    room: Any = None
    at: int = 0
    base: int = 0

    @property
    def bytes(self) -> bytes:
        return ctypes.string_at(self.base + self.at, self.size)

    def allowed(self) -> Tensor:
        """Which bytes belong to one of the views."""
        inside = torch.zeros(self.size, dtype=torch.bool)
        for view in self.views:
            size = view.element_size()
            places = [size * view.storage_offset(), *(size * step for step in view.stride()), 1]
            inside.as_strided((*view.shape, size), places[1:], places[0]).fill_(True)
        return inside


def copies(keep_alive: object) -> list[Copy]:
    """All memory that a launch keeps alive, each piece once."""
    found: dict[int, Copy] = {}
    stack: list[Any] = [keep_alive]
    while stack:
        it = stack.pop()
        if isinstance(it, list | tuple):
            stack += it
        elif isinstance(it, ctypes.Array):
            found[ctypes.addressof(it)] = Copy(ctypes.addressof(it), ctypes.sizeof(it), is_numbers=True)
        elif isinstance(it, Tensor) and it.untyped_storage().nbytes():
            storage = it.untyped_storage()
            found.setdefault(storage.data_ptr(), Copy(storage.data_ptr(), storage.nbytes())).views.append(it)
    return list(found.values())


def _place_between_bands(copy: Copy, pattern: int) -> None:
    total = copy.size + 2 * BAND + 64
    copy.room = ctypes.create_string_buffer(total)
    copy.base = ctypes.addressof(copy.room)
    copy.at = BAND + (OFF - copy.base - BAND) % 64
    ctypes.memset(copy.base, pattern, total)


def _place_before_a_page(copy: Copy, pattern: int) -> None:
    _place_in_pages(copy, pattern, after=True)


def _place_after_a_page(copy: Copy, pattern: int) -> None:
    _place_in_pages(copy, pattern, after=False)


def _place_in_pages(copy: Copy, pattern: int, *, after: bool) -> None:
    whole = -(-copy.size // PAGE) * PAGE
    copy.room = mmap.mmap(-1, whole + PAGE)
    handle = ctypes.c_char.from_buffer(copy.room)
    address = ctypes.addressof(handle)
    del handle
    forbidden = address + whole if after else address
    copy.base = address if after else address + PAGE
    copy.at = whole - copy.size if after else 0
    ctypes.memset(copy.base, pattern, whole)
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(forbidden), ctypes.c_size_t(PAGE), 0) == 0


PLACES = {"bands": _place_between_bands, "page after": _place_before_a_page, "page before": _place_after_a_page}


@dataclass
class Guard:
    """The number of launches that were watched, and the faults found, one line each."""

    launches: int = 0
    faults: list[str] = field(default_factory=list)


@contextmanager
def guarded(place: str = "bands", pattern: int = 0xFF) -> Iterator[Guard]:
    """Within, every kernel's memory is guarded.

    Args:
        place: "bands" around each buffer, or a forbidden "page after" or "page before" it.
        pattern: the byte that fills what is around a buffer; 0xFF makes NaN.

    Raises:
        AssertionError: when the block ends, a kernel wrote where it must not.
    """
    guard, real = Guard(), threads.run_parts

    def watched(function: Any, table: Any, parts: int, keep_alive: object) -> None:
        guard.launches += 1
        slots = {name: int(table[k]) for name, k in function.table.items()}
        pieces = copies(keep_alive)
        for piece in pieces:
            PLACES[place](piece, pattern)
            ctypes.memmove(piece.base + piece.at, piece.start, piece.size)

        def piece_of(address: int) -> Copy | None:
            return next((p for p in pieces if p.start <= address < p.start + p.size), None)

        def moved(address: int) -> int:
            piece = piece_of(address)
            return address if piece is None else piece.base + piece.at + address - piece.start

        written = [piece_of(slots[name]) for name in slots if name in WRITTEN or name.startswith(WRITTEN_KINDS)]
        for piece in pieces:
            if piece.is_numbers:
                numbers = (ctypes.c_int64 * (piece.size // 8)).from_address(piece.base + piece.at)
                for names, size in JOBS:
                    if slots.keys() == set(names):
                        written += [piece_of(address) for address in numbers[1::size]]  # the targets
                numbers[:] = [moved(number) for number in numbers]
        before = [piece.bytes for piece in pieces]
        real(function, (ctypes.c_int64 * len(table))(*map(moved, table)), parts, (keep_alive, pieces))
        for piece, old in zip(pieces, before, strict=True):
            what = ", ".join(name for name, address in slots.items() if piece_of(address) is piece)
            room = ctypes.string_at(piece.base, piece.at + piece.size + (BAND if place == "bands" else 0))
            if room[: piece.at].strip(bytes([pattern])) or room[piece.at + piece.size :].strip(bytes([pattern])):
                guard.faults.append(f"{what}: written to beyond its {piece.size} bytes")
            if not any(piece is p for p in written):
                if piece.bytes != old:
                    guard.faults.append(f"{what}: written to, though it is only read")
            elif piece.views:
                changed = _bytes(piece.bytes) != _bytes(old)
                if (changed & ~piece.allowed()).any():
                    guard.faults.append(f"{what}: written to outside the part that was given")
            if not piece.is_numbers:
                ctypes.memmove(piece.start, piece.base + piece.at, piece.size)

    with pytest.MonkeyPatch.context() as patch:
        for module in (launcher, prepared_step):
            patch.setattr(module, "run_parts", watched)
        for module in (replayed_forward, replayed_backward):  # every call is prepared anew, so that it can be copied
            patch.setattr(module, "kind_of", lambda *_: None)
        yield guard
    assert guard.launches
    assert not guard.faults, "\n".join(guard.faults)


def _bytes(held: bytes) -> Tensor:
    return torch.frombuffer(bytearray(held), dtype=torch.uint8)


class _Poison(TorchFunctionMode):
    def __init__(self, number: float):
        super().__init__()
        self.number = number

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func in (torch.empty, torch.empty_like, torch.empty_strided, Tensor.new_empty, Tensor.new_empty_strided):
            made.fill_(self.number if made.is_floating_point() else 1)
        return made


@contextmanager
def poisoned(number: float, *, pool_from: int | None = None) -> Iterator[None]:
    """Within, memory that is handed out uninitialised, by PyTorch or by our own pool, holds a number.

    Args:
        number: what it holds.
        pool_from: the bytes from which buffers are the pool's, instead of `buffers.SMALL`.
    """

    def poisonous(real: Any) -> Any:
        return lambda shape, like: real(shape, like).fill_(number)

    with pytest.MonkeyPatch.context() as patch, _Poison(number):
        for name in ("empty", "scratch"):
            real = getattr(buffers, name)
            for module in list(sys.modules.values()):
                if (
                    getattr(module, "__dict__", {}).get(name) is real
                ):  # not getattr, which some modules answer with a warning
                    patch.setattr(module, name, poisonous(real))
        if pool_from is not None:
            patch.setattr(buffers, "SMALL", pool_from)
        yield
