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

    def add_elements(self, units: V, total: V) -> V:
        """The total and all elements of each unit."""
        return self.e.b.fadd(total, units)


class BFloat16Pairs(Operands):
    """Elements in bfloat16, two in a unit: the second is zero past the last element."""

    elements_of_unit = 2

    def __init__(self, e: Emit):
        super().__init__(e)
        self.element = BFLOAT
        self.vector = ir.VectorType(BFLOAT, e.lanes)

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
        return self._dot(weights, operand, total)

    def load_adjacent(self, address: V, elements: V, wanted: V) -> V:
        """Load pairs whose elements are adjacent."""
        e, lanes = self.e, 2 * self.e.lanes
        mask = e.b.and_(first_lanes(e, elements, lanes), e.in_every_lane(wanted, lanes))
        return e.b.bitcast(masked_load(e, address, mask, I16), e.vector)

    def load_neighbours(self, address: V, stride: V, elements: V, mask: V) -> V:
        """Load pairs of neighbouring rows."""
        b, wide = self.e.b, ir.VectorType(I32, mask.type.count)
        both = b.icmp_signed(">", elements, self.e.i64(1))
        other = b.select(both, self.at(address, stride), address)
        low, high = (b.zext(masked_load(self.e, place, mask, I16), wide) for place in (address, other))
        high = b.and_(b.shl(high, ir.Constant(wide, [16] * wide.count)), self.e.splat(b.sext(both, I32), wide))
        return b.bitcast(b.or_(low, high), ir.VectorType(self.e.real, wide.count))

    def add_elements(self, units: V, total: V) -> V:
        """The total and both elements of each pair."""
        ones = ir.Constant(ir.VectorType(I16, 2 * units.type.count), [0x3F80] * (2 * units.type.count))
        return self._dot(units, ones, total)

    def _dot(self, a: V, other: V, total: V) -> V:
        lanes = total.type.count
        pairs = [self.e.b.bitcast(v, ir.VectorType(BFLOAT, 2 * lanes)) for v in (a, other)]
        return self.e.intrinsic("x86.avx512bf16.dpbf16ps", total.type, [total, *pairs], str(32 * lanes))

    def _pair(self, address: V) -> V:
        return self.e.splat(self.e.b.load(address, typ=self.e.real, align=2), self.e.vector)

    def _single(self, address: V) -> V:
        number = self.e.b.zext(self.e.b.load(address, typ=I16, align=2), I32)
        return self.e.splat(self.e.b.bitcast(number, self.e.real), self.e.vector)


def operands_of(e: Emit, held: str) -> Operands:
    """Return how a kernel's products hold weights and operands, given `KernelSpec.operands`."""
    return BFloat16Pairs(e) if held == "bfloat16" else Operands(e)
