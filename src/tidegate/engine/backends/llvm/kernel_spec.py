"""What a kernel depends on, and how it is tiled to fill the machine's vector registers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.stages import Stage, Stream, is_output, stages_of
from tidegate.engine.program.gradient_names import PROJECT
from tidegate.engine.program.program import Program

APART = 16  # whole numbers between the memory of two threads, so that they never write to the same cache line


@dataclass(frozen=True)
class Tile:
    """How a stage is tiled.

    Attributes:
        rows: rows of the batch, at most.
        blocks: vectors of hidden units.
        chains: partial sums of each accumulator, so that with few rows one addition need not wait for the last.
    """

    rows: int
    blocks: int
    chains: int


@dataclass(frozen=True)
class KernelSpec:
    """Everything that the code of a kernel depends on.

    Attributes:
        program: one step.
        stored: the values written at every step: (name, number of the value).
        double: numbers are float64.
        fused_input: products with the input are computed in the kernel; otherwise it reads their results.
        few_rows: the kernel is for one or two rows.
        chained: it may sum a product in several chains, in another order than a kernel for many rows.
        lanes: numbers in a vector register.
        registers: vector registers of the machine.
        blocks: vectors of hidden units in a tile, for each stage.
        output: the projected output, if its size differs from that of the other states; else "".
        placed: stored rows have the positions that an argument lists, not those of their step and row.
        heads: matrices of recurrent products are block-diagonal.
        operands: how products hold their weights and operands: "" as all other numbers, "bfloat16" in pairs of
            bfloat16 that are summed in float32 (`emit/operands.py`).
        rounded: names of what is over time in memory in bfloat16: the operands of products, and the output.
        int8: weights are whole numbers of 8 bits, with a scale for each row of each matrix.
    """

    program: Program
    stored: tuple[tuple[str, int], ...]
    double: bool
    fused_input: bool
    few_rows: bool
    chained: bool
    lanes: int
    registers: int
    blocks: tuple[int, ...] = ()
    output: str = ""
    placed: bool = False
    heads: bool = False
    operands: str = ""
    rounded: frozenset[str] = frozenset()
    int8: bool = False

    @functools.cached_property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return 8 if self.double else 4

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The Program's stages."""
        in_memory = frozenset(self.sequences)
        return stages_of(self.program, fused_input=self.fused_input, in_memory=in_memory, output=self.output)

    @functools.cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """The tile of each stage."""
        return tuple(tile_for(stage, own, self) for stage, own in zip(self.stages, self.blocks, strict=True))

    @functools.cached_property
    def made(self) -> tuple[tuple[int, ...], ...]:
        """For each stage, the values that later stages read from scratch memory.

        A state kept in place is written in the last stage, because all stages may read it.
        """
        made = [[*stage.reductions, *stage.made] for stage in self.stages]
        for state, k in self.program.states.items():
            for stage, values in zip(self.stages[:-1], made[:-1], strict=True):
                if state in self.in_place and k in (*stage.accumulators, *stage.values) and k not in values:
                    values.append(k)
        return tuple(tuple(values) for values in made)

    def key(self) -> tuple[object, ...]:
        """Everything that the code depends on, as plain data."""
        program = self.program
        what = (program.values, dict(program.states), dict(program.gates), dict(program.sums), self.stored)
        tiles = self.few_rows, self.chained, self.lanes, self.registers, self.blocks
        how = (self.double, self.fused_input, *tiles, self.output)
        return (*what, *how, self.placed, self.heads, self.operands, sorted(self.rounded), self.int8)

    def in_blocks(self, stream: Stream) -> bool:
        """Whether the matrices of a stream's products are block-diagonal."""
        return self.heads and stream.operand[0] != "input"

    def span(self, stage: int) -> int:
        """Hidden units of one group of blocks of a stage."""
        return self.tiles[stage].blocks * self.lanes

    @functools.cached_property
    def sequences(self) -> dict[str, str]:
        """States whose values are stored at every step, with the names they are stored under."""
        # A constant may be stored in both sizes, that of the hidden units and that of a projected output.
        of_output = (self.output, PROJECT) if self.output else ()
        rounded_last = sorted(self.stored, key=lambda it: it[0] in self.rounded)
        found = {(k, name in of_output): name for name, k in rounded_last}
        states = {state: (k, is_output(state, self.output)) for state, k in self.program.states.items()}
        return {state: found[value] for state, value in states.items() if value in found}

    @functools.cached_property
    def in_place(self) -> frozenset[str]:
        """States of which only the last value is kept, and in full: those not stored, or stored rounded.

        What only products read, the gradients of products that a backward kernel carries, is rounded and nothing more.
        """
        values = self.program.values
        carried = {values[value.args[0]].name for value in values if value.op == "recur_transposed"}
        kept = {state for state in self.program.states if self.sequences.get(state) in (None, *self.rounded)}
        return frozenset(state for state in kept if state not in self.sequences or state not in carried)

    @functools.cached_property
    def operands_made(self) -> tuple[int, ...]:
        """Values made inside a step that are operands of products, where these hold operands otherwise than numbers."""
        streams = [stream for stage in self.stages for stream in stage.streams] if self.operands else []
        return tuple(sorted({int(name) for kind, name in (stream.operand for stream in streams) if kind == "made"}))

    @functools.cached_property
    def befores(self) -> tuple[str, ...]:
        """States before the forward step that a backward kernel reads."""
        return tuple(sorted({value.name for value in self.program.values if value.op == "before"}))

    @functools.cached_property
    def row_lists(self) -> tuple[str, ...]:
        """Arguments with an entry for each row and thread: the active rows, and the addresses of their states."""
        previous, before = map(arguments.previous, self.sequences), map(arguments.before, self.befores)
        return (arguments.ACTIVE, *previous, *before)


def tile_for(stage: Stage, blocks: int, spec: KernelSpec) -> Tile:
    """Fill the registers: rows x blocks x accumulators, besides the weights and one register for the operand."""
    sums = blocks * max(1, len(stage.accumulators))
    room = 24 if spec.registers >= 32 else 12
    if spec.few_rows:
        # With fewer than six sums each addition would wait for the last: rather several chains for one row at a time.
        if not spec.chained:
            return Tile(2 if 2 * sums <= room else 1, blocks, 1)
        rows = 1 if sums < 6 and room < 4 * sums else 2
        return Tile(rows, blocks, max(1, min(4, room // (rows * sums))))
    return Tile(max(1, min(8, room // sums)), blocks, 1)


def blocks_for(stage: Stage, vectors: int, registers: int, *, wide: bool = False) -> int:
    """Return how many vectors a tile of a stage is wide: such that few of the last tile's are padding.

    A vector of weights is used for every row of a tile, a number of the operand for every vector of weights. With a
    single one for each number, loads take longer than the arithmetic. With few registers two vectors and more rows
    take less of what the cache delivers than four vectors and fewer rows.

    Args:
        stage: the stage.
        vectors: those of the rows that it passes over.
        registers: vector registers of the machine.
        wide: the tile has one or two rows and no chains. Eight sums or more are needed so that none waits for another.
    """
    accumulators, most = max(1, len(stage.accumulators)), 4 if registers >= 32 else 2
    widths = [it for it in (4, 3, 2, 1) if 2 <= it * accumulators <= most and it <= vectors]
    if wide:
        enough = [it for it in range(1, vectors + 1) if 8 <= it * accumulators <= 12]
        widths = enough or [max(1, min(vectors, 7 // accumulators))]
    return min(widths, key=lambda it: -vectors % it, default=1)
