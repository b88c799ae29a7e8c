"""Copy rows into rows of whole vectors: biases, states and gradients as the kernels want them.

Units past the last become zeros. One launch does all the copies that a kernel needs: each would be an operation of
PyTorch or two, and at small sizes these take longer than the kernel.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import PTR, V, emitter
from tidegate.engine.backends.llvm.emit.pack_kernel import first_lanes, masked_load
from tidegate.engine.backends.llvm.kernel_spec import Table

COPY = 6  # numbers that describe one copy


@dataclass(frozen=True)
class Padding:
    """All that the code of padding depends on.

    Attributes:
        double: numbers are float64.
        lanes: units in a vector.
    """

    double: bool
    lanes: int

    def key(self) -> tuple[object, ...]:
        """All that the code depends on, as plain data."""
        return ("padding", *astuple(self))


class Pad:
    """Emits the function ``name(table, part, parts)`` that copies rows into a module.

    The table has the address and the number of copies; each is ``COPY`` numbers: source, target, another source that is
    added (or zero), rows, units of the sources' rows (none: all becomes zeros) and of the target's. Copies of as many
    rows are done one after the other by the same thread, so one may read what another wrote.
    """

    def __init__(self, spec: Padding, name: str):
        self.table = Table()
        fn, e = emitter(name, double=spec.double, lanes=spec.lanes)
        self.module = e.module
        b, (table, part, parts) = e.b, fn.args
        copies, count = e.load_pointer(table, self.table["copies"]), e.load_i64(table, self.table["count"])

        def copy(n: V) -> None:
            own = e.slot(copies, b.mul(n, e.i64(COPY)))
            source, target, more = (e.load_pointer(own, k) for k in range(3))
            rows, units, width = (e.load_i64(own, k) for k in range(3, COPY))
            start, end = e.share(rows, part, parts)
            added = b.icmp_unsigned("!=", more, ir.Constant(PTR, None))

            def row(r: V) -> None:
                first, second = (e.at(start, b.mul(r, units)) for start in (source, more))
                to = e.at(target, b.mul(r, width))

                def vector(j: V) -> None:
                    mask = first_lanes(e, b.sub(units, j))
                    value = masked_load(e, e.at(first, j), mask)
                    none = ir.Constant(mask.type, [0] * e.lanes)
                    other = masked_load(e, e.at(second, j), b.select(added, mask, none))
                    e.store(b.select(added, b.fadd(value, other), value), e.at(to, j))

                e.loop(width, vector, step=e.lanes)

            e.loop(end, row, start=start)

        e.loop(count, copy)
        b.ret_void()
