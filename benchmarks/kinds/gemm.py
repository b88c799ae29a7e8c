"""The machine's measured peak in matrix products, and the share of it that a loop over time reaches."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks import parity
from benchmarks.cases import Case
from benchmarks.contender import Contender
from tidegate import nn
from tidegate.cells import Step, cell, lstm, sigmoid, tanh

SHAPES = ((512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (3200, 512, 2048), (6400, 256, 1024))
TRIES = 5


@cell(gates="i f g o", states="h c", paper="an LSTM without its input: the recurrent part alone")
def inputless_lstm(r: Any, s: Any) -> Step:
    """The LSTM whose gates see only the state.

    ::

        i_t = σ(U_i h_{t-1})   f_t = σ(U_f h_{t-1})   g_t = tanh(U_g h_{t-1})   o_t = σ(U_o h_{t-1})
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)
    """
    i, f, o = sigmoid(r.i), sigmoid(r.f), sigmoid(r.o)
    c = f * s.c + i * tanh(r.g)
    return Step(h=o * tanh(c), c=c)


@dataclass(frozen=True)
class Work:
    """A computation with a known number of floating-point operations in products.

    Attributes:
        name: for the report.
        run: run it once.
        flops: two for each weight and row.
    """

    name: str
    run: Callable[[], Any]
    flops: float


@functools.cache
def fastest_product(threads: int, dtype: torch.dtype = torch.float32) -> tuple[Work, float]:
    """Return the product with the most FLOP/s on this machine, of several sizes, by PyTorch's BLAS and by oneDNN.

    Args:
        threads: of PyTorch; measured once for each number.
        dtype: of the numbers.

    Returns:
        The product, and its FLOP/s.
    """
    del threads
    speeds = [(work, work.flops / _best(work.run)) for work in _products(dtype)]
    return max(speeds, key=lambda found: found[1])


def recurrent_part(case: Case) -> list[Work]:
    """Return the recurrent products with their pointwise part, and a whole LSTM, whose input products may be fused.

    Raises:
        ParityError: the kernels do not compute what the reference does.
    """
    torch.manual_seed(0)
    b, t, h = case.batch, case.steps, case.size
    x = torch.randn(t, b, h)
    state = (torch.randn(1, b, h).tanh(), torch.randn(1, b, h).tanh())
    works = []
    for name, equations, gates in (("recurrent part", inputless_lstm, 4), ("whole forward", lstm, 8)):
        layer, reference = (nn.Recurrent(equations, h, h, backend=backend) for backend in ("llvm", "reference"))
        reference.load_state_dict(layer.state_dict())
        ours = _forward(layer, x, state)
        parity.check(f"{name}, {case}", _forward(reference, x, state), ours)
        works.append(Work(name, ours.run, 2.0 * t * b * gates * h * h))
    return works


def _forward(layer: nn.Layered, x: Tensor, state: tuple[Tensor, ...]) -> Contender:
    def run() -> Tensor:
        with torch.inference_mode():
            return layer(x, state)[0]

    return Contender(run, lambda output: {"output": output})


def _products(dtype: torch.dtype) -> list[Work]:
    works = []
    for rows, inner, columns in SHAPES:
        a, b = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
        flops = 2.0 * rows * inner * columns
        size = f"({rows}, {inner}) x ({inner}, {columns})"
        works.append(Work(f"torch.matmul {size}", functools.partial(torch.matmul, a, b), flops))
        if torch.backends.mkldnn.is_available():
            left, right = a.to_mkldnn(), b.t().contiguous().to_mkldnn()
            run = functools.partial(torch.nn.functional.linear, left, right)
            works.append(Work(f"oneDNN linear {size}", run, flops))
    return works


def _best(function: Callable[[], Any]) -> float:
    function()
    taken = []
    for _ in range(TRIES):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)
