"""Operators with weights, and those over the features or over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from tidegate.export.graph.graph import Graph
from tidegate.export.graph.parts import Convolution, LayerNorm, Linear, PoolKind, Softmax
from tidegate.export.graph.traced.axis_operators import signal
from tidegate.export.graph.traced.pointwise_operators import apply
from tidegate.export.graph.traced.traced_values import DoesNotFitError, Fixed, Signal

aten = torch.ops.aten


def weights_of(given: Any) -> Any:
    """Return fixed numbers in float32; None for None.

    Raises:
        DoesNotFitError: they are not fixed.
    """
    if given is None:
        return None
    if not isinstance(given, Fixed) or given.free:
        raise DoesNotFitError("its weights are not fixed: they are computed from the input")
    return given.tensor.detach().float().cpu().clone()


def _linear(graph: Graph, x: Any, weight: Any, bias: Any = None) -> Signal:
    x = signal(graph, x).plain()
    x.expect_features(-1)
    return x.with_features(graph.add(Linear(weights_of(weight), weights_of(bias)), x.value))


def _matmul(graph: Graph, x: Any, other: Any) -> Signal:
    if not isinstance(other, Fixed) or not isinstance(x, Signal):
        raise DoesNotFitError("it multiplies two values of the sequence, such as attention does")
    if other.tensor.dim() != 2:
        raise DoesNotFitError("it is no product with one matrix")
    return _linear(graph, x, Fixed(other.tensor.t()))


def _addmm(graph: Graph, bias: Any, x: Any, matrix: Any, *, beta: float = 1, alpha: float = 1) -> Signal:
    if (beta, alpha) != (1, 1) or not isinstance(bias, Fixed) or bias.tensor.dim() != 1:
        raise DoesNotFitError("it is no product with a matrix and a bias")
    return _linear(graph, x, Fixed(weights_of(matrix).t()), bias)


def _layer_norm(
    graph: Graph, x: Any, shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5, _: bool = True
) -> Signal:
    x = signal(graph, x).plain()
    x.expect_features(-1)
    if len(shape) != 1:
        raise DoesNotFitError("it normalises more than the features of a step")
    return replace(x, value=graph.add(LayerNorm(eps, weights_of(weight), weights_of(bias)), x.value))


def _batch_norm(
    graph: Graph, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, _: float, eps: float, __: bool
) -> Signal:
    x = signal(graph, x).plain()
    x.expect_features(1)
    if training:
        raise DoesNotFitError("it is in training mode; call module.eval() first")
    scale = (weights_of(var) + eps).rsqrt() * (1.0 if weight is None else weights_of(weight))
    shift = (0.0 if bias is None else weights_of(bias)) - weights_of(mean) * scale
    columns = [Fixed(it.reshape(-1, *[1] * (len(x.axes) - 2))) for it in (scale, shift)]
    return apply(graph, "add", apply(graph, "mul", x, columns[0]), columns[1])


def _softmax(log: bool) -> Callable[..., Signal]:
    def handler(graph: Graph, x: Any, dim: int, _: Any = None) -> Signal:
        x = signal(graph, x).plain()
        x.expect_features(dim)
        return replace(x, value=graph.add(Softmax(log), x.value))

    return handler


def _pad(graph: Graph, x: Any, pads: Sequence[int], mode: Any = "constant", number: float | None = None) -> Signal:
    x = signal(graph, x)
    found = x.zeros_before
    for k, (before, after) in enumerate(zip(pads[::2], pads[1::2], strict=True), 1):
        if (before, after) == (0, 0):
            continue
        if number or mode not in ("constant", 0, 0.0) or before < 0 or after:
            raise DoesNotFitError("it adds something else than zeros before the first step")
        x.axes[-k].be("time")
        found += before
    return replace(x, zeros_before=found)


def _convolution(
    graph: Graph,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sequence[int] = (1,),
    padding: Sequence[int] | str = (0,),
    dilation: Sequence[int] = (1,),
    groups: int = 1,
) -> Signal:
    x, w = signal(graph, x), weights_of(weight)
    x.axes[-1].be("time")
    x.expect_features(-2)
    if tuple(stride) != (1,) or isinstance(padding, str) or groups not in (1, x.value.size):
        raise DoesNotFitError("it has a stride, groups or padding='same'")
    if groups > 1 and w.shape[0] != groups:
        raise DoesNotFitError("it makes several values of each feature by itself")
    (pad,), (d,) = padding, dilation
    reach = (w.shape[-1] - 1) * d  # how far it looks back
    if x.steps_after or x.zeros_before + pad != reach:
        raise DoesNotFitError(
            f"it looks ahead, or at fewer steps than there were: it needs {reach} zeros before the first step, "
            f"pad(x, ({reach}, 0)), and no others"
        )
    part = Convolution(w, weights_of(bias), d, depthwise=groups > 1)
    made = x.with_features(graph.add(part, x.value), -2)
    return replace(made, steps_after=pad)


def _pool(kind: PoolKind, several: bool = False) -> Callable[..., Any]:
    def handler(graph: Graph, x: Any, dim: int | Sequence[int] | None = None, keepdim: bool = False, **_: Any) -> Any:
        x, dims = signal(graph, x).plain(), [dim] if isinstance(dim, int) else list(dim or ())
        if len(dims) != 1 or keepdim:
            raise DoesNotFitError("it is over several axes at once, or keeps an axis of size 1 (keepdim=True)")
        made = x.pooled(graph, kind, dims[0])
        return [made] if several else made

    return handler


LAYERS: dict[Any, Callable[..., Any]] = {
    aten.linear.default: _linear,
    aten.matmul.default: _matmul,
    aten.mm.default: _matmul,
    aten.bmm.default: _matmul,
    aten.addmm.default: _addmm,
    aten.layer_norm.default: _layer_norm,
    aten.batch_norm.default: _batch_norm,
    aten.softmax.int: _softmax(log=False),
    aten._softmax.default: _softmax(log=False),
    aten.log_softmax.int: _softmax(log=True),
    aten._log_softmax.default: _softmax(log=True),
    aten.pad.default: _pad,
    aten.constant_pad_nd.default: lambda graph, x, pads, number=0: _pad(graph, x, pads, "constant", number),
    aten.conv1d.default: _convolution,
    aten.conv1d.padding: _convolution,
    aten.mean.dim: _pool("mean"),
    aten.amax.default: _pool("max"),
    aten.max.dim: _pool("max", several=True),
}
"""How each operator is written."""
