"""What the source of a kernel depends on, and what follows from it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tidegate.engine.kernels.stages import Operand, Stage, of_output_size, stages_of
from tidegate.engine.program.program import ACROSS_UNITS, REDUCTIONS, Program

OPERANDS = "operands"  # operands of products: each twice, (B, the larger of H and R), in the dtype of the weights
KEPT = "kept"  # vectors that are needed whole, or by another stage's kernel: each twice, likewise, in float32


@dataclass(frozen=True)
class Block:
    """Products that one `tl.dot` computes: some matrices with each of some operands, added up over the operands.

    Attributes:
        op: "recur", "recur_transposed", "project" or "project_transposed".
        accumulators: the accumulators' positions in their stage.
        operands: the operands, all states or all vectors made in an earlier stage.
        gates: for each operand, the gate of the product in each accumulator.
    """

    op: str
    accumulators: tuple[int, ...]
    operands: tuple[Operand, ...]
    gates: tuple[tuple[str, ...], ...]

    @property
    def slots(self) -> int:
        """The accumulators side by side, a power of two."""
        return _power_of_two(len(self.accumulators))

    @property
    def batch(self) -> int:
        """The operands in one batch, a power of two."""
        return _power_of_two(len(self.operands))


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()


@dataclass(frozen=True)
class KernelSpec:
    """Everything that the source of a kernel depends on, besides the numbers that it takes as constants.

    Attributes:
        program: one step.
        stored: the values written at every step: (name, number of the value).
        gates: the gates of the matrix of recurrent products, in its order.
        output: the projected output, if its size differs from that of the other states; else "".
        heads: blocks of block-diagonal recurrent matrices; 1 if they are dense.
        descending: time runs down.
        lengths: sequences have lengths.
        reset: there are resets.
        resident: if weights stay in registers for all steps, in how many pieces operands are multiplied with them; 0 if
            weights are read in pieces at every step.
    """

    program: Program
    stored: tuple[tuple[str, int], ...]
    gates: tuple[str, ...]
    output: str = ""
    heads: int = 1
    descending: bool = False
    lengths: bool = False
    reset: bool = False
    resident: int = 1

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The Program's stages."""
        return stages_of(self.program, fused_input=False, in_memory=self._operand_states, output=self.output)

    @functools.cached_property
    def small(self) -> frozenset[int]:
        """The values that have the size of a projected output."""
        return of_output_size(self.program, self.output)

    @functools.cached_property
    def _operand_states(self) -> frozenset[str]:
        """The states that are operands of products or of reductions over the hidden units."""
        values = self.program.values
        read = (values[value.args[0]] for value in values if value.op in ACROSS_UNITS)
        return frozenset(value.name for value in read if value.op == "state")

    @functools.cached_property
    def blocks(self) -> tuple[tuple[Block, ...], ...]:
        """For each stage, its products: those of several operands that are added to the same accumulators together."""
        found = []
        for stage in self.stages:
            groups: dict[tuple[str, tuple[int, ...], str], list[tuple[Operand, tuple[str, ...]]]] = {}
            for stream in stage.streams:
                for op in dict.fromkeys(op for _, op, _ in stream.products):
                    own = [(place, gate) for place, own_op, gate in stream.products if own_op == op]
                    while own:  # an accumulator may have two products with one operand
                        first = dict(reversed(own))
                        own = [pair for pair in own if first.get(pair[0]) != pair[1]]
                        key = (op, tuple(first), stream.operand[0])
                        groups.setdefault(key, []).append((stream.operand, tuple(first.values())))
            found.append(
                tuple(
                    Block(op, places, tuple(o for o, _ in members), tuple(gates for _, gates in members))
                    for (op, places, _), members in groups.items()
                )
            )
        return tuple(found)

    @functools.cached_property
    def all_blocks(self) -> tuple[Block, ...]:
        """The products of all stages."""
        return tuple(block for blocks in self.blocks for block in blocks)

    @functools.cached_property
    def operands(self) -> tuple[Operand, ...]:
        """All operands of products, in the order of their memory."""
        return tuple(dict.fromkeys(o for block in self.all_blocks for o in block.operands))

    @functools.cached_property
    def owner(self) -> dict[int, int]:
        """The stage that computes a value; leaves have none."""
        return {
            k: n
            for n, s in enumerate(self.stages)
            for k in (*s.reductions, *s.accumulators, *s.values)
            if self._is_made(k)
        }

    def _is_made(self, k: int) -> bool:
        value = self.program.values[k]
        return bool(value.args) or value.op == "input"

    @functools.cached_property
    def whole(self) -> tuple[int, ...]:
        """Values of which a reduction in a later stage reads all hidden units, in the order of their memory."""
        values = self.program.values
        read = (value.args[0] for value in values if value.op in REDUCTIONS)
        return tuple(dict.fromkeys(k for k in read if self._is_made(k) or values[k].op == "state"))

    @functools.cached_property
    def crossing(self) -> tuple[int, ...]:
        """Values that a later stage than their own reads for one hidden unit, or sets a state to."""
        last: dict[int, int] = {}
        sums = {k for stage in self.stages for k in stage.accumulators}
        for k, value in enumerate(self.program.values):
            if k in self.owner and k not in sums and value.op not in REDUCTIONS:
                for arg in value.args:
                    last[arg] = max(last.get(arg, 0), self.owner[k])
        for k in self.program.states.values():
            last[k] = max(last.get(k, 0), self.last_of_size(k))
        return tuple(k for k, n in sorted(last.items()) if k in self.owner and self.owner[k] < n)

    def kept(self, *, apart: bool) -> tuple[int, ...]:
        """Values of which all hidden units are in memory in float32, in the order of their memory.

        Args:
            apart: each stage is a kernel of its own, which finds there what earlier ones computed.
        """
        return tuple(dict.fromkeys((*self.whole, *(self.crossing if apart else ()))))

    def place_of_kept(self, kept: tuple[int, ...], k: int) -> int:
        """The place of a kept value among the vectors in memory, each of which is there twice."""
        return 2 * kept.index(k)

    def last_of_size(self, k: int) -> int:
        """The last stage of a value's size. It sets the states, because all stages may read the old ones."""
        return max(n for n, stage in enumerate(self.stages) if stage.projected == (k in self.small))

    def stored_by(self, k: int) -> int:
        """The stage that stores a result: its own, or for a leaf the last of its size."""
        return self.owner[k] if k in self.owner else self.last_of_size(k)

    @functools.cached_property
    def meets_between(self) -> tuple[bool, ...]:
        """For each stage, whether it reads vectors that other programs made in an earlier stage of the step."""
        return tuple(
            any(stream.operand[0] == "made" for stream in stage.streams)
            or any(self._is_made(self.program.values[k].args[0]) for k in stage.reductions)
            for stage in self.stages
        )

    @property
    def meets(self) -> bool:
        """Whether programs read what other programs write."""
        return bool(self._operand_states) or any(self.meets_between)

    @property
    def waits(self) -> int:
        """How often in a step programs that read what others write wait for them."""
        return self.meets + sum(self.meets_between[1:])


@functools.lru_cache(maxsize=512)
def known(spec: KernelSpec) -> KernelSpec:
    """Return the first spec equal to this one, so that what follows from it is computed once in a process."""
    return spec
