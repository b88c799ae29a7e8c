"""Weight initialisation of recurrent layers."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from tidegate.cells import Cell
from tidegate.errors import ArgumentError

Init = Literal["torch", "keras"]


def check_init(cell: Cell, init: str, forget_bias: float | None, bias: bool) -> None:
    """Check that a cell supports an initialisation.

    Raises:
        ArgumentError: an unknown ``init``, or a ``forget_bias`` for a cell without a biased forget gate f.
    """
    if init not in ("torch", "keras"):
        raise ArgumentError(f"init must be 'torch' or 'keras', got {init!r}.")
    if forget_bias is not None and not (("f" in cell.input_gates and bias and cell.bias) or "b_f" in cell.parameters):
        why = "no forget gate 'f'" if "f" not in cell.input_gates else "no bias for it (bias=False)"
        raise ArgumentError(f"forget_bias={forget_bias} was given, but {cell.name} has {why}.")


@torch.no_grad()
def initialise(
    parameters: dict[str, Tensor], cell: Cell, hidden_size: int, init: str, forget_bias: float | None
) -> None:
    """Initialise parameters in place, in the order given (so that a seed gives torch's values).

    * ``"torch"``: everything uniform in ±1/sqrt(H), as ``torch.nn``; recurrent weights of a cell with heads in
      ±1/sqrt(H/heads), the number of hidden units that each product reads.
    * ``"keras"``: input weights Glorot uniform, recurrent weights orthogonal (those of each head), biases zero; other
      vectors and projections as torch's.
    * Learned initial states are zeros.
    * A vector with an initial value in ``cell.initial`` has that value, or is uniform in that interval, with either
      ``init``.
    * ``forget_bias``: the bias of gate f is set to this number (the first of torch's two; the second becomes zero).
      Keras's default is 1. For a cell that names its own biases it is the vector b_f.
    """
    bound = 1 / math.sqrt(hidden_size)
    for name, value in parameters.items():
        own = name.startswith(("unit_", "scalar_"))
        vector = name.partition("_")[2].rpartition("_l")[0] if own else ""
        first = cell.initial.get(vector)
        if isinstance(first, tuple):
            nn.init.uniform_(value, *first)
        elif first is not None:
            nn.init.constant_(value, first)
        elif name.startswith("initial_"):
            nn.init.zeros_(value)
        elif init == "keras" and name.startswith("weight_ih"):
            nn.init.xavier_uniform_(value)
        elif init == "keras" and name.startswith("weight_hh"):
            _orthogonal(value, cell.heads)
        elif init == "keras" and name.startswith("bias"):
            nn.init.zeros_(value)
        else:
            limit = bound * math.sqrt(cell.heads) if name.startswith("weight_hh") else bound
            nn.init.uniform_(value, -limit, limit)
        if forget_bias is not None and vector == "b_f":
            nn.init.constant_(value, forget_bias)
        if forget_bias is not None and name.startswith("bias"):
            gates = cell.recurrent_gates if name.startswith("bias_hh") else cell.input_gates
            if "f" in gates and value.shape[0] == len(gates) * hidden_size:
                f = gates.index("f")
                value[f * hidden_size : (f + 1) * hidden_size] = 0 if name.startswith("bias_hh") else forget_bias


def _orthogonal(matrix: Tensor, heads: int) -> None:
    """Initialise recurrent weights, stacked by gate: all those that read the same hidden units are orthogonal."""
    if heads == 1:
        nn.init.orthogonal_(matrix)
        return
    size = matrix.shape[1]
    blocks = matrix.view(-1, heads, size, size)
    for head in range(heads):
        made = nn.init.orthogonal_(matrix.new_empty(len(blocks) * size, size))
        blocks[:, head] = made.view(-1, size, size)
