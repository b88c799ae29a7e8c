"""Emit a matrix product: C = A B, or C + A B.

As in Goto & van de Geijn 2008 (Anatomy of High-Performance Matrix Multiplication): a block of B is copied into panels,
which stay in the second-level cache, a few rows of A into the first level, and a tile of C is summed in registers. Each
thread computes its own rows or columns of C. A number of C is always summed in the same order, so the result does not
depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import (
    PTR,
    Emitted,
    V,
    emitter,
    first_lanes,
    masked_load,
    masked_store,
)
from tidegate.engine.backends.llvm.emit.operands import operands_of
from tidegate.engine.backends.llvm.emit.pack_kernel import copy_panel
from tidegate.engine.kernels.arguments import MATMUL_ADDRESSES, ArgumentTable, MatmulArguments

UNITS = 256  # of the inner dimension in a block (`operands.py`)
BLOCK_BYTES = 2048  # of one row of B in a block
COPIED = 8  # rows of A in a copied tile, of which 6 or 8 are used
TILES = 8  # of A copied at a time, so that whole cache lines are read once although a tile is narrower


@dataclass(frozen=True)
class GemmSpec:
    """Everything that the code of a matrix product depends on.

    Attributes:
        double: numbers are float64.
        operands: as in `KernelSpec`, of A and B.
        a_by_rows: rows of A are adjacent in memory (A is a transposed matrix); otherwise the elements of a row are.
        b_by_columns: columns of B are adjacent in memory; otherwise the elements of a column are.
        lanes: numbers in a vector.
        registers: vector registers of the machine.
        blocks: vectors of a tile's row, see `blocks_for`.
    """

    double: bool
    operands: str
    a_by_rows: bool
    b_by_columns: bool
    lanes: int
    registers: int
    blocks: int

    def key(self) -> tuple[object, ...]:
        """Everything that the code depends on, as plain data."""
        return ("gemm", *astuple(self))

    @property
    def rows(self) -> int:
        """Rows of a tile of C: 8, if their sums, a row of B and a number of A have room in registers."""
        return 8 if 9 * self.blocks < self.registers else 6

    @property
    def panels(self) -> int:
        """Panels of B in a block."""
        return BLOCK_BYTES // (self.blocks * self.lanes * (8 if self.double else 4))

    @property
    def room(self) -> int:
        """Numbers of scratch memory that each thread needs."""
        return UNITS * (self.panels * self.blocks * self.lanes + TILES * COPIED)


def blocks_for(columns: int, lanes: int, registers: int) -> int:
    """Return how many vectors a tile of C is wide: such that few of the last tile's are padding."""
    vectors = -(-columns // lanes)
    widths = [it for it in ((4, 3, 2) if registers >= 32 else (2,)) if it <= vectors]
    return min(widths, key=lambda it: -vectors % it, default=1)


def emit_gemm(spec: GemmSpec, name: str) -> Emitted:
    """Emit the function ``name(table, part, parts)`` of a matrix product with `MatmulArguments`."""
    gemm = _Gemm(spec, name)
    gemm.emit()
    return Emitted(gemm.e.module, gemm.table)


class _Gemm:
    given: MatmulArguments

    def __init__(self, spec: GemmSpec, name: str):
        self.spec = spec
        self.table = ArgumentTable()
        self.fn, self.e = emitter(name, double=spec.double, lanes=spec.lanes)
        self.held = operands_of(self.e, spec.operands)
        self.width = spec.blocks * spec.lanes

    def emit(self) -> None:
        e, b, spec = self.e, self.e.b, self.spec
        table, part, parts = self.fn.args
        restore = e.flush_denormals()
        self.given = MatmulArguments(
            *(
                (e.load_pointer if name in MATMUL_ADDRESSES else e.load_i64)(table, self.table[name])
                for name in MatmulArguments._fields
            )
        )
        self.panels = e.at(self.given.room, b.mul(part, e.i64(spec.room)))
        self.copied = e.at(self.panels, UNITS * spec.panels * self.width)
        by_columns = b.icmp_signed("!=", self.given.by_columns, e.i64(0))

        def share(count: V, size: int, mine: V) -> tuple[V, V]:
            """Return where this thread's part of ``count`` begins and ends, in whole tiles, if threads divide it."""
            tiles = b.sdiv(b.add(count, e.i64(size - 1)), e.i64(size))
            ends = []
            for n in (part, b.add(part, e.i64(1))):
                end = b.mul(b.sdiv(b.mul(tiles, n), parts), e.i64(size))
                ends.append(b.select(b.icmp_signed("<", end, count), end, count))
            return b.select(mine, ends[0], e.i64(0)), b.select(mine, ends[1], count)

        elements = UNITS * self.held.elements_of_unit
        top, bottom = share(self.given.rows, spec.rows, b.not_(by_columns))
        left, right = share(self.given.columns, self.width, by_columns)

        def block_of_columns(n0: V) -> None:
            n1 = self._least(b.add(n0, e.i64(spec.panels * self.width)), right)

            def block_of_elements(k0: V) -> None:
                kc = self._least(b.sub(self.given.elements, k0), e.i64(elements))
                e.loop(n1, lambda n: self._copy_b(n, n0, n1, k0, kc), start=n0, step=self.width)
                old = b.or_(b.icmp_signed("!=", k0, e.i64(0)), b.icmp_signed("!=", self.given.add, e.i64(0)))
                first = b.icmp_signed("==", n0, e.i64(0))

                def block_of_rows(m0: V) -> None:
                    m1 = self._least(b.add(m0, e.i64(TILES * spec.rows)), bottom)
                    if spec.a_by_rows:
                        self._copy_a(m0, m1, k0, kc, first)
                    e.loop(m1, lambda m: self._rows(m, m0, m1, n0, n1, k0, kc, old), start=m0, step=spec.rows)

                e.loop(bottom, block_of_rows, start=top, step=TILES * spec.rows)

            e.loop(self.given.elements, block_of_elements, step=elements)

        e.loop(right, block_of_columns, start=left, step=spec.panels * self.width)
        restore()
        b.ret_void()

    def _least(self, a: V, other: V) -> V:
        return self.e.b.select(self.e.b.icmp_signed("<", a, other), a, other)

    def _panel(self, n: V, n0: V) -> V:
        return self.e.at(self.panels, self.e.b.mul(self.e.b.sub(n, n0), self.e.i64(UNITS)))

    def _copy_b(self, n: V, n0: V, n1: V, k0: V, kc: V) -> None:
        e, b = self.e, self.e.b
        at = (k0, n) if self.spec.b_by_columns else (n, k0)
        source = self.held.at(self.given.b, b.add(b.mul(at[0], self.given.b_stride), at[1]))
        pitch = e.i64(self.width)
        copy_panel(
            self.held,
            source,
            self.spec.b_by_columns,
            self.given.b_stride,
            b.sub(n1, n),
            kc,
            self._panel(n, n0),
            self.width,
            pitch,
        )

    def _rows(self, m: V, m0: V, m1: V, n0: V, n1: V, k0: V, kc: V, old: V) -> None:
        """Compute some rows of C, for the columns of a block and the elements of a block."""
        e, b, spec = self.e, self.e.b, self.spec
        count = self._least(b.sub(m1, m), e.i64(spec.rows))
        tile = b.sdiv(b.sub(m, m0), e.i64(spec.rows))
        copied = e.at(self.copied, b.mul(tile, e.i64(UNITS * COPIED)))

        def panel(n: V) -> None:
            self._store(self._tile(copied, m, m1, n, n0, k0, kc), count, m, n, n1, old)

        e.loop(n1, panel, start=n0, step=self.width)

    def _copy_a(self, m0: V, m1: V, k0: V, kc: V, first: V) -> None:
        """Copy some tiles' rows of A, element by element, and add up the sum of each row if it is wanted."""
        e, b, spec = self.e, self.e.b, self.spec
        kind = ir.VectorType(e.real, COPIED)
        places = [b.add(m0, e.i64(n * spec.rows)) for n in range(TILES)]
        counts = [self._least(b.sub(m1, m), e.i64(spec.rows)) for m in places]
        masks = [first_lanes(e, count, COPIED) for count in counts]

        def one(k: V, _: int, totals: list[V]) -> list[V]:
            element = self.held.first_element(k)
            row = self.held.at(self.given.a, b.mul(b.add(k0, element), self.given.a_stride))
            left = b.sub(kc, element)
            new = []
            for n, (m, mask, total) in enumerate(zip(places, masks, totals, strict=True)):
                numbers = self.held.load_neighbours(self.held.at(row, m), self.given.a_stride, left, mask)
                room = e.at(self.copied, b.add(b.mul(k, e.i64(COPIED)), e.i64(n * UNITS * COPIED)))
                b.store(numbers, room, align=e.size)
                new.append(self.held.add_elements(numbers, total))
            return new

        totals = e.accumulate(e.i64(0), self.held.units(kc), 1, [ir.Constant(kind, [0.0] * COPIED)] * TILES, one)
        wanted = b.icmp_unsigned("!=", self.given.sums, ir.Constant(PTR, None))
        with b.if_then(b.and_(wanted, first)):
            for m, mask, total in zip(places, masks, totals, strict=True):
                room = e.at(self.given.sums, m)
                masked_store(e, b.fadd(masked_load(e, room, mask), total), room, mask)

    def _tile(self, copied: V, m: V, m1: V, n: V, n0: V, k0: V, kc: V) -> list[list[V]]:
        """Sum a tile of C in registers; nearly all of the time is spent here.

        Rows past the last repeat the last one and are not stored, so that all tiles share the code.
        """
        e, b, spec, held = self.e, self.e.b, self.spec, self.held
        panel, last = self._panel(n, n0), b.sub(m1, e.i64(1))
        rows = [self._least(b.add(m, e.i64(r)), last) for r in range(spec.rows)]
        own = [self.held.at(self.given.a, b.add(b.mul(row, self.given.a_stride), k0)) for row in rows]

        def multiply(k: V, _: int, sums: list[V], broadcast: Callable[[V], V]) -> list[V]:
            row = e.at(panel, b.mul(k, e.i64(self.width)))
            vectors = [e.load(e.at(row, v * e.lanes)) for v in range(spec.blocks)]
            new = []
            for r in range(spec.rows):
                place = e.at(copied, b.add(b.mul(k, e.i64(COPIED)), e.i64(r)))
                number = broadcast(place if spec.a_by_rows else held.at(own[r], held.first_element(k)))
                new += [held.multiply_add(number, v, s) for v, s in zip(vectors, sums[r * spec.blocks :], strict=False)]
            return new

        sums = [e.const(0.0)] * (spec.rows * spec.blocks)
        sums = held.accumulate(kc, 4, sums, multiply)
        return [sums[r * spec.blocks : (r + 1) * spec.blocks] for r in range(spec.rows)]

    def _store(self, sums: list[list[V]], count: V, m: V, n: V, n1: V, old: V) -> None:
        """Write the first ``count`` rows of a tile to C, or add them to it."""
        e, b, spec = self.e, self.e.b, self.spec
        masks = [first_lanes(e, b.sub(n1, b.add(n, e.i64(v * e.lanes)))) for v in range(spec.blocks)]
        full = b.icmp_signed("<=", b.add(n, e.i64(self.width)), n1)
        for r, row in enumerate(sums):
            with b.if_then(b.icmp_signed("<", e.i64(r), count)):
                start = e.at(self.given.c, b.add(b.mul(b.add(m, e.i64(r)), self.given.c_stride), n))
                with b.if_else(full) as (whole, partly):
                    with whole, b.if_else(old) as (more, new):
                        for add, branch in ((True, more), (False, new)):
                            with branch:
                                for v, value in enumerate(row):
                                    place = e.at(start, v * e.lanes)
                                    e.store(b.fadd(e.load(place), value) if add else value, place)
                    with partly:
                        for v, (value, mask) in enumerate(zip(row, masks, strict=True)):
                            place = e.at(start, v * e.lanes)
                            before = b.select(old, mask, ir.Constant(mask.type, [0] * e.lanes))
                            masked_store(e, b.fadd(masked_load(e, place, before), value), place, mask)
