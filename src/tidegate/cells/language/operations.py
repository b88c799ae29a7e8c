"""The operations of a cell's equations, without products: one table, for tensors and for symbols.

A row defines how torch computes an operation and how it is written; the text and LaTeX templates use ``{0}`` and
``{1}`` for the arguments. No other place defines how operations are written.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tidegate.cells.language.alternatives import CONDITION
from tidegate.cells.language.expression import Condition, apply
from tidegate.cells.language.symbol import Symbol
from tidegate.errors import CellError


@dataclass(frozen=True)
class Operation:
    """How one operation is computed and written.

    Attributes:
        compute: the operation on tensors.
        text: its plain-text template.
        latex: its LaTeX template.
        binding: its precedence (1 sum, 2 product, 3 sign, 4 function), for brackets.
    """

    compute: Callable[..., Any]
    text: str
    latex: str
    binding: int = 4


def _function(name: str, compute: Callable[..., Any], latex: str | None = None, text: str | None = None) -> Operation:
    head = latex or rf"\operatorname{{{{{name}}}}}"  # doubled braces: it is a template of str.format
    return Operation(compute, f"{text or name}({{0}})", rf"{head}\left({{0}}\right)")


def _normalize(v: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(v, v.shape[-1:])


def _softplus(v: Tensor) -> Tensor:
    # Not torch's softplus: above 20 that is v itself, half a million ulp off in float64.
    return -torch.nn.functional.logsigmoid(-v)


def _extreme(name: str, pair: Callable[..., Any], bound: str) -> Operation:
    def compute(a: Any, b: Any) -> Any:
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return pair(a, b)
        vector, number = (a, b) if isinstance(a, Tensor) else (b, a)
        return torch.clamp(vector, **{bound: number})

    return Operation(compute, f"{name}({{0}}, {{1}})", rf"\{name}\left({{0}}, {{1}}\right)")


def _choice(compare: Callable[[Any, Any], Any], text: str, latex: str) -> Operation:
    cases = r"\begin{{cases}} {2} & \text{{if }} {0} SIGN {1} \\ {3} & \text{{otherwise}} \end{{cases}}"
    return Operation(
        lambda a, b, v, w: torch.where(compare(a, b), v, w),
        f"where({{0}} {text} {{1}}, {{2}}, {{3}})",
        cases.replace("SIGN", latex),
    )


OPERATIONS: dict[str, Operation] = {
    "add": Operation(lambda a, b: a + b, "{0} + {1}", "{0} + {1}", 1),
    "sub": Operation(lambda a, b: a - b, "{0} - {1}", "{0} - {1}", 1),
    "mul": Operation(lambda a, b: a * b, "{0} ⊙ {1}", r"{0} \odot {1}", 2),
    "div": Operation(lambda a, b: a / b, "{0} / {1}", r"\frac{{{0}}}{{{1}}}", 2),
    "neg": Operation(lambda a: -a, "-{0}", "-{0}", 3),
    "sigmoid": _function("sigmoid", torch.sigmoid, r"\sigma", "σ"),
    "tanh": _function("tanh", torch.tanh, r"\tanh"),
    "relu": _function("relu", torch.relu),
    "exp": _function("exp", torch.exp, r"\exp"),
    "log": _function("log", torch.log, r"\log"),
    "softplus": _function("softplus", _softplus),
    "sqrt": Operation(torch.sqrt, "sqrt({0})", r"\sqrt{{{0}}}"),
    "sin": _function("sin", torch.sin, r"\sin"),
    "cos": _function("cos", torch.cos, r"\cos"),
    "absolute": Operation(torch.abs, "|{0}|", r"\left|{0}\right|"),
    "remainder": Operation(lambda a, b: a % b, "mod({0}, {1})", r"\operatorname{{mod}}\left({0}, {1}\right)"),
    "minimum": _extreme("min", torch.minimum, "max"),
    "maximum": _extreme("max", torch.maximum, "min"),
    "where_at_most": _choice(operator.le, "≤", r"\le"),
    "where_less": _choice(operator.lt, "<", "<"),
    "normalize": _function("normalize", _normalize),
    "softmax": _function("softmax", lambda v: torch.softmax(v, -1)),
    "cumsum": _function("cumsum", lambda v: torch.cumsum(v, -1)),
    "unit_sum": _function("unit_sum", lambda v: v.sum(-1, keepdim=True).expand_as(v)),
    "unit_mean": _function("unit_mean", lambda v: v.mean(-1, keepdim=True).expand_as(v)),
}
"""The table: every operation of the cell language by name, without products."""


def call(op: str, *args: Any) -> Any:
    """Apply the operation of a name to tensors or symbols."""
    if any(isinstance(arg, Symbol) for arg in args):
        return apply(op, *args)
    return OPERATIONS[op].compute(*args)


def sigmoid(v: Any) -> Any:
    """σ(v) = 1 / (1 + exp(-v))."""
    return call("sigmoid", v)


def tanh(v: Any) -> Any:
    """The hyperbolic tangent."""
    return call("tanh", v)


def relu(v: Any) -> Any:
    """max(v, 0)."""
    return call("relu", v)


def exp(v: Any) -> Any:
    """The exponential."""
    return call("exp", v)


def log(v: Any) -> Any:
    """The natural logarithm."""
    return call("log", v)


def softplus(v: Any) -> Any:
    """log(1 + exp(v))."""
    return call("softplus", v)


def sqrt(v: Any) -> Any:
    """The square root."""
    return call("sqrt", v)


def sin(v: Any) -> Any:
    """The sine of v radians."""
    return call("sin", v)


def cos(v: Any) -> Any:
    """The cosine of v radians."""
    return call("cos", v)


def absolute(v: Any) -> Any:
    """|v|."""
    return call("absolute", v)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two, elementwise; either may be a number."""
    return call("minimum", a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of the two, elementwise; either may be a number."""
    return call("maximum", a, b)


def where(condition: Any, v: Any, w: Any) -> Any:
    """v where the condition holds, w elsewhere, elementwise; one of the two may be a number.

    Args:
        condition: a comparison of two values, ``a <= b``, ``a < b``, ``a >= b`` or ``a > b``. One with NaN does not
            hold.
        v: chosen where it holds.
        w: chosen where it does not.

    Raises:
        CellError: the condition is no comparison, or v and w are both numbers.
    """
    if not isinstance(condition, Condition) and not (isinstance(condition, Tensor) and condition.dtype == torch.bool):
        raise CellError(f"where() was given {type(condition).__name__} for a condition. {CONDITION}")
    if not any(isinstance(it, Symbol | Tensor) for it in (v, w)):
        raise CellError(
            "where() was given two numbers; one of them must be a value of the step. Where a factor is chosen, choose "
            "the product: where(a > b, v, 0) for v * where(a > b, 1, 0)."
        )
    if isinstance(condition, Condition):
        return apply(condition.op, condition.a, condition.b, v, w)
    return torch.where(condition, v, w)


def normalize(v: Any) -> Any:
    """(v - mean) / sqrt(variance + 1e-5) over the hidden units: layer norm (Ba 2016) without gain and bias.

    Gain and bias are parameters: ``p.gain * normalize(v) + p.bias``.
    """
    return call("normalize", v)


def softmax(v: Any) -> Any:
    """exp(v) / Σ exp(v), the sum over the hidden units."""
    return call("softmax", v)


def cumsum(v: Any) -> Any:
    """Each hidden unit's v added to those of all hidden units before it."""
    return call("cumsum", v)


def unit_sum(v: Any) -> Any:
    """The sum over the hidden units, the same number for each of them."""
    return call("unit_sum", v)


def unit_mean(v: Any) -> Any:
    """The mean over the hidden units, the same number for each of them."""
    return call("unit_mean", v)
