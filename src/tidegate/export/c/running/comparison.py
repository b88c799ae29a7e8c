"""The outputs of a model elsewhere, compared with Python's."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from tidegate.errors import BackendError
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.model_code import ModelCode
from tidegate.export.graph.evaluated import Multiply, evaluate
from tidegate.export.graph.exported import Exported
from tidegate.export.int8.arithmetic import rounded_products

Computed = Callable[..., Tensor]
"""What is computed elsewhere of a sequence for each input."""
STEPS = 50  # of random input
CLOSE = 1e-4  # relative to the largest output
SHORT, SEQUENCES = 3, 50  # steps, and how many sequences of them, that are compared in int8
STEP_NAMES = {"characters": "character", "bytes": "byte", "words": "word", "bpe": "token"}


@dataclass(frozen=True)
class Comparison:
    """How far outputs are from Python's.

    Attributes:
        error: the largest difference, relative to the largest output; in 8 bits the median of short sequences.
        held_out: steps of data that the model has not been trained on.
        step: the name of such a step.
        int8: whether the arithmetic is that of 8 bits.
    """

    error: float
    held_out: int = 0
    step: str = "step"
    int8: bool = False

    def __str__(self) -> str:
        """Say what was compared."""
        if self.int8:
            near = f"within {self.error:.0e} of" if self.error else "equal to"
            return f"outputs {near} those of the same arithmetic in 8 bits in Python, on random input"
        plural = "" if self.held_out == 1 else "s"
        more = f" and {self.held_out:,} held-out {self.step}{plural}" if self.held_out else ""
        return f"outputs within {self.error:.0e} of Python's on {STEPS} random steps{more}"


def compare(model: Exported, code: ModelCode, computed: Computed, what: str) -> Comparison:
    """Compare the outputs of a model with Python's, on random input and on held-out data.

    In 8 bits they are compared with the same arithmetic in Python.

    Args:
        model: the model.
        code: its code.
        computed: what is compared.
        what: names it.

    Raises:
        BackendError: they differ.
    """
    if isinstance(code.products, Int8Products):
        found = Comparison(_error_in_int8(model, computed, rounded_products(code.products.scales)), int8=True)
    else:
        sequences = [model.random_inputs(STEPS), *model.held_out()]
        error = max(_error(computed(*given), model.outputs(given)) for given in sequences)
        step = "step" if model.tokens is None else STEP_NAMES[model.tokens.level]
        found = Comparison(error, sum(len(it[0]) for it in sequences[1:]), step)
    if not found.error <= CLOSE:
        raise BackendError(
            f"The outputs of {what} differ from Python's by {found.error:.2g} of the largest: nothing was written."
        )
    return found


def _error_in_int8(model: Exported, computed: Computed, multiply: Multiply) -> float:
    """Return the median error of short sequences.

    A number that lies between two whole ones may be rounded to either, after other roundings in float32: a rare and
    small step, which the sequence then remembers. Many short sequences are compared, instead of a long one.
    """
    errors = []
    for seed in range(SEQUENCES):
        inputs = model.random_inputs(SHORT, seed)
        named = {it.name: own for it, own in zip(model.graph.inputs, inputs, strict=True)}
        errors.append(_error(computed(*inputs), evaluate(model.graph, named, multiply)))
    return statistics.median(errors)


def _error(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference, of the largest number; of a whole sequence the last outputs are compared."""
    difference = (found[-len(expected) :] - expected).abs().max() / expected.abs().max().clamp(min=1e-3)
    return float(difference.nan_to_num(nan=float("inf")))
