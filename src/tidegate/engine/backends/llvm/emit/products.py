"""The products of a tile of rows and accumulators, with everything in registers."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tidegate.engine.backends.llvm.emit.builder import V
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
    e, b = frame.e, frame.e.b
    stage, tile = frame.spec.stages[k], frame.spec.tiles[k]
    width = len(stage.accumulators) * tile.blocks
    sums: Sums = [[[e.const(0.0)] * width for _ in rows] for _ in range(tile.chains)]
    weights = _weights_of_stage(frame, k)
    for stream in stage.streams:
        length, group_size = _packed_size(frame, k, stream)
        base = e.at(weights, b.mul(b.udiv(unit, e.i64(tile.blocks * e.lanes)), group_size))
        operands = [frame.operand(stream.operand, t, row) for row in rows]
        if frame.spec.in_blocks(stream):
            first = _first_element(frame, length, unit)
            operands = [frame.held.at(operand, first) for operand in operands]
        sums = _accumulate(frame, stream, tile, base, operands, length, sums)
        weights = e.at(weights, b.mul(_groups(frame, k), group_size))
    total = sums[0]
    for chain in sums[1:]:
        total = [
            [b.fadd(x, y) for x, y in zip(mine, other, strict=True)] for mine, other in zip(total, chain, strict=True)
        ]
    for r in range(len(rows)):
        for w in range(width):
            e.store(total[r][w], e.slot(results, r * width + w, e.vector))


def _weights_of_stage(frame: Frame, k: int) -> V:
    """The address of a stage's packed weights, which follow those of the stages before."""
    e, b = frame.e, frame.e.b
    address = frame.pointer(arguments.WEIGHTS)
    for earlier in range(k):
        for stream in frame.spec.stages[earlier].streams:
            _, group_size = _packed_size(frame, earlier, stream)
            address = e.at(address, b.mul(_groups(frame, earlier), group_size))
    return address


def _packed_size(frame: Frame, k: int, stream: Stream) -> tuple[V, V]:
    """The elements of a stream's operand for one group of blocks, and the units in its weights."""
    e, spec = frame.e, frame.spec
    length = frame.number(arguments.window(k)) if spec.in_blocks(stream) else frame.elements(stream.operand)
    return length, e.b.mul(frame.held.units(length), e.i64(len(stream.products) * spec.span(k)))


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


def _accumulate(frame: Frame, stream: Stream, tile: Tile, base: V, operands: list[V], length: V, sums: Sums) -> Sums:
    """One loop over an operand's units: ``chains`` units at a time, each added to its own sums."""
    e, b, held = frame.e, frame.e.b, frame.held
    targets = [place * tile.blocks + v for place, _, _ in stream.products for v in range(tile.blocks)]
    own = list(dict.fromkeys(targets))  # two products with one operand may be parts of one sum
    unroll = tile.chains if tile.chains > 1 else 2

    # What there are fewer of, rows or vectors of weights, stays in registers; the others are loaded one after another.
    pairs = [(r, n) for r in range(len(operands)) for n in range(len(targets))]
    if len(operands) < len(targets):
        pairs.sort(key=lambda pair: pair[1])

    def multiply(unit: V, into: list[list[V]], broadcast: Callable[[V], V]) -> list[list[V]]:
        row_of_weights = e.at(base, b.mul(unit, e.i64(len(targets) * e.lanes)))
        number = functools.cache(lambda r: broadcast(held.at(operands[r], held.first_element(unit))))
        vector = functools.cache(lambda n: e.load(e.at(row_of_weights, n * e.lanes)))
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
