"""The products of a tile of rows and accumulators, with everything in registers."""

from __future__ import annotations

import functools
from collections.abc import Callable

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I8, V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.backends.llvm.kernel_spec import Tile
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.stages import Stream

Sums = list[list[list[V]]]  # by chain, row, and (accumulator, block)


def products(frame: Frame, k: int, t: V, rows: list[V], unit: V, results: V) -> None:
    """Accumulate all products of a tile.

    Args:
        frame: the kernel.
        k: the stage.
        t: the step.
        rows: the rows of the tile.
        unit: the first hidden unit of the tile.
        results: where the sums are written, row by row.
    """
    e, stage, tile = frame.e, frame.spec.stages[k], frame.spec.tiles[k]
    width = len(stage.accumulators) * tile.blocks
    sums = _zeros(frame, tile, len(rows), width)
    for n, stream in enumerate(stage.streams):
        length = _length(frame, k, stream)
        base = _packed(frame, arguments.WEIGHTS, k, n, unit)
        operands = [frame.operand(stream.operand, t, row) for row in rows]
        if frame.spec.in_blocks(stream):
            first = _first_element(frame, length, unit)
            operands = [frame.held.at(operand, first) for operand in operands]
        places = [place * tile.blocks + v for place, _, _ in stream.products for v in range(tile.blocks)]
        if frame.spec.int8:
            # Each product has scales of its own, so its sums are apart from the others' until they are finished.
            apart = _zeros(frame, tile, len(rows), len(places))
            apart = _accumulate(frame, tile, base, operands, length, apart, list(range(len(places))))
            sums[0] = _add_scaled(
                frame, _packed(frame, arguments.SCALES, k, n, unit), _total(frame, apart), places, sums[0]
            )
        else:
            sums = _accumulate(frame, tile, base, operands, length, sums, places)
    total = _total(frame, sums)
    for r in range(len(rows)):
        for w in range(width):
            e.store(total[r][w], e.slot(results, r * width + w, e.vector))


def _zeros(frame: Frame, tile: Tile, rows: int, width: int) -> Sums:
    return [[[frame.e.const(0.0)] * width for _ in range(rows)] for _ in range(tile.chains)]


def _total(frame: Frame, sums: Sums) -> list[list[V]]:
    """The sums of all chains."""
    total = sums[0]
    for chain in sums[1:]:
        total = [
            [frame.e.b.fadd(x, y) for x, y in zip(mine, other, strict=True)]
            for mine, other in zip(total, chain, strict=True)
        ]
    return total


def _packed(frame: Frame, argument: str, k: int, n: int, unit: V) -> V:
    """The address of the packed weights of a group of blocks for the n-th stream of a stage, or of their scales.

    They follow those of the stages and streams before, and those of the groups before.
    """
    e, b, spec = frame.e, frame.e.b, frame.spec

    def size(stage: int, stream: Stream) -> V:
        units = frame.held.units(_length(frame, stage, stream)) if argument == arguments.WEIGHTS else e.i64(1)
        return b.mul(units, e.i64(len(stream.products) * spec.span(stage)))

    offset = b.mul(b.udiv(unit, e.i64(spec.span(k))), size(k, spec.stages[k].streams[n]))
    before = [(stage, stream) for stage in range(k) for stream in spec.stages[stage].streams]
    before += [(k, stream) for stream in spec.stages[k].streams[:n]]
    for stage, stream in before:
        offset = b.add(offset, b.mul(_groups(frame, stage), size(stage, stream)))
    kind = I8 if spec.int8 and argument == arguments.WEIGHTS else e.real
    return e.slot(frame.pointer(argument), offset, kind)


def _add_scaled(
    frame: Frame, scales: V, products: list[list[V]], places: list[int], sums: list[list[V]]
) -> list[list[V]]:
    """Add finished products of a stream to the sums at their places, each times its scale."""
    e = frame.e
    vectors = [e.load(e.at(scales, n * e.lanes)) for n in range(len(places))]
    result = []
    for mine, row in zip(products, sums, strict=True):
        new = list(row)
        for n, place in enumerate(places):
            new[place] = e.fma(vectors[n], mine[n], new[place])
        result.append(new)
    return result


