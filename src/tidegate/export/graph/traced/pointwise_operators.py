"""Operators on each number by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.modules import ACTIVATIONS
from tidegate.export.graph.parts import Numbers
from tidegate.export.graph.traced.traced_values import FEATURES, ONE, Axis, DoesNotFitError, Fixed, Signal

aten = torch.ops.aten
Operand = Signal | Fixed | float


def apply(graph: Graph, operation: str, *of: Operand) -> Signal:
    """Add an operation of signals, fixed numbers and numbers, aligned as PyTorch aligns them.

    Raises:
        DoesNotFitError: it lines up steps with features, say.
    """
    axes = list(_aligned([it.plain().axes for it in of if isinstance(it, Signal)]))
    rank = max([len(axes), *[it.tensor.dim() for it in of if isinstance(it, Fixed)]])
    axes = [ONE] * (rank - len(axes)) + axes
    for it in of:
        if isinstance(it, Fixed):
            _line_up(it, axes)
    if sum(axis.kind == "features" for axis in axes) > 1:
        raise DoesNotFitError("it combines each feature of one operand with each of another")
    return Signal(graph.apply(operation, *[_operand(graph, it) for it in of]), tuple(axes))


def _aligned(all_axes: list[tuple[Axis, ...]]) -> tuple[Axis, ...]:
    rank = max(map(len, all_axes))
    found = [ONE] * rank
    for axes in all_axes:
        for k, axis in enumerate(axes, rank - len(axes)):
            found[k] = found[k].joined(axis)
    return tuple(found)


def _line_up(given: Fixed, axes: list[Axis]) -> None:
    """Check that fixed numbers that differ are one for each feature; note where the features are, if that was open."""
    for k, size in enumerate(reversed(given.tensor.shape), 1):
        if size > 1:
            if axes[-k].kind not in ("features", "one"):
                raise DoesNotFitError(f"it lines up {size} fixed numbers with {axes[-k]}")
            axes[-k] = FEATURES


def _operand(graph: Graph, given: Operand) -> Value | float:
    if isinstance(given, Signal):
        return given.value
    if not isinstance(given, Fixed):
        return float(given)
    if given.tensor.numel() == 1:
        return float(given.tensor)
    return graph.add(Numbers(given.tensor.detach().float().flatten().clone()))


def _one(operation: str) -> Callable[..., Signal]:
    return lambda graph, x: apply(graph, operation, x)


def _two(operation: str, swapped: bool = False) -> Callable[..., Signal]:
    def handler(graph: Graph, a: Operand, b: Operand, alpha: float = 1) -> Signal:
        a, b = (b, a) if swapped else (a, b)
        if alpha != 1:
            b = b * alpha if isinstance(b, int | float) else apply(graph, "mul", b, alpha)
        return apply(graph, operation, a, b)

    return handler


def _module(make: Callable[..., nn.Module]) -> Callable[..., Signal]:
    """Return how an operator is written whose numbers are those of a module."""

    def handler(graph: Graph, x: Signal, *numbers: Any, **named: Any) -> Signal:
        module = make(*numbers, **named)
        return Signal(ACTIVATIONS[type(module)](graph, x.plain().value, module), x.axes)

    return handler


def _clamp(graph: Graph, x: Operand, low: Any = None, high: Any = None) -> Operand:
    x = x if low is None else apply(graph, "maximum", x, low)
    return x if high is None else apply(graph, "minimum", x, high)


def _power(graph: Graph, x: Operand, exponent: Any) -> Operand:
    match exponent:
        case 1:
            return x
        case 2:
            return apply(graph, "mul", x, x)
        case 3:
            return apply(graph, "mul", apply(graph, "mul", x, x), x)
        case 0.5:
            return apply(graph, "sqrt", x)
        case -0.5:
            return apply(graph, "rsqrt", x)
        case -1:
            return apply(graph, "div", 1.0, x)
        case _:
            raise DoesNotFitError(f"its exponent is {exponent}; 1, 2, 3, 0.5, -0.5 and -1 can be")


def _softplus(beta: float = 1.0, threshold: float = 20.0) -> nn.Module:
    return nn.Softplus(beta, threshold)


def _elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> nn.Module:
    if (scale, input_scale) != (1, 1):
        raise DoesNotFitError("it is a scaled ELU")
    return nn.ELU(alpha)


POINTWISE: dict[Any, Callable[..., Any]] = {
    aten.add.Tensor: _two("add"),
    aten.add.Scalar: _two("add"),
    aten.sub.Tensor: _two("sub"),
    aten.sub.Scalar: _two("sub"),
    aten.rsub.Tensor: _two("sub", swapped=True),
    aten.rsub.Scalar: _two("sub", swapped=True),
    aten.mul.Tensor: _two("mul"),
    aten.mul.Scalar: _two("mul"),
    aten.div.Tensor: _two("div"),
    aten.div.Scalar: _two("div"),
    aten.reciprocal.default: lambda graph, x: apply(graph, "div", 1.0, x),
    aten.square.default: lambda graph, x: apply(graph, "mul", x, x),
    aten.pow.Tensor_Scalar: _power,
    aten.minimum.default: _two("minimum"),
    aten.maximum.default: _two("maximum"),
    aten.clamp.default: _clamp,
    aten.clamp_min.default: _clamp,
    aten.clamp_max.default: lambda graph, x, high: _clamp(graph, x, None, high),
    aten.neg.default: _one("neg"),
    aten.sigmoid.default: _one("sigmoid"),
    aten.tanh.default: _one("tanh"),
    aten.relu.default: _one("relu"),
    aten.exp.default: _one("exp"),
    aten.log.default: _one("log"),
    aten.sqrt.default: _one("sqrt"),
    aten.rsqrt.default: _one("rsqrt"),
    aten.sin.default: _one("sin"),
    aten.cos.default: _one("cos"),
    aten.abs.default: _one("absolute"),
    aten.softplus.default: _module(_softplus),
    aten.silu.default: _module(nn.SiLU),
    aten.leaky_relu.default: _module(nn.LeakyReLU),
    aten.elu.default: _module(_elu),
    aten.gelu.default: _module(nn.GELU),
    aten.hardtanh.default: _module(nn.Hardtanh),
    aten.relu6.default: _module(nn.ReLU6),
    aten.hardsigmoid.default: _module(nn.Hardsigmoid),
}
"""How each operator is written. Its name is that of PyTorch, its operands are those of the traced program."""
