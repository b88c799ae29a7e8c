"""The precisions that are compared: a dtype, how its products round, and how much a result may differ for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Precision:
    """A way to compute.

    Attributes:
        name: for tables.
        dtype: of weights, inputs and outputs.
        products: PyTorch's name of how float32 products round: "ieee" or "tf32".
        epsilon: the relative size of a rounding, at most.
        allowed: how far a result of hundreds of steps may be from float64, relative, as norms.
    """

    name: str
    dtype: torch.dtype
    products: str
    epsilon: float
    allowed: float


BFLOAT16 = Precision("bfloat16", torch.bfloat16, "tf32", 2.0**-8, 6e-2)
FLOAT16 = Precision("float16", torch.float16, "tf32", 2.0**-11, 1e-2)
TF32 = Precision("float32 TF32", torch.float32, "tf32", 2.0**-10, 1e-2)
EXACT = Precision("float32 exact", torch.float32, "ieee", 2.0**-22, 1e-4)
PRECISIONS = (EXACT, TF32, BFLOAT16, FLOAT16)


@contextmanager
def computing(precision: Precision) -> Iterator[None]:
    """Within, float32 products of layers and matrices on a GPU round as this precision says."""
    layers: Any = torch.backends.cudnn.rnn
    before = layers.fp32_precision, torch.get_float32_matmul_precision()
    layers.fp32_precision = precision.products
    # Not `torch.backends.cuda.matmul.fp32_precision`: torch.compile asks by the older names, which then fail.
    torch.set_float32_matmul_precision("high" if precision.products == "tf32" else "highest")
    try:
        yield
    finally:
        layers.fp32_precision = before[0]
        torch.set_float32_matmul_precision(before[1])
