"""How products hold weights and operands: what a lane of a vector register multiplies.

A lane holds a *unit*: one element, or in bfloat16 a pair of neighbouring elements, whose two products one instruction
adds to a float32 sum. Packed weights have, unit after unit, a vector of neighbouring hidden units; a unit of the
operand is put into every lane. Both are moved as numbers of the kernel's own size, whatever their bits mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import BFLOAT, I16, I32, Emit, V, first_lanes, masked_load

Body = Callable[[V, int, list[V], Callable[[V], V]], Sequence[V]]


class Operands:
    """Elements of the kernel's own type, one in a unit.

    Args:
        e: where to emit.
    """

    elements_of_unit = 1

    def __init__(self, e: Emit):
        self.e, self.element = e, e.real

    # Elements in memory, as a vector of the kernel's numbers.

    def at(self, base: V, offset: V | int) -> V:
        """The address of the element ``offset`` elements after ``base``."""
        offset = self.e.i64(offset) if isinstance(offset, int) else offset
        return self.e.b.gep(base, [offset], source_etype=self.element)

    def load(self, address: V) -> V:
        """Load a vector of elements."""
        return self.e.load(address)

    def store(self, value: V, address: V) -> None:
        """Store a vector of elements."""
        self.e.store(value, address)

    # Products.

    def units(self, elements: V) -> V:
        """The number of units in which some elements are held."""
        return elements

    def first_element(self, unit: V) -> V:
        """The number of a unit's first element."""
        return unit

    def accumulate(self, elements: V, unroll: int, sums: Sequence[V], body: Body) -> list[V]:
        """For each unit of an operand: sums = body(unit, its place among the unrolled, sums, broadcast).

        ``broadcast`` takes the address of the unit's first element.
        """
        e, b = self.e, self.e.b
        whole = b.sub(elements, b.urem(elements, e.i64(unroll)))
        sums = e.accumulate(e.i64(0), whole, unroll, sums, lambda k, u, s: body(k, u, s, e.broadcast))
        return e.accumulate(whole, elements, 1, sums, lambda k, u, s: body(k, u, s, e.broadcast))

    def multiply_add(self, operand: V, weights: V, total: V) -> V:
        """The total and the products of an operand and weights, unit by unit."""
        return self.e.fma(operand, weights, total)

    # Packing.

    def load_adjacent(self, address: V, elements: V, wanted: V) -> V:
        """Load a vector of the units that begin at an address, of ``elements`` that are left; none unless wanted."""
        mask = self.e.b.and_(first_lanes(self.e, elements), self.e.in_every_lane(wanted, self.e.lanes))
        return masked_load(self.e, address, mask)

    def load_neighbours(self, address: V, stride: V, elements: V, mask: V) -> V:
        """Load a vector of units of neighbouring rows; the elements of a unit are ``stride`` apart."""
        del stride, elements
        return masked_load(self.e, address, mask)

    def total(self, units: V) -> V:
        """The sum of the elements of each unit."""
        return units


class BFloat16Pairs(Operands):
    """Elements in bfloat16, two in a unit: the second is zero past the last element."""

    elements_of_unit = 2

    def __init__(self, e: Emit):
        super().__init__(e)
        self.element = BFLOAT
        self.vector = ir.VectorType(BFLOAT, e.lanes)
        self.pairs = ir.VectorType(BFLOAT, 2 * e.lanes)

    def load(self, address: V) -> V:
        """Load a vector of elements, as float32."""
        return self.e.b.fpext(self.e.b.load(address, typ=self.vector, align=2), self.e.vector)

    def store(self, value: V, address: V) -> None:
        """Store a vector of elements, rounded."""
        self.e.b.store(self.e.b.fptrunc(value, self.vector), address, align=2)

    def units(self, elements: V) -> V:
        """The number of pairs."""
        return self.e.b.lshr(self.e.b.add(elements, self.e.i64(1)), self.e.i64(1))

    def first_element(self, unit: V) -> V:
        """The number of a pair's first element."""
        return self.e.b.shl(unit, self.e.i64(1))

    def accumulate(self, elements: V, unroll: int, sums: Sequence[V], body: Body) -> list[V]:
        """As `Operands.accumulate`; the last element of an odd number of them is a pair with zero."""
        e, b = self.e, self.e.b
        pairs = b.lshr(elements, e.i64(1))
        whole = b.sub(pairs, b.urem(pairs, e.i64(unroll)))
        sums = e.accumulate(e.i64(0), whole, unroll, sums, lambda k, u, s: body(k, u, s, self._pair))
        sums = e.accumulate(whole, pairs, 1, sums, lambda k, u, s: body(k, u, s, self._pair))
        # What follows the last element may be anything, so it is not read.
        return e.accumulate(pairs, self.units(elements), 1, sums, lambda k, u, s: body(k, u, s, self._single))

    def multiply_add(self, operand: V, weights: V, total: V) -> V:
        """The total and both products of each pair."""
        operand, weights = (self.e.b.bitcast(v, self.pairs) for v in (operand, weights))
        name = "x86.avx512bf16.dpbf16ps"
        return self.e.intrinsic(name, total.type, [total, weights, operand], str(32 * self.e.lanes))

    def load_adjacent(self, address: V, elements: V, wanted: V) -> V:
        """Load pairs whose elements are adjacent."""
        e, lanes = self.e, 2 * self.e.lanes
        mask = e.b.and_(first_lanes(e, elements, lanes), e.in_every_lane(wanted, lanes))
        return e.b.bitcast(masked_load(e, address, mask, I16), e.vector)

    def load_neighbours(self, address: V, stride: V, elements: V, mask: V) -> V:
        """Load pairs of neighbouring rows."""
        b, lanes = self.e.b, mask.type.count
        second = b.and_(mask, self.e.in_every_lane(b.icmp_signed(">", elements, self.e.i64(1)), lanes))
        wide = ir.VectorType(I32, lanes)
        low, high = (
            b.zext(masked_load(self.e, place, own, I16), wide)
            for place, own in ((address, mask), (self.at(address, stride), second))
        )
        return b.bitcast(b.or_(low, b.shl(high, _every(wide, 16))), ir.VectorType(self.e.real, lanes))

    def total(self, units: V) -> V:
        """The sum of the two elements of each pair."""
        b, wide = self.e.b, ir.VectorType(I32, units.type.count)
        both = b.bitcast(units, wide)
        low, high = b.shl(both, _every(wide, 16)), b.and_(both, _every(wide, -0x10000))
        return b.fadd(b.bitcast(low, units.type), b.bitcast(high, units.type))

    def _pair(self, address: V) -> V:
        return self.e.splat(self.e.b.load(address, typ=self.e.real, align=2), self.e.vector)

    def _single(self, address: V) -> V:
        number = self.e.b.zext(self.e.b.load(address, typ=I16, align=2), I32)
        return self.e.splat(self.e.b.bitcast(number, self.e.real), self.e.vector)


def _every(kind: ir.VectorType, number: int) -> V:
    return ir.Constant(kind, [number] * kind.count)


def operands_of(e: Emit, held: str) -> Operands:
    """Return how a kernel's products hold weights and operands, given `KernelSpec.operands`."""
    return BFloat16Pairs(e) if held == "bfloat16" else Operands(e)
