"""Copy a matrix into panels: the order in which a product reads its weights.

A panel is some units side by side; in it, element by element, the units' numbers stand together, so that a product
loads whole vectors one after the other. Units past the last are zeros.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I1, I32, Emit, V, emitter
from tidegate.engine.backends.llvm.kernel_spec import Table

JOB = 8  # numbers that describe one matrix to be packed


@dataclass(frozen=True)
class Packing:
    """All that the code of packing depends on.

    Attributes:
        double: numbers are float64.
        along_units: units stand side by side in the matrices; else elements do.
        width: units of a panel.
        lanes: units in a vector.
    """

    double: bool
    along_units: bool
    width: int
    lanes: int

    def key(self) -> tuple[object, ...]:
        """All that the code depends on, as plain data."""
        return ("packing", *astuple(self))


class Pack:
    """Emits the function ``name(table, part, parts)`` that packs matrices into a module.

    The table has the address and the number of jobs; each is ``JOB`` numbers: source, target, stride, units, elements,
    pitch, numbers from one panel to the next, panels.
    """

    def __init__(self, spec: Packing, name: str):
        self.table = Table()
        fn, e = emitter(name, double=spec.double, lanes=spec.lanes)
        self.module = e.module
        b, (table, part, parts) = e.b, fn.args
        jobs, count = e.load_pointer(table, self.table["jobs"]), e.load_i64(table, self.table["count"])

        def job(n: V) -> None:
            own = e.slot(jobs, b.mul(n, e.i64(JOB)))
            source, target = e.load_pointer(own, 0), e.load_pointer(own, 1)
            stride, units, elements, pitch, apart, panels = (e.load_i64(own, k) for k in range(2, JOB))

            def panel(p: V) -> None:
                first = b.mul(p, e.i64(spec.width))
                at = first if spec.along_units else b.mul(first, stride)
                room, left = e.at(target, b.mul(p, apart)), b.sub(units, first)
                copy_panel(e, e.at(source, at), spec.along_units, stride, left, elements, room, spec.width, pitch)

            start, end = e.share(panels, part, parts)
            e.loop(end, panel, start=start)

        e.loop(count, job)
        b.ret_void()


def first_lanes(e: Emit, count: V, lanes: int | None = None) -> V:
    """A mask of the first ``count`` lanes, of none if that is negative."""
    lanes = lanes or e.lanes
    kind = ir.VectorType(I32, lanes)
    numbers = ir.Constant(kind, list(range(lanes)))
    low = e.b.select(e.b.icmp_signed(">", count, e.i64(lanes)), e.i64(lanes), count)
    low = e.b.select(e.b.icmp_signed("<", low, e.i64(0)), e.i64(0), low)
    undefined = ir.Constant(kind, ir.Undefined)
    one = e.b.insert_element(undefined, e.b.trunc(low, I32), ir.Constant(I32, 0))
    return e.b.icmp_signed("<", numbers, e.b.shuffle_vector(one, undefined, ir.Constant(kind, [0] * lanes)))


def masked_load(e: Emit, address: V, mask: V) -> V:
    """The lanes that the mask names, zeros in the others, whose memory is not touched."""
    lanes = mask.type.count
    kind = ir.VectorType(e.real, lanes)
    args = [address, ir.Constant(I32, e.size), mask, ir.Constant(kind, [0.0] * lanes)]
    return e.intrinsic("masked.load", kind, args, f"v{lanes}{e.kind}.p0")


def masked_store(e: Emit, value: V, address: V, mask: V) -> None:
    """Write the lanes that the mask names."""
    lanes = mask.type.count
    e.intrinsic("masked.store", ir.VoidType(), [value, address, ir.Constant(I32, e.size), mask], f"v{lanes}{e.kind}.p0")


def copy_panel(
    e: Emit, source: V, along_units: bool, stride: V, units: V, elements: V, target: V, width: int, pitch: V
) -> None:
    """Copy one panel.

    Args:
        e: where to emit.
        source: the number of the panel's first unit and element.
        along_units: whether units stand side by side in the source (else elements do).
        stride: numbers from one element to the next (or from one unit to the next).
        units: how many units there are; the panel's others become zeros.
        elements: how many elements.
        target: the panel.
        width: units of a panel.
        pitch: numbers from one element to the next in the panel.
    """
    b, blocks = e.b, width // e.lanes
    if along_units:
        masks = [first_lanes(e, b.sub(units, e.i64(v * e.lanes))) for v in range(blocks)]

        def one(k: V) -> None:
            row, room = e.at(source, b.mul(k, stride)), e.at(target, b.mul(k, pitch))
            for v, mask in enumerate(masks):
                e.store(masked_load(e, e.at(row, v * e.lanes), mask), e.at(room, v * e.lanes))

        e.loop(elements, one)
        return

    def squares(k: V) -> None:
        mask = first_lanes(e, b.sub(elements, k))
        room = e.at(target, b.mul(k, pitch))

        def square(first: V) -> None:  # not written out for each vector of a panel: that would be most of all code
            rows = []
            for lane in range(e.lanes):
                unit = b.add(first, e.i64(lane))
                own = b.and_(mask, _everywhere(e, b.icmp_signed("<", unit, units)))
                rows.append(masked_load(e, e.at(source, b.add(b.mul(unit, stride), k)), own))
            for lane, row in enumerate(transposed(e, rows)):
                with b.if_then(b.icmp_signed("<", b.add(k, e.i64(lane)), elements)):
                    e.store(row, e.at(room, b.add(b.mul(e.i64(lane), pitch), first)))

        e.loop(width, square, step=e.lanes)

    e.loop(elements, squares, step=e.lanes)


def transposed(e: Emit, rows: list[V]) -> list[V]:
    """A square of vectors, transposed: blocks off the diagonal change places, ever smaller ones."""
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


def _everywhere(e: Emit, flag: V) -> V:
    kind = ir.VectorType(I1, e.lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    first = e.b.insert_element(undefined, flag, ir.Constant(I32, 0))
    return e.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, e.lanes), [0] * e.lanes))
