"""A recurrent network of one unit, in which backpropagation through time can be followed by hand.

h_t = tanh(w h_{t-1} + u x_t + b). By the chain rule the whole derivative is a product with one factor for each step::

    dh_T / dh_0 = prod_t w (1 - h_t²)

With w = 3 each factor may be as large as 3 (gradients explode) and is near 0 where the unit is saturated (they vanish).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tidegate.drawing import table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import Table, table_text
from tidegate.nn import Recurrent


@dataclass(frozen=True)
class ScalarExample:
    """dh_T / dh_0 of a network of one unit, found three ways.

    Attributes:
        inputs: x_1 .. x_T.
        states: h_0 .. h_T, by the formula.
        factors: w (1 - h_t²) for t = 1 .. T: dh_t / dh_{t-1}.
        by_hand: the product of the factors.
        by_machine: by automatic differentiation of `tidegate.nn.Recurrent` with one unit and these weights.
        by_difference: (h_T(h_0 + e) - h_T(h_0 - e)) / 2e by the formula, e = 1e-6.
    """

    inputs: tuple[float, ...]
    states: tuple[float, ...]
    factors: tuple[float, ...]
    by_hand: float
    by_machine: float
    by_difference: float

    def __str__(self) -> str:
        return f"{self._said()}\n{table_text(*self._table())}"

    def _repr_html_(self) -> str:
        """A notebook's view: the factors, step by step, and their product."""
        return table_html(*self._table(), caption=self._said())

    def _said(self) -> str:
        ways = {"hand": self.by_hand, "machine": self.by_machine, "differences": self.by_difference}
        return "dh_T / dh_0 " + ", ".join(f"by {name} {value:.6g}" for name, value in ways.items())

    def _table(self) -> Table:
        rows = list(zip(range(1, 1 + len(self.inputs)), self.inputs, self.states[1:], self.factors, strict=True))
        return rows, ("t", "x", "h", "dh_t / dh_{t-1}")


def scalar_example(
    inputs: Sequence[float], *, start: float = 0.0, w: float = 3.0, u: float = 2.0, b: float = 1.0
) -> ScalarExample:
    """Differentiate h_t = tanh(w h_{t-1} + u x_t + b) by hand, by machine and by differences, in 64 bits.

    Args:
        inputs: x_1 .. x_T, at least one.
        start: h_0.
        w: weight of the state.
        u: weight of the input.
        b: bias.

    Raises:
        ArgumentError: there is no input, or a number is not finite.

    Example:
        >>> example = scalar_example([-0.5, 0.5, -1.0])
        >>> [round(it, 3) for it in example.factors]
        [3.0, 0.212, 0.261]
        >>> round(example.by_hand, 3), round(example.by_machine, 3)
        (0.166, 0.166)
    """
    if not inputs or not all(math.isfinite(it) for it in (*inputs, start, w, u, b)):
        raise ArgumentError(f"the inputs should be at least one finite number; given {list(inputs)!r:.80}")

    def run(h: float) -> list[float]:
        states = [h]
        for x in inputs:
            states.append(math.tanh(w * states[-1] + u * x + b))
        return states

    states, e = run(start), 1e-6
    factors = [w * (1 - h * h) for h in states[1:]]
    layer = Recurrent("rnn_tanh", 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for name, value in {"weight_hh_l0": w, "weight_ih_l0": u, "bias_l0": b}.items():
            layer.get_parameter(name).fill_(value)
    h = torch.tensor([[[start]]], dtype=torch.float64, requires_grad=True)
    _, last = layer(torch.tensor(list(inputs), dtype=torch.float64).reshape(-1, 1, 1), h)
    (gradient,) = torch.autograd.grad(last.sum(), h)
    difference = (run(start + e)[-1] - run(start - e)[-1]) / (2 * e)
    return ScalarExample(tuple(inputs), tuple(states), tuple(factors), math.prod(factors), float(gradient), difference)
