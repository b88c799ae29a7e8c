"""Pack a matrix into panels: the order in which a product reads its weights.

A panel has some hidden units side by side; in it, element by element (in bfloat16 pair by pair, see `operands.py`), the
numbers of these hidden units stand together, so that a product loads whole vectors one after the other. The padding
after the last hidden unit is zeros.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I32, Emit, Emitted, V, emitter, first_lanes
from tidegate.engine.backends.llvm.emit.operands import Operands, operands_of
from tidegate.engine.kernels.arguments import ArgumentTable, PackArguments, PackJob


@dataclass(frozen=True)
class PackSpec:
    """Everything that the code of the pack kernel depends on.

    Attributes:
        double: numbers are float64.
        operands: as in `KernelSpec`.
        along_hidden: hidden units are adjacent in the matrices; otherwise elements are.
        width: hidden units of a panel.
        lanes: numbers in a vector.
    """

    double: bool
    operands: str
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
    b, (pointer, part, parts), held = e.b, fn.args, operands_of(e, spec.operands)
    slots = PackArguments(*(table[field] for field in PackArguments._fields))
    jobs, count = e.load_pointer(pointer, slots.pack_jobs), e.load_i64(pointer, slots.job_count)

    def pack(n: V) -> None:
        numbers = e.slot(jobs, b.mul(n, e.i64(len(PackJob._fields))))
        addresses = [e.load_pointer(numbers, k) for k in range(2)]
        job = PackJob(*addresses, *(e.load_i64(numbers, k) for k in range(2, len(PackJob._fields))))

        def panel(p: V) -> None:
            first = b.mul(p, e.i64(spec.width))
            source = held.at(job.source, first if spec.along_hidden else b.mul(first, job.stride))
            target, left = e.at(job.target, b.mul(p, job.panel_size)), b.sub(job.hidden, first)
            copy_panel(held, source, spec.along_hidden, job.stride, left, job.elements, target, spec.width, job.pitch)

        start, end = e.share(job.panels, part, parts)
        e.loop(end, panel, start=start)

    e.loop(count, pack)
    b.ret_void()
    return Emitted(e.module, table)


def copy_panel(
    held: Operands,
    source: V,
    along_columns: bool,
    stride: V,
    columns: V,
    elements: V,
    target: V,
    width: int,
    pitch: V,
) -> None:
    """Copy some columns of a matrix (elements, columns) into one panel, unit by unit.

    Args:
        held: how products hold elements.
        source: the address of the panel's first column and element.
        along_columns: columns are adjacent in the source; otherwise elements are.
        stride: from one element to the next (or from one column to the next).
        columns: the number of columns; the rest of the panel becomes zeros.
        elements: the number of elements.
        target: the panel.
        width: columns of a panel.
        pitch: from one unit to the next in the panel.
    """
    e, b, blocks = held.e, held.e.b, width // held.e.lanes
    units = held.units(elements)
    if along_columns:
        masks = [first_lanes(e, b.sub(columns, e.i64(v * e.lanes))) for v in range(blocks)]

        def one(k: V) -> None:
            element = held.first_element(k)
            row, room, left = (
                held.at(source, b.mul(element, stride)),
                e.at(target, b.mul(k, pitch)),
                b.sub(elements, element),
            )
            for v, mask in enumerate(masks):
                e.store(held.load_neighbours(held.at(row, v * e.lanes), stride, left, mask), e.at(room, v * e.lanes))

        e.loop(units, one)
        return

    def squares(k: V) -> None:
        element = held.first_element(k)
        left = b.sub(elements, element)
        room = e.at(target, b.mul(k, pitch))

        def square(
            first: V,
        ) -> None:  # a loop, not unrolled over the vectors of a panel, which would be most of the code
            rows = []
            for lane in range(e.lanes):
                column = b.add(first, e.i64(lane))
                place = held.at(source, b.add(b.mul(column, stride), element))
                rows.append(held.load_adjacent(place, left, b.icmp_signed("<", column, columns)))
            for lane, row in enumerate(transposed(e, rows)):
                with b.if_then(b.icmp_signed("<", b.add(k, e.i64(lane)), units)):
                    e.store(row, e.at(room, b.add(b.mul(e.i64(lane), pitch), first)))

        e.loop(width, square, step=e.lanes)

    e.loop(units, squares, step=e.lanes)


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