def _weights(frame: Frame, base: V, n: V | int) -> V:
    """Load the vector of weights ``n`` weights after ``base``."""
    e, b = frame.e, frame.e.b
    if not frame.spec.int8:
        return e.load(e.at(base, n))
    whole = b.load(e.slot(base, n, I8), typ=ir.VectorType(I8, e.lanes), align=1)
    return b.sitofp(b.sext(whole, e.integers), e.vector)


def _length(frame: Frame, k: int, stream: Stream) -> V:
    """The elements of a stream's operand for one group of blocks."""
    return frame.number(arguments.window(k)) if frame.spec.in_blocks(stream) else frame.elements(stream.operand)


def _first_element(frame: Frame, length: V, unit: V) -> V:
    """The first element of an operand that the group from a hidden unit on multiplies, by block-diagonal matrices.

    Their blocks are those of the heads of its hidden units. All groups multiply equally many elements.
    """
    b, head = frame.e.b, frame.number(arguments.HEAD)
    start = b.mul(b.udiv(unit, head), head)
    last = b.sub(frame.number(arguments.HIDDEN), length)
    return b.select(b.icmp_signed("<", start, last), start, last)


def _groups(frame: Frame, k: int) -> V:
    """The number of groups of blocks in a stage."""
    e, span = frame.e, frame.spec.span(k)
    return e.b.udiv(e.b.add(frame.width_in(k), e.i64(span - 1)), e.i64(span))


def _accumulate(
    frame: Frame, tile: Tile, base: V, operands: list[V], length: V, sums: Sums, targets: list[int]
) -> Sums:
    """One loop over an operand's units: ``chains`` units at a time, each added to its own sums.

    Args:
        frame: the kernel.
        tile: the stage's.
        base: the weights.
        operands: that of each row.
        length: how many elements they have.
        sums: to which the products are added.
        targets: for each vector of weights of a unit, the place of its sum.
    """
    e, b, held = frame.e, frame.e.b, frame.held
    own = list(dict.fromkeys(targets))  # two products with one operand may be parts of one sum
    unroll = tile.chains if tile.chains > 1 else 2

    # What there are fewer of, rows or vectors of weights, stays in registers; the others are loaded one after another.
    pairs = [(r, n) for r in range(len(operands)) for n in range(len(targets))]
    if len(operands) < len(targets):
        pairs.sort(key=lambda pair: pair[1])

    def multiply(unit: V, into: list[list[V]], broadcast: Callable[[V], V]) -> list[list[V]]:
        first = b.mul(unit, e.i64(len(targets) * e.lanes))
        number = functools.cache(lambda r: broadcast(held.at(operands[r], held.first_element(unit))))
        vector = functools.cache(lambda n: _weights(frame, base, b.add(first, e.i64(n * e.lanes))))
        out = [list(mine) for mine in into]
        for r, n in pairs:
            out[r][targets[n]] = held.multiply_add(number(r), vector(n), out[r][targets[n]])
        return out

    def one(unit: V, u: int, flat: list[V], broadcast: Callable[[V], V]) -> list[V]:
        chains = _unflatten(flat, own, sums)
        chains[u % tile.chains] = multiply(unit, chains[u % tile.chains], broadcast)
        return _flatten(chains, own)

    return _unflatten(held.accumulate(length, unroll, _flatten(sums, own), one), own, sums)


def _flatten(sums: Sums, places: list[int]) -> list[V]:
    return [row[w] for chain in sums for row in chain for w in places]


def _unflatten(flat: list[V], places: list[int], like: Sums) -> Sums:
    """Undo `_flatten`; the sums at other places are those of ``like``."""
    numbers = iter(flat)
    return [[[next(numbers) if w in places else v for w, v in enumerate(row)] for row in chain] for chain in like]
