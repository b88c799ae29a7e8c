"""What a kernel depends on, and how it is cut to fill the machine's registers."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from tidegate.engine.kernels.stages import Stage, stages_of
from tidegate.engine.program.program import Program

APART = 16  # whole numbers between what two threads write to, so that no line of memory is fought over


@dataclass
class Table:
    """Slots of the kernel's argument table, handed out by name."""

    slots: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.slots.setdefault(name, len(self.slots))


@dataclass(frozen=True)
class Tile:
    """How a stage is cut.

    Attributes:
        rows: at most so many rows at a time.
        blocks: so many vectors of units at a time.
        chains: partial sums of each accumulator, so that few rows do not wait for the multiplier.
    """

    rows: int
    blocks: int
    chains: int


@dataclass(frozen=True)
class KernelSpec:
    """All that a kernel depends on.

    Attributes:
        program: what one step does.
        stored: the values written at every step: (name, number of the value).
        double: numbers are float64.
        fused_input: the inputs' parts are products of the kernel; else they are read from "xp".
        few_rows: written for one or two rows.
        lanes: units in a vector.
        registers: vector registers of the machine.
        output: the projected output, where its size is not that of the other states; else "".
        placed: whether what is stored stands where a table says, not where its step and row do.
    """

    program: Program
    stored: tuple[tuple[str, int], ...]
    double: bool
    fused_input: bool
    few_rows: bool
    lanes: int
    registers: int
    output: str = ""
    placed: bool = False

    @functools.cached_property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return 8 if self.double else 4

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The Program cut into stages."""
        return stages_of(self.program, fused_input=self.fused_input, output=self.output)

    @functools.cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """How each stage is cut."""
        return tuple(tile_for(stage, self) for stage in self.stages)

    @functools.cached_property
    def made(self) -> tuple[tuple[int, ...], ...]:
        """For each stage, values to be kept for later ones.

        A state kept in place changes last, since all stages may read it.
        """
        made = [[*stage.means, *stage.made] for stage in self.stages]
        for state, k in self.program.states.items():
            for stage, kept in zip(self.stages[:-1], made[:-1], strict=True):
                if state not in self.sequences and k in (*stage.accumulators, *stage.values) and k not in kept:
                    kept.append(k)
        return tuple(tuple(kept) for kept in made)

    def key(self) -> tuple[object, ...]:
        """All that the code depends on, as plain data."""
        program = self.program
        what = (program.values, dict(program.states), dict(program.gates), dict(program.sums), self.stored)
        how = (self.double, self.fused_input, self.few_rows, self.lanes, self.registers, self.output, self.placed)
        return (*what, *how)

    @functools.cached_property
    def sequences(self) -> dict[str, str]:
        """States whose values over time are stored anyway, by the name they are stored under."""
        by_value = {k: name for name, k in self.stored}
        return {state: by_value[k] for state, k in self.program.states.items() if k in by_value}

    @functools.cached_property
    def notes(self) -> tuple[str, ...]:
        """What each thread notes for every row."""
        befores = {value.name for value in self.program.values if value.op == "before"}
        return ("listed", *(f"previous {s}" for s in self.sequences), *(f"before {s}" for s in sorted(befores)))


def tile_for(stage: Stage, spec: KernelSpec) -> Tile:
    """Fill the registers: rows x blocks x accumulators, the weights beside them, and one for the operand."""
    accumulators = max(1, len(stage.accumulators))
    room = 24 if spec.registers >= 32 else 10
    blocks = max(1, min(4, 4 // accumulators))
    if spec.few_rows:
        return Tile(2, blocks, max(1, min(4, room // (2 * blocks * accumulators))))
    return Tile(max(1, min(8, room // (blocks * accumulators))), blocks, 1)
