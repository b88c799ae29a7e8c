"""Write LLVM IR: a thin layer over llvmlite's builder, with loops and vectors."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from llvmlite import ir

from tidegate.engine.kernels.arguments import ArgumentTable

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
PTR = ir.PointerType()


class _BFloatType(ir.Type):
    """LLVM's bfloat, which llvmlite has no type for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloatType)

    def __hash__(self) -> int:
        return hash(_BFloatType)


BFLOAT = _BFloatType()
V = Any  # an ir.Value; llvmlite has no types of its own


class Emitted(NamedTuple):
    """The IR of a kernel.

    Attributes:
        module: a module with the one function.
        table: positions of the arguments in the function's table.
    """

    module: ir.Module
    table: ArgumentTable


def emitter(name: str, *, double: bool, lanes: int) -> tuple[ir.Function, Emit]:
    """Begin the function ``name(table, part, parts)`` in a module of its own."""
    fn = ir.Function(ir.Module("tidegate"), ir.FunctionType(ir.VoidType(), [PTR, I64, I64]), name)
    real = ir.DoubleType() if double else ir.FloatType()
    return fn, Emit(ir.IRBuilder(fn.append_basic_block("entry")), real, lanes)


class Emit:
    """Emits one function.

    Args:
        builder: where instructions go.
        real: the type of a number, ``ir.FloatType()`` or ``ir.DoubleType()``.
        lanes: numbers in one vector.
    """

    def __init__(self, builder: ir.IRBuilder, real: ir.Type, lanes: int):
        self.b, self.real, self.lanes = builder, real, lanes
        self.module = builder.module
        self.double = isinstance(real, ir.DoubleType)
        self.size = 8 if self.double else 4
        self.vector = ir.VectorType(real, lanes)
        self.integers = ir.VectorType(I64 if self.double else I32, lanes)

    # Numbers and addresses.

    def share(self, count: V, part: V, parts: V) -> tuple[V, V]:
        """Return where one of ``parts`` equal parts of ``count`` begins and ends."""
        start, end = (self.b.sdiv(self.b.mul(count, k), parts) for k in (part, self.b.add(part, self.i64(1))))
        return start, end

    def i64(self, value: int) -> V:
        return ir.Constant(I64, value)

    def const(self, value: float) -> V:
        return ir.Constant(self.vector, [value] * self.lanes)

    def integer(self, value: int) -> V:
        return ir.Constant(self.integers, [value] * self.lanes)

    def at(self, base: V, offset: V | int) -> V:
        """The address of the number ``offset`` numbers after ``base``."""
        offset = self.i64(offset) if isinstance(offset, int) else offset
        return self.b.gep(base, [offset], source_etype=self.real)

    def slot(self, base: V, index: V | int, kind: ir.Type = I64) -> V:
        index = self.i64(index) if isinstance(index, int) else index
        return self.b.gep(base, [index], source_etype=kind)

    def load_pointer(self, base: V, index: V | int) -> V:
        return self.b.load(self.slot(base, index, PTR), typ=PTR)

    def load_i64(self, base: V, index: V | int) -> V:
        return self.b.load(self.slot(base, index, I64), typ=I64)

    # Vectors in memory.

    def load(self, address: V) -> V:
        return self.b.load(address, typ=self.vector, align=self.size)

    def store(self, value: V, address: V) -> None:
        self.b.store(value, address, align=self.size)

    def broadcast(self, address: V) -> V:
        """One number in every lane."""
        number = self.b.load(address, typ=self.real, align=self.size)
        return self.splat(number, self.vector)

    def splat(self, number: V, kind: ir.VectorType) -> V:
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.b.insert_element(undefined, number, ir.Constant(I32, 0))
        return self.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))

    def in_every_lane(self, flag: V, lanes: int) -> V:
        """A mask of all lanes, or of none."""
        return self.splat(flag, ir.VectorType(I1, lanes))

    # Arithmetic.

    @property
    def kind(self) -> str:
        return "f64" if self.double else "f32"

    def intrinsic(self, name: str, result: ir.Type, args: Sequence[V], suffix: str) -> V:
        full = f"llvm.{name}.{suffix}"
        fn = self.module.globals.get(full) or ir.Function(
            self.module, ir.FunctionType(result, [a.type for a in args]), full
        )
        return self.b.call(fn, args)

    def math(self, name: str, *args: V) -> V:
        return self.intrinsic(name, self.vector, args, f"v{self.lanes}{self.kind}")

    def fma(self, a: V, b: V, c: V) -> V:
        return self.math("fma", a, b, c)

    def select_if(self, op: str, a: V, b: V, yes: V, no: V) -> V:
        return self.b.select(self.b.fcmp_ordered(op, a, b), yes, no)

    def polynomial(self, x: V, coefficients: Sequence[float]) -> V:
        """c0 + c1 x + c2 x² + ..., by Horner's rule."""
        result = self.const(coefficients[-1])
        for c in reversed(coefficients[:-1]):
            result = self.fma(result, x, self.const(c))
        return result

    # Control flow.

    def variable(self, kind: ir.Type, count: int = 1) -> V:
        """Allocate memory on the stack, once, where the function begins."""
        with self.b.goto_entry_block():
            return self.b.alloca(kind, size=count)

    def loop(self, count: V | int, body: Callable[[V], Any], start: V | int = 0, step: V | int = 1) -> None:
        """For i in range(start, count, step)."""
        b = self.b
        count = self.i64(count) if isinstance(count, int) else count
        start = self.i64(start) if isinstance(start, int) else start
        step = self.i64(step) if isinstance(step, int) else step
        before = b.block
        head, inside, after = (b.append_basic_block(name) for name in ("head", "body", "after"))
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(I64)
        i.add_incoming(start, before)
        b.cbranch(b.icmp_signed("<", i, count), inside, after)
        b.position_at_end(inside)
        body(i)
        i.add_incoming(b.add(i, step), b.block)
        b.branch(head)
        b.position_at_end(after)

    def accumulate(
        self, start: V, end: V, step: int, sums: Sequence[V], body: Callable[[V, int, list[V]], Sequence[V]]
    ) -> list[V]:
        """For i in range(start, end, step), for u in range(step): sums = body(i + u, u, sums), in registers."""
        b = self.b
        before = b.block
        inside, after = (b.append_basic_block(name) for name in ("elements", "summed"))
        b.cbranch(b.icmp_signed("<", start, end), inside, after)
        b.position_at_end(inside)
        i = b.phi(I64)
        i.add_incoming(start, before)
        carried = [b.phi(s.type) for s in sums]
        for phi, s in zip(carried, sums, strict=True):
            phi.add_incoming(s, before)
        current = list(carried)
        for u in range(step):
            current = list(body(b.add(i, self.i64(u)), u, current))
        following = b.add(i, self.i64(step))
        last = b.block
        i.add_incoming(following, last)
        for phi, s in zip(carried, current, strict=True):
            phi.add_incoming(s, last)
        b.cbranch(b.icmp_signed("<", following, end), inside, after)
        b.position_at_end(after)
        result = []
        for s, new in zip(sums, current, strict=True):
            joined = b.phi(s.type)
            joined.add_incoming(s, before)
            joined.add_incoming(new, last)
            result.append(joined)
        return result

    # The state of the processor.

    def flush_denormals(self) -> Callable[[], object]:
        """Treat denormals as zero and return a function that emits the reverse.

        A network at rest would otherwise compute with denormals, ten times slower.
        """
        b = self.b
        if platform.machine().lower() not in ("x86_64", "amd64"):
            return lambda: None
        saved = self.variable(I32)
        ours = self.variable(I32)
        for name in ("stmxcsr", "ldmxcsr"):
            full = f"llvm.x86.sse.{name}"
            if full not in self.module.globals:
                ir.Function(self.module, ir.FunctionType(ir.VoidType(), [PTR]), full)
        b.call(self.module.globals["llvm.x86.sse.stmxcsr"], [saved])
        b.store(b.or_(b.load(saved, typ=I32), ir.Constant(I32, 0x8040)), ours)
        b.call(self.module.globals["llvm.x86.sse.ldmxcsr"], [ours])
        return lambda: b.call(self.module.globals["llvm.x86.sse.ldmxcsr"], [saved])


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


def masked_load(e: Emit, address: V, mask: V, number: ir.Type | None = None) -> V:
    """Load the lanes in the mask; the others are zeros, and their memory is not read.

    Numbers are the kernel's own, unless they are whole numbers of 16 bits.
    """
    lanes = mask.type.count
    kind = ir.VectorType(number or e.real, lanes)
    size, name = (2, "i16") if number else (e.size, e.kind)
    args = [address, ir.Constant(I32, size), mask, ir.Constant(kind, None)]
    return e.intrinsic("masked.load", kind, args, f"v{lanes}{name}.p0")


def masked_store(e: Emit, value: V, address: V, mask: V) -> None:
    """Store the lanes in the mask."""
    lanes = mask.type.count
    e.intrinsic("masked.store", ir.VoidType(), [value, address, ir.Constant(I32, e.size), mask], f"v{lanes}{e.kind}.p0")
