"""A call's sizes, from which everything about its kernels but addresses follows."""

from __future__ import annotations

from typing import NamedTuple

import torch

from tidegate.cells import Cell
from tidegate.engine.call import Call


class Sizes(NamedTuple):
    """A call's sizes, and the options that decide its layout.

    Attributes:
        cell: the cell.
        steps: T.
        batch: B.
        inputs: I.
        hidden: H.
        outputs: R, of a projected output; otherwise H.
        dtype: of the numbers.
        reverse: whether time runs down.
        lengths: whether the call has lengths.
        batch_invariant: whether the batch must not decide how a sequence is computed.
    """

    cell: Cell
    steps: int
    batch: int
    inputs: int
    hidden: int
    outputs: int
    dtype: torch.dtype
    reverse: bool
    lengths: bool
    batch_invariant: bool

    @property
    def output(self) -> str:
        """The output's name, if its size differs from that of the other states; else ""."""
        return self.cell.states[0] if self.outputs != self.hidden else ""

    @property
    def rounds(self) -> bool:
        """Whether operands of products and the output are in bfloat16, and all else in float32."""
        return self.dtype == torch.bfloat16

    def size(self, name: str) -> int:
        """Return the numbers in a row of a state, a gate, or another stored value."""
        return self.outputs if name == self.cell.states[0] else self.hidden


def sizes_of(call: Call) -> Sizes:
    """Return a call's sizes."""
    x, cell = call.x, call.cell
    steps, batch, inputs = x.shape
    outputs, has_lengths = call.state[0].shape[1], call.lengths is not None
    own = call.hidden_size, outputs, x.dtype, call.reverse, has_lengths, call.batch_invariant
    return Sizes(cell, steps, batch, inputs, *own)
