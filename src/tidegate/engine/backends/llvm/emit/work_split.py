"""Who does what: each thread has rows of its own, or units of its own in all rows."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import TYPE_CHECKING

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I32, I64, V

if TYPE_CHECKING:
    from tidegate.engine.backends.llvm.emit.kernel import Kernel

PATIENCE = 256  # looks at the others before the core is offered to somebody else, at each further look
OFFERS = 1024  # offers before sleeping: the thread that is waited for may stand in the queue of another core
NAP = 50  # microseconds


class Share:
    """This thread's share of a kernel's work."""

    def __init__(self, kernel: Kernel):
        e, b = kernel.e, kernel.e.b
        _, self.part, self.parts = kernel.fn.args
        self.kernel = kernel
        self.sharing = b.icmp_signed("!=", kernel.number("sharing units"), e.i64(0))
        self.round = e.variable(I64)
        b.store(e.i64(0), self.round)
        widths = ["padded", "padded outputs"] if kernel.spec.output else ["padded"]
        self.ranges = {id(width): self._range(width) for width in map(kernel.number, widths)}

    def of(self, width: V) -> tuple[V, V]:
        """Of so many units (a number of the table): the first that are this thread's, and where they end."""
        return self.ranges[id(width)]

    def _range(self, width: V) -> tuple[V, V]:
        e, b = self.kernel.e, self.kernel.e.b
        # Whole groups of blocks in every stage, so that a thread meets only its own units.
        span = max((tile.blocks for tile in self.kernel.tiles), default=1) * e.lanes
        groups = b.sdiv(b.add(width, e.i64(span - 1)), e.i64(span))
        ends = []
        for part in (self.part, b.add(self.part, e.i64(1))):
            end = b.mul(b.sdiv(b.mul(groups, part), self.parts), e.i64(span))
            ends.append(b.select(b.icmp_signed("<", end, width), end, width))
        return b.select(self.sharing, ends[0], e.i64(0)), b.select(self.sharing, ends[1], width)

    def each(self, body: Callable[[V, V], None]) -> None:
        """Call ``body(rows, count)`` for each share of the rows that is this thread's."""
        e, b, kernel = self.kernel.e, self.kernel.e.b, self.kernel
        first = b.select(self.sharing, e.i64(0), self.part)
        step = b.select(self.sharing, e.i64(1), self.parts)

        def one(n: V) -> None:
            place = b.mul(n, e.i64(2))
            shares = kernel.pointer("shares")
            body(e.load_pointer(shares, place), e.load_i64(shares, b.add(place, e.i64(1))))

        e.loop(kernel.number("count of shares"), one, start=first, step=step)

    def meet(self) -> None:
        """Wait until all threads that share the units are here."""
        e, b = self.kernel.e, self.kernel.e.b
        with b.if_then(self.sharing):
            meeting = self.kernel.pointer("meeting")
            target = b.add(b.load(self.round, typ=I64), self.parts)
            b.store(target, self.round)
            b.atomic_rmw("add", meeting, e.i64(1), "acq_rel")
            looks = e.variable(I64)
            b.store(e.i64(0), looks)
            head, waiting, here = (b.append_basic_block(name) for name in ("look", "waiting", "here"))
            b.branch(head)
            b.position_at_end(head)
            arrived = b.load_atomic(meeting, "acquire", 8, typ=I64)
            b.cbranch(b.icmp_signed(">=", arrived, target), here, waiting)
            b.position_at_end(waiting)
            self._pause()
            looked = b.add(b.load(looks, typ=I64), e.i64(1))
            b.store(looked, looks)
            if platform.system() != "Windows":
                with b.if_then(b.icmp_signed(">", looked, e.i64(PATIENCE))):
                    b.call(self._function("sched_yield", I32), [])
                with b.if_then(b.icmp_signed(">", looked, e.i64(PATIENCE + OFFERS))):
                    b.call(self._function("usleep", I32, I32), [ir.Constant(I32, NAP)])
            b.branch(head)
            b.position_at_end(here)

    def _pause(self) -> None:
        if platform.machine().lower() in ("x86_64", "amd64"):
            self.kernel.e.b.call(self._function("llvm.x86.sse2.pause", ir.VoidType()), [])

    def _function(self, name: str, result: ir.Type, *args: ir.Type) -> V:
        module = self.kernel.module
        return module.globals.get(name) or ir.Function(module, ir.FunctionType(result, args), name)
