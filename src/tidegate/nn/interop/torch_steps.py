"""One step on PyTorch's own operators, where it is quicker than a kernel.

A kernel reads weights in an order of its own. For many steps or many rows it pays to bring them into it; for one step
of few rows that takes longer than the step. PyTorch's operators read the weights as they are. They are made of its
differentiable operations, so all derivatives are PyTorch's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import Cell, gru, lstm, rnn_relu, rnn_tanh
from tidegate.engine.batch_invariance import is_batch_invariant

FEW_ROWS = 16  # up to which a step is quicker so, however many weights there are
SMALL = 1 << 22  # products with a weight up to which it is, however many rows there are


@functools.cache
def step_operator(cell: Cell) -> Callable[..., Any] | None:
    """Return PyTorch's operator for one step of a cell with exactly its equations, whatever it is called."""
    known = {
        lstm.digest: torch.lstm_cell,
        gru.digest: torch.gru_cell,
        rnn_tanh.digest: torch.rnn_tanh_cell,
        rnn_relu.digest: torch.rnn_relu_cell,
    }
    return known.get(cell.digest)


def is_quick(x: Tensor, w_ih: Tensor, w_hh: Tensor) -> bool:
    """Whether a step on x (B, I) is quicker on PyTorch's operator, and as exact: not in half precision.

    Not where operations are recorded, replaced, transformed or counted by name: what does so is to see one operation.
    Nor inside `tidegate.batch_invariant`.
    """
    rows, dtype = x.shape[0], x.dtype
    return (
        rows > 0
        and (rows <= FEW_ROWS or rows * (w_ih.numel() + w_hh.numel()) <= SMALL)
        and type(x) is Tensor
        and x.is_cpu
        and (dtype is torch.float32 or dtype is torch.float64)
        and dtype is w_ih.dtype
        and nothing_looks_on()
    )


def nothing_looks_on() -> bool:
    """Whether operations are run on the CPU as they are: not recorded, replaced, transformed, or counted by name."""
    return (
        not torch.compiler.is_compiling()
        and not torch._C._len_torch_dispatch_stack()
        and torch._C._functorch.peek_interpreter_stack() is None  # pyright: ignore[reportAttributeAccessIssue]
        and not torch._C._is_tracing()
        and torch.autograd.forward_ad._current_level < 0  # no tangents
        and not torch.is_autocast_enabled("cpu")
        and not is_batch_invariant()
        and not torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateImportUsage]
    )
