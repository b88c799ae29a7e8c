"""The functions that other programs have in their cells, by the names that they give them, in a cell's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.cells import absolute, exp, maximum, minimum, relu, sigmoid, softplus, tanh, where
from tidegate.errors import ArgumentError


@dataclass(frozen=True)
class Activation:
    """A function of one number.

    Attributes:
        name: in `FUNCTIONS`.
        alpha: its first parameter, if it has any.
        beta: its second.
    """

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __call__(self, a: Any) -> Any:
        """Apply it to a symbol of a cell's equations, or a tensor."""
        return FUNCTIONS[self.name](a, self.alpha, self.beta)

    def __str__(self) -> str:
        """Return it as an equation has it."""
        numbers = [f"{it:g}" for it in (self.alpha, self.beta) if it]
        return f"{self.name}({', '.join(numbers)})" if numbers else self.name


def clipped(a: Any, low: float, high: float) -> Any:
    """Return min(max(a, low), high)."""
    return minimum(maximum(a, low), high)


FUNCTIONS: dict[str, Callable[[Any, float, float], Any]] = {
    "sigmoid": lambda a, *_: sigmoid(a),
    "tanh": lambda a, *_: tanh(a),
    "relu": lambda a, *_: relu(a),
    "linear": lambda a, *_: a,
    "hard_sigmoid": lambda a, alpha, beta: clipped(alpha * a + beta, 0.0, 1.0),  # its slope differs between programs
    "softsign": lambda a, *_: a / (1.0 + absolute(a)),
    "softplus": lambda a, *_: softplus(a),
    "exponential": lambda a, *_: exp(a),
    "elu": lambda a, alpha, _: where(a < 0.0, alpha * (exp(minimum(a, 0.0)) - 1.0), a),
    "leaky_relu": lambda a, alpha, _: where(a < 0.0, alpha * a, a),
    "thresholded_relu": lambda a, alpha, _: where(a > alpha, a, 0.0),
    "scaled_tanh": lambda a, alpha, beta: alpha * tanh(beta * a),
    "affine": lambda a, alpha, beta: alpha * a + beta,
    "silu": lambda a, *_: a * sigmoid(a),
}
"""Each function of a number, alpha and beta."""

SIGMOID, TANH, RELU = Activation("sigmoid"), Activation("tanh"), Activation("relu")
HARD_SIGMOID_OF_KERAS_2 = Activation("hard_sigmoid", 0.2, 0.5)
HARD_SIGMOID_OF_KERAS_3 = Activation("hard_sigmoid", 1 / 6, 0.5)


def checked_activation(name: str, alpha: float = 0.0, beta: float = 0.0) -> Activation:
    """Return a function by its name in `FUNCTIONS`.

    Raises:
        ArgumentError: there is none of that name.
    """
    if name not in FUNCTIONS:
        raise ArgumentError(f"The activation {name!r} is not known; these are: {', '.join(sorted(FUNCTIONS))}.")
    return Activation(name, alpha, beta)
