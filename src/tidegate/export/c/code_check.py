"""Comparison of compiled code with Python on random input."""

from __future__ import annotations

import statistics

from torch import Tensor, nn

from tidegate.errors import BackendError
from tidegate.export.c.compiled_model import CompiledModel
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.model_code import ModelCode
from tidegate.export.graph.evaluated import Multiply, evaluate
from tidegate.export.graph.in_python import outputs, random_inputs
from tidegate.export.int8.arithmetic import rounded_products

STEPS = 50  # that are compared
CLOSE = 1e-4  # relative to the largest output
SHORT, SEQUENCES = 3, 50  # steps, and how many sequences of them, that are compared in int8


def check_code(compiled: CompiledModel, code: ModelCode, model: nn.Module) -> None:
    """Compare code with its model, or in int8 with the same arithmetic in Python.

    Raises:
        BackendError: they differ.
    """
    if isinstance(code.products, Int8Products):
        error = _error_in_int8(compiled, code, rounded_products(code.products.scales))
    else:
        inputs = random_inputs(code.graph, STEPS)
        error = _error(compiled(*inputs), outputs(model, code.graph, inputs))
    if not error <= CLOSE:
        raise BackendError(
            f"The outputs of the C code differ from Python's by {error:.2g} of the largest: nothing was written."
        )


def _error_in_int8(compiled: CompiledModel, code: ModelCode, multiply: Multiply) -> float:
    """Return the median error of short sequences.

    A number that lies between two whole ones may be rounded to either, after other roundings in float32: a rare and
    small step, which the sequence then remembers. Many short sequences are compared, instead of a long one.
    """
    errors = []
    for seed in range(SEQUENCES):
        inputs = random_inputs(code.graph, SHORT, seed)
        named = {it.name: own for it, own in zip(code.graph.inputs, inputs, strict=True)}
        errors.append(_error(compiled(*inputs), evaluate(code.graph, named, multiply)))
    return statistics.median(errors)


def _error(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference, of the largest number; of a whole sequence the last outputs are compared."""
    found = found[-len(expected) :]
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-3))
