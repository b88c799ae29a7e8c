"""The products of a tile of rows and accumulators, everything in registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.engine.backends.llvm.emit.builder import V
from tidegate.engine.backends.llvm.kernel_spec import Tile
from tidegate.engine.kernels.stages import Stream

Sums = list[list[list[V]]]  # chain, row, accumulator and block

if TYPE_CHECKING:
    from tidegate.engine.backends.llvm.emit.kernel import Kernel


def products(kernel: Kernel, k: int, t: V, active: V, at: V, rows: int, j: V) -> None:
    """Accumulate all products of a tile and leave the sums on the stack."""
    e, b = kernel.e, kernel.e.b
    stage, tile = kernel.stages[k], kernel.tiles[k]
    width = len(stage.accumulators) * tile.blocks
    numbers = [e.load_i64(active, b.add(at, e.i64(r))) for r in range(rows)]
    sums: list[list[list[V]]] = [[[e.const(0.0)] * width for _ in range(rows)] for _ in range(tile.chains)]
    weights = _weights_of_stage(kernel, k)
    for stream in stage.streams:
        length, group = _packed(kernel, stream, tile)
        base = e.at(weights, b.mul(b.udiv(j, e.i64(tile.blocks * e.lanes)), group))
        operands = [kernel.operand(stream.operand, t, row) for row in numbers]
        sums = _accumulate(kernel, stream, tile, base, operands, length, sums)
        weights = e.at(weights, b.mul(_groups(kernel, k), group))
    total = sums[0]
    for chain in sums[1:]:
        total = [
            [b.fadd(x, y) for x, y in zip(mine, other, strict=True)] for mine, other in zip(total, chain, strict=True)
        ]
    for r in range(rows):
        for w in range(width):
            e.store(total[r][w], e.slot(kernel.accumulated, r * width + w, e.vector))


def _weights_of_stage(kernel: Kernel, k: int) -> V:
    """Each stage's packed weights stand one after the other."""
    e, b = kernel.e, kernel.e.b
    address = kernel.pointer("weights")
    for earlier in range(k):
        for stream in kernel.stages[earlier].streams:
            _, group = _packed(kernel, stream, kernel.tiles[earlier])
            address = e.at(address, b.mul(_groups(kernel, earlier), group))
    return address


def _packed(kernel: Kernel, stream: Stream, tile: Tile) -> tuple[V, V]:
    """The elements of a stream's operand, and the numbers in its weights for one group of unit blocks."""
    e = kernel.e
    length = kernel.elements(stream.operand)
    return length, e.b.mul(length, e.i64(len(stream.products) * tile.blocks * e.lanes))


def _groups(kernel: Kernel, k: int) -> V:
    """How many groups of unit blocks a stage has."""
    e, span = kernel.e, kernel.tiles[k].blocks * kernel.e.lanes
    return e.b.udiv(e.b.add(kernel.units_in(k), e.i64(span - 1)), e.i64(span))


def _accumulate(kernel: Kernel, stream: Stream, tile: Tile, base: V, operands: list[V], length: V, sums: Sums) -> Sums:
    """One loop over an operand's elements; ``chains`` elements at a time, each into sums of its own."""
    e, b = kernel.e, kernel.e.b
    taken = [place * tile.blocks + v for place, _, _ in stream.products for v in range(tile.blocks)]
    own = list(dict.fromkeys(taken))  # two products with one operand may be parts of one sum
    unroll = tile.chains if tile.chains > 1 else 2

    def multiply(element: V, into: list[list[V]]) -> list[list[V]]:
        row_of_weights = e.at(base, b.mul(element, e.i64(len(taken) * e.lanes)))
        vectors = [e.load(e.at(row_of_weights, n * e.lanes)) for n in range(len(taken))]
        out = []
        for operand, mine in zip(operands, into, strict=True):
            number = e.broadcast(e.at(operand, element))
            new = list(mine)
            for n, place in enumerate(taken):
                new[place] = e.fma(number, vectors[n], new[place])
            out.append(new)
        return out

    whole = b.sub(length, b.urem(length, e.i64(unroll)))

    def one(element: V, u: int, flat: list[V]) -> list[V]:
        chains = _unflatten(flat, own, sums)
        chains[u % tile.chains] = multiply(element, chains[u % tile.chains])
        return _flatten(chains, own)

    for first, last, step in ((e.i64(0), whole, unroll), (whole, length, 1)):
        sums = _unflatten(e.accumulate(first, last, step, _flatten(sums, own), one), own, sums)
    return sums


def _flatten(sums: Sums, taken: list[int]) -> list[V]:
    return [row[w] for chain in sums for row in chain for w in taken]


def _unflatten(flat: list[V], taken: list[int], like: Sums) -> Sums:
    """The sums again; those that a stream does not take part in are as they were."""
    numbers = iter(flat)
    return [[[next(numbers) if w in taken else v for w, v in enumerate(row)] for row in chain] for chain in like]
