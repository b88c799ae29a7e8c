"""The machine's peak in matrix products, measured, and how much of it a loop over time reaches."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tidegate import nn
from tidegate.bench.cases import Case
from tidegate.cells import Step, cell, sigmoid, tanh

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
    """Something whose floating-point operations in products are counted.

    Attributes:
        name: what it is.
        run: do it once.
        flops: two for each weight and row.
    """

    name: str
    run: Callable[[], Any]
    flops: float


@functools.cache
def fastest_product(threads: int) -> Work:
    """The product with the most FLOP/s here, of several sizes, by PyTorch's BLAS and by oneDNN.

    Args:
        threads: of PyTorch; the answer is measured once for each number.
    """
    del threads
    return max(_products(), key=lambda work: work.flops / _best(work.run))


def recurrent_part(case: Case) -> list[Work]:
    """The recurrent products alone with their pointwise part, and a whole LSTM, whose input's products may be fused."""
    torch.manual_seed(0)
    b, t, h = case.batch, case.steps, case.size
    x = torch.randn(t, b, h)
    state = (torch.randn(1, b, h).tanh(), torch.randn(1, b, h).tanh())
    alone, whole = nn.Recurrent(inputless_lstm, h, h, backend="llvm"), nn.LSTM(h, h, backend="llvm")

    def running(layer: nn.Layered) -> Callable[[], Any]:
        def run() -> Any:
            with torch.inference_mode():
                return layer(x, state)

        return run

    products = 2.0 * t * b * 4 * h * h
    return [
        Work("recurrent part", running(alone), products),
        Work("whole forward", running(whole), 2 * products),
    ]


def _products() -> list[Work]:
    works = []
    for rows, inner, columns in SHAPES:
        a, b = torch.randn(rows, inner), torch.randn(inner, columns)
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
