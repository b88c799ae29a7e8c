"""The launches of a call, noted once and run again for calls of the same sizes.

At small sizes a call takes longer to prepare than to run. So a call of a kind that was seen before is prepared on
tensors that stand for the caller's, and its launches are noted instead of run: packing the weights, copying what has to
be padded, the kernel. Another call of this kind writes its tensors' addresses where theirs stand, and launches.

What a kind of call needs besides the caller's tensors (packed weights, padded copies, scratch memory) belongs to the
noted launches, which one call at a time may run: see `Kinds`.
"""

from __future__ import annotations

import ctypes
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor

from tidegate.engine.backends.llvm.emit.barrier import WAS_LATE, WORDS
from tidegate.engine.backends.llvm.launch.cores import partner_was_late
from tidegate.engine.backends.llvm.launch.replay.noting import Noted
from tidegate.engine.backends.llvm.launch.threads import run_parts
from tidegate.engine.kernels import arguments

HELD_BYTES = 1 << 26  # what prepared calls of one direction may keep, of all kinds together
REMEMBERED = 512  # kinds of call, prepared or not


class Replay:
    """Launches that can be run again on other tensors.

    Args:
        noted: the launches, which were noted on tensors that stand for the caller's.
        tensors: these tensors; none shares memory with another.
    """

    def __init__(self, noted: Sequence[Noted], tensors: Iterable[Tensor]):
        self._launches = []
        for function, table, parts, keep_alive in noted:
            barrier = None
            if parts > 1 and arguments.BARRIER in function.table:
                barrier = (ctypes.c_int64 * WORDS).from_address(table[function.table[arguments.BARRIER]])
            self._launches.append((function, table, ctypes.addressof(table), parts, barrier, keep_alive))
        arrays = [*{id(array): array for array in _arrays([*noted])}.values()]
        entries = [(at, array, k) for array in arrays for k, at in enumerate(array) if at]
        entries.sort(key=itemgetter(0))
        addresses = [at for at, _, _ in entries]
        self._places = [_places(tensor, entries, addresses) for tensor in tensors]
        self._last = [0] * len(self._places)

    def __call__(self, tensors: Sequence[Tensor]) -> None:
        """Run the launches on tensors, contiguous and in the order of those that stood for them."""
        last = self._last
        for k, tensor in enumerate(tensors):
            start = tensor.data_ptr()
            if start != last[k]:
                for array, index, offset in self._places[k]:
                    array[index] = start + offset
                last[k] = start
        for function, table, address, parts, barrier, keep_alive in self._launches:
            if parts == 1:
                function.call(address, 0, 1)
            else:
                if barrier is not None:
                    barrier[:] = [0] * WORDS
                run_parts(function, table, parts, keep_alive)
                if barrier is not None and barrier[WAS_LATE]:
                    partner_was_late()


class Prepared(Protocol):
    """A prepared call, which one call at a time may use."""

    @property
    def nbytes(self) -> int:
        """The memory that it keeps."""
        ...


P = TypeVar("P", bound=Prepared)


class Kinds(Generic[P]):
    """Prepared calls by kind; the oldest kinds are dropped first.

    A kind is prepared when it comes the second time. Several calls of one kind at the same time have one each.
    """

    def __init__(self) -> None:
        self._free: dict[Hashable, list[P]] = {}
        self.held = 0  # bytes
        self._lock = lock = threading.Lock()
        if hasattr(os, "register_at_fork"):  # a child must not find it locked by a thread that does not exist there
            os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)

    def take(self, kind: Hashable, prepare: Callable[[], P]) -> P | None:
        """Return a prepared call that is the caller's until `give_back`; None if the kind comes the first time."""
        free = self._free.get(kind)
        if free is None:
            with self._lock:
                self._free[kind] = []
                self._drop_oldest(len(self._free) > REMEMBERED)
            return None
        try:
            return free.pop()  # one operation, so that two threads cannot get the same one
        except IndexError:
            made = prepare()
        with self._lock:
            self.held += made.nbytes
            while self.held > HELD_BYTES and len(self._free) > 1:
                self._drop_oldest(True)
        return made

    def give_back(self, kind: Hashable, used: P) -> None:
        """Let other calls have a prepared call."""
        free = self._free.get(kind)
        if free is not None:
            free.append(used)
        else:
            with self._lock:
                self.held -= used.nbytes

    def _drop_oldest(self, needed: bool) -> None:
        if needed:
            self.held -= sum(one.nbytes for one in self._free.pop(next(iter(self._free))))


def _arrays(things: object) -> Iterator[Any]:
    """Iterate over all arrays of whole numbers in nested lists and tuples."""
    if isinstance(things, ctypes.Array):
        yield things
    elif isinstance(things, list | tuple):
        for thing in things:
            yield from _arrays(thing)


def _places(
    tensor: Tensor, entries: Sequence[tuple[int, Any, int]], addresses: Sequence[int]
) -> list[tuple[Any, int, int]]:
    """List where addresses within a tensor stand: the array, the position in it, and the offset from the start.

    Args:
        tensor: the tensor.
        entries: every number that stands in an array, with the array and the position in it, in ascending order.
        addresses: the numbers alone.
    """
    start = tensor.data_ptr()
    end = start + tensor.numel() * tensor.element_size()
    found = entries[bisect_left(addresses, start) : bisect_left(addresses, end)]
    return [(array, k, at - start) for at, array, k in found]
