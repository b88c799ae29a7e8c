"""Copy rows into rows padded to whole vectors: biases, states and gradients as the kernels read them.

The padding becomes zeros. One launch makes all the copies that a kernel needs: each would be an operation of PyTorch or
two, and at small sizes these take longer than the kernel.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import PTR, Emitted, V, emitter, first_lanes, masked_load
from tidegate.engine.kernels.arguments import ArgumentTable, CopyArguments, CopyJob


@dataclass(frozen=True)
class CopySpec:
    """Everything that the code of the copy kernel depends on.

    Attributes:
        double: numbers are float64.
        lanes: numbers in a vector.
    """

    double: bool
    lanes: int

    def key(self) -> tuple[object, ...]:
        """Everything that the code depends on, as plain data."""
        return ("copy", *astuple(self))


def emit_copy(spec: CopySpec, name: str) -> Emitted:
    """Emit the function ``name(table, part, parts)`` that works on a list of `CopyJob`.

    Jobs with equally many rows are done in order by the same thread, so one may read what another wrote.
    """
    table = ArgumentTable()
    fn, e = emitter(name, double=spec.double, lanes=spec.lanes)
    b, (pointer, part, parts) = e.b, fn.args
    slots = CopyArguments(*(table[field] for field in CopyArguments._fields))
    jobs, count = e.load_pointer(pointer, slots.copy_jobs), e.load_i64(pointer, slots.job_count)

    def copy(n: V) -> None:
        numbers = e.slot(jobs, b.mul(n, e.i64(len(CopyJob._fields))))
        addresses = [e.load_pointer(numbers, k) for k in range(3)]
        job = CopyJob(*addresses, *(e.load_i64(numbers, k) for k in range(3, len(CopyJob._fields))))
        start, end = e.share(job.rows, part, parts)
        is_added = b.icmp_unsigned("!=", job.added, ir.Constant(PTR, None))

        def row(r: V) -> None:
            first, second = (e.at(start, b.mul(r, job.size)) for start in (job.source, job.added))
            to = e.at(job.target, b.mul(r, job.width))

            def vector(j: V) -> None:
                mask = first_lanes(e, b.sub(job.size, j))
                value = masked_load(e, e.at(first, j), mask)
                none = ir.Constant(mask.type, [0] * e.lanes)
                other = masked_load(e, e.at(second, j), b.select(is_added, mask, none))
                e.store(b.select(is_added, b.fadd(value, other), value), e.at(to, j))

            e.loop(job.width, vector, step=e.lanes)

        e.loop(end, row, start=start)

    e.loop(count, copy)
    b.ret_void()
    return Emitted(e.module, table)
