"""How threads divide the work: each has its own rows of the batch, or its own hidden units in all rows."""

from __future__ import annotations

import math
from collections.abc import Callable

from tidegate.engine.backends.llvm.emit.barrier import wait_for_all
from tidegate.engine.backends.llvm.emit.builder import I64, V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.kernels import arguments


class WorkSplit:
    """This thread's share of a kernel's work."""

    def __init__(self, frame: Frame):
        e, b = frame.e, frame.e.b
        _, self.part, self.parts = frame.fn.args
        self.frame = frame
        self.splits_hidden = b.icmp_signed("!=", frame.number(arguments.SPLIT_HIDDEN), e.i64(0))
        self.arrivals = e.variable(I64)  # the value of the barrier's counter when all threads have arrived
        b.store(e.i64(0), self.arrivals)
        padded = [arguments.PADDED_HIDDEN, *([arguments.PADDED_OUTPUTS] if frame.spec.output else [])]
        self.ranges = {id(width): self._range(width) for width in map(frame.number, padded)}

    def range_of(self, width: V) -> tuple[V, V]:
        """Return where this thread's part of a padded size (an argument) begins and ends."""
        return self.ranges[id(width)]

    def _range(self, width: V) -> tuple[V, V]:
        e, b = self.frame.e, self.frame.e.b
        # Whole groups of blocks in every stage, so that a thread reads and writes only its own hidden units, and every
        # group begins where its weights do.
        span = math.lcm(*(tile.blocks for tile in self.frame.spec.tiles)) * e.lanes
        groups = b.sdiv(b.add(width, e.i64(span - 1)), e.i64(span))
        ends = []
        for part in (self.part, b.add(self.part, e.i64(1))):
            end = b.mul(b.sdiv(b.mul(groups, part), self.parts), e.i64(span))
            ends.append(b.select(b.icmp_signed("<", end, width), end, width))
        return b.select(self.splits_hidden, ends[0], e.i64(0)), b.select(self.splits_hidden, ends[1], width)

    def for_each_share(self, body: Callable[[V, V], None]) -> None:
        """Emit ``body(rows, count)`` for each share of the rows that is this thread's."""
        e, b, frame = self.frame.e, self.frame.e.b, self.frame
        first = b.select(self.splits_hidden, e.i64(0), self.part)
        step = b.select(self.splits_hidden, e.i64(1), self.parts)

        def one(n: V) -> None:
            place = b.mul(n, e.i64(2))
            shares = frame.pointer(arguments.SHARES)
            body(e.load_pointer(shares, place), e.load_i64(shares, b.add(place, e.i64(1))))

        e.loop(frame.number(arguments.SHARE_COUNT), one, start=first, step=step)

    def barrier(self) -> None:
        """Wait until all threads that divide the hidden units have arrived here."""
        e, b = self.frame.e, self.frame.e.b
        with b.if_then(self.splits_hidden):
            counter = self.frame.pointer(arguments.BARRIER)
            target = b.add(b.load(self.arrivals, typ=I64), self.parts)
            b.store(target, self.arrivals)
            wait_for_all(e, counter, target)
