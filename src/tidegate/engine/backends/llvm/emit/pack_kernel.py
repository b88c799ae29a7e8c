"""Pack a matrix into panels: the order in which a product reads its weights.

A panel has some hidden units side by side; in it, element by element, the numbers of these hidden units stand together,
so that a product loads whole vectors one after the other. The padding after the last hidden unit is zeros.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I1, I32, Emit, Emitted, V, emitter
from tidegate.engine.kernels.arguments import ArgumentTable, PackArguments, PackJob


@dataclass(frozen=True)
class PackSpec:
    """Everything that the code of the pack kernel depends on.

    Attributes:
        double: numbers are float64.
        along_hidden: hidden units are adjacent in the matrices; otherwise elements are.
        width: hidden units of a panel.
        lanes: numbers in a vector.
    """

    double: bool
    along_hidden: bool
    width: int
    lanes: int

    def key(self) -> tuple[object, ...]:
        """Everything that the code depends on, as plain data."""
        return ("pack", *astuple(self))


def emit_pack(spec: PackSpec, name: str) -> Emitted:
    """Emit the function ``name(table, part, parts)`` that works on a list of `PackJob`."""
    table = ArgumentTable()
    fn, e = emitter(name, double=spec.double, lanes=spec.lanes)
    b, (pointer, part, parts) = e.b, fn.args
    slots = PackArguments(*(table[field] for field in PackArguments._fields))
    jobs, count = e.load_pointer(pointer, slots.pack_jobs), e.load_i64(pointer, slots.job_count)

    def pack(n: V) -> None:
        numbers = e.slot(jobs, b.mul(n, e.i64(len(PackJob._fields))))
        addresses = [e.load_pointer(numbers, k) for k in range(2)]
        job = PackJob(*addresses, *(e.load_i64(numbers, k) for k in range(2, len(PackJob._fields))))

        def panel(p: V) -> None:
            first = b.mul(p, e.i64(spec.width))
            source = e.at(job.source, first if spec.along_hidden else b.mul(first, job.stride))
            target, left = e.at(job.target, b.mul(p, job.panel_size)), b.sub(job.hidden, first)
            copy_panel(e, source, spec.along_hidden, job.stride, left, job.elements, target, spec.width, job.pitch)

        start, end = e.share(job.panels, part, parts)
        e.loop(end, panel, start=start)

    e.loop(count, pack)
    b.ret_void()
    return Emitted(e.module, table)


def first_lanes(e: Emit, count: V, lanes: int | None = None) -> V:
    """Return a mask of the first ``count`` lanes; of none if that is negative."""
    lanes = lanes or e.lanes
    kind = ir.VectorType(I32, lanes)
    numbers = ir.Constant(kind, list(range(lanes)))
    low = e.b.select(e.b.icmp_signed(">", count, e.i64(lanes)), e.i64(lanes), count)
    low = e.b.select(e.b.icmp_signed("<", low, e.i64(0)), e.i64(0), low)
    undefined = ir.Constant(kind, ir.Undefined)
    one = e.b.insert_element(undefined, e.b.trunc(low, I32), ir.Constant(I32, 0))
    return e.b.icmp_signed("<", numbers, e.b.shuffle_vector(one, undefined, ir.Constant(kind, [0] * lanes)))


def masked_load(e: Emit, address: V, mask: V) -> V:
    """Load the lanes in the mask; the others are zeros, and their memory is not read."""
    lanes = mask.type.count
    kind = ir.VectorType(e.real, lanes)
    args = [address, ir.Constant(I32, e.size), mask, ir.Constant(kind, [0.0] * lanes)]
    return e.intrinsic("masked.load", kind, args, f"v{lanes}{e.kind}.p0")


def masked_store(e: Emit, value: V, address: V, mask: V) -> None:
    """Store the lanes in the mask."""
    lanes = mask.type.count
    e.intrinsic("masked.store", ir.VoidType(), [value, address, ir.Constant(I32, e.size), mask], f"v{lanes}{e.kind}.p0")


def copy_panel(
    e: Emit, source: V, along_columns: bool, stride: V, columns: V, elements: V, target: V, width: int, pitch: V
) -> None:
    """Copy some columns of a matrix (elements, columns) into one panel.

    Args:
        e: where to emit.
        source: the address of the panel's first column and element.
        along_columns: columns are adjacent in the source; otherwise elements are.
        stride: from one element to the next (or from one column to the next).
        columns: the number of columns; the rest of the panel becomes zeros.
        elements: the number of elements.
        target: the panel.
        width: columns of a panel.
        pitch: from one element to the next in the panel.
    """
    b, blocks = e.b, width // e.lanes
    if along_columns:
        masks = [first_lanes(e, b.sub(columns, e.i64(v * e.lanes))) for v in range(blocks)]

        def one(k: V) -> None:
            row, room = e.at(source, b.mul(k, stride)), e.at(target, b.mul(k, pitch))
            for v, mask in enumerate(masks):
                e.store(masked_load(e, e.at(row, v * e.lanes), mask), e.at(room, v * e.lanes))

        e.loop(elements, one)
        return

    def squares(k: V) -> None:
        mask = first_lanes(e, b.sub(elements, k))
        room = e.at(target, b.mul(k, pitch))

        def square(
            first: V,
        ) -> None:  # a loop, not unrolled over the vectors of a panel, which would be most of the code
            rows = []
            for lane in range(e.lanes):
                column = b.add(first, e.i64(lane))
                own = b.and_(mask, _in_every_lane(e, b.icmp_signed("<", column, columns)))
                rows.append(masked_load(e, e.at(source, b.add(b.mul(column, stride), k)), own))
            for lane, row in enumerate(transposed(e, rows)):
                with b.if_then(b.icmp_signed("<", b.add(k, e.i64(lane)), elements)):
                    e.store(row, e.at(room, b.add(b.mul(e.i64(lane), pitch), first)))

        e.loop(width, square, step=e.lanes)

    e.loop(elements, squares, step=e.lanes)


def transposed(e: Emit, rows: list[V]) -> list[V]:
    """Transpose a square of vectors: blocks off the diagonal are exchanged, then smaller ones inside them."""
    lanes, rows = len(rows), list(rows)
    distance = lanes // 2
    while distance:
        low = [n if not n & distance else lanes + n - distance for n in range(lanes)]
        high = [n + distance if not n & distance else lanes + n for n in range(lanes)]
        kind = ir.VectorType(I32, lanes)
        for n in range(lanes):
            if not n & distance:
                a, b = rows[n], rows[n + distance]
                rows[n] = e.b.shuffle_vector(a, b, ir.Constant(kind, low))
                rows[n + distance] = e.b.shuffle_vector(a, b, ir.Constant(kind, high))
        distance //= 2
    return rows


def _in_every_lane(e: Emit, flag: V) -> V:
    kind = ir.VectorType(I1, e.lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    first = e.b.insert_element(undefined, flag, ir.Constant(I32, 0))
    return e.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, e.lanes), [0] * e.lanes))
