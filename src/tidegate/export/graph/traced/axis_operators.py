"""Operators that move axes, and those that cut and join features."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from tidegate.export.graph.graph import Graph
from tidegate.export.graph.parts import Columns, Concat, Numbers
from tidegate.export.graph.traced.traced_values import (
    ONE,
    Axis,
    DoesNotFitError,
    FinalState,
    FinalStates,
    Integers,
    Signal,
    Size,
)

aten = torch.ops.aten
END = sys.maxsize  # where a slice without an end ends


def signal(graph: Graph, given: Any) -> Signal:
    """Return a value of the program as one of the graph.

    Raises:
        DoesNotFitError: it is none.
    """
    if isinstance(given, FinalState):
        return given.signal(graph)
    if isinstance(given, FinalStates):
        raise DoesNotFitError("it reads the final states of several layers at once; take one of them: h[-1]")
    if isinstance(given, Size):
        raise DoesNotFitError("it computes with the number of steps or sequences")
    if not isinstance(given, Signal):
        raise DoesNotFitError(
            "it reads whole numbers, or fixed ones, where values computed from the input are expected"
        )
    return given


def transpose(graph: Graph, x: Any, a: int = 0, b: int = 1) -> Signal | Integers:
    """Exchange two axes."""
    x = x if isinstance(x, Integers) else signal(graph, x)
    axes = list(x.axes)
    axes[a], axes[b] = axes[b], axes[a]
    return replace(x, axes=tuple(axes))


def permute(graph: Graph, x: Any, dims: Sequence[int]) -> Signal | Integers:
    """Reorder axes."""
    x = x if isinstance(x, Integers) else signal(graph, x)
    return replace(x, axes=tuple(x.axes[dim] for dim in dims))


def unsqueeze(graph: Graph, x: Any, dim: int) -> Signal:
    """Add an axis of size 1."""
    x = signal(graph, x)
    k = dim % (len(x.axes) + 1)
    return replace(x, axes=(*x.axes[:k], ONE, *x.axes[k:]))


def squeeze(graph: Graph, x: Any, dim: int | Sequence[int]) -> Any:
    """Take axes of size 1 away; others stay."""
    dims = [dim] if isinstance(dim, int) else dim
    if isinstance(x, FinalStates) and list(dims) == [0] and len(x.states) == 1:
        return x.states[0]
    x = signal(graph, x)
    gone = []
    for k in map(x.axis, dims):
        kind = x.axes[k].kind
        if kind in ("time", "batch", None):
            raise DoesNotFitError(f"it takes away {x.axes[k]}, if its size is 1")
        if kind == "one" or x.value.size == 1:
            gone.append(k)
    return replace(x, axes=tuple(axis for k, axis in enumerate(x.axes) if k not in gone))


def select(graph: Graph, x: Any, dim: int, index: int) -> Any:
    """Take one final state of several, the last or first step of all, or one feature."""
    if isinstance(x, FinalStates):
        if dim:
            raise DoesNotFitError("it takes a sequence out of the batch")
        return x.states[index]
    x = signal(graph, x).plain()
    k = x.axis(dim)
    rest = (*x.axes[:k], *x.axes[k + 1 :])
    if x.is_features(k):
        index %= x.value.size
        return Signal(x.value if x.value.size == 1 else graph.add(Columns(index, index + 1), x.value), rest)
    if x.axes[k].kind == "one":
        return Signal(x.value, rest)
    if index not in (0, -1):
        raise DoesNotFitError(f"it takes number {index} of {x.axes[k]}; of steps the first and last can be taken")
    return x.pooled(graph, "first" if index == 0 else "last", k)


def unbind(graph: Graph, x: Any, dim: int = 0) -> list[Any]:
    """Take final states, or features, apart."""
    if isinstance(x, FinalStates) and dim == 0:
        return list(x.states)
    x = signal(graph, x)
    x.expect_features(dim)
    return [select(graph, x, dim, k) for k in range(x.value.size)]


def cut(graph: Graph, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """Take features from one number to another, or the steps before those that a convolution added."""
    begin, stop = 0 if start is None else start, END if end is None else end
    if isinstance(x, FinalStates):
        return FinalStates(x.states[begin:stop:step]) if dim == 0 else x
    x = signal(graph, x)
    if step == 1 and begin == 0 and stop == END:
        return x
    if x.axes[x.axis(dim)].kind == "time" and begin == 0 and step == 1:
        whole = isinstance(stop, Size) and stop.axis.kind == "time"
        if whole or (isinstance(stop, int) and stop == -x.steps_after):
            return replace(x, steps_after=0)
    x.plain().expect_features(dim)
    if step != 1:
        raise DoesNotFitError(f"it takes every feature number {step}")
    first, last, _ = slice(begin, stop).indices(x.value.size)
    return replace(x, value=graph.add(Columns(first, last), x.value))


def split(graph: Graph, x: Any, sizes: int | Sequence[int], dim: int = 0) -> list[Signal]:
    """Cut features into pieces."""
    x = signal(graph, x).plain()
    x.expect_features(dim)
    if isinstance(sizes, int):
        sizes = [min(sizes, x.value.size - first) for first in range(0, x.value.size, sizes)]
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return [x.with_features(graph.add(Columns(e - n, e), x.value), dim) for e, n in zip(ends, sizes, strict=True)]


def chunk(graph: Graph, x: Any, count: int, dim: int = 0) -> list[Signal]:
    """Cut features into a number of pieces."""
    x = signal(graph, x)
    return split(graph, x, -(-x.value.size // count), dim)


def cat(graph: Graph, of: Sequence[Any], dim: int = 0) -> Signal:
    """Join features."""
    found = [signal(graph, it).plain() for it in of]
    for it in found:
        it.expect_features(dim)
    axes = [found[0].axes[k] for k in range(len(found[0].axes))]
    for it in found[1:]:
        axes = [a.joined(b) for a, b in zip(axes, it.axes, strict=True)]
    return Signal(found[0].value, tuple(axes)).with_features(graph.add(Concat(), *[it.value for it in found]), dim)


def stack(graph: Graph, of: Sequence[Any], dim: int = 0) -> Any:
    """Collect final states, or join single features."""
    if all(isinstance(it, FinalState) for it in of) and dim == 0:
        return FinalStates(tuple(of))
    return cat(graph, [unsqueeze(graph, it, dim) for it in of], dim)


def expand(graph: Graph, x: Any, sizes: Sequence[Any], implicit: bool = False) -> Signal:
    """Repeat one feature, or one number of the whole sequence for its features."""
    x = signal(graph, x).plain()
    del implicit
    axes = (ONE,) * (len(sizes) - len(x.axes)) + x.axes
    found = Signal(x.value, axes)
    for k, size in enumerate(sizes):
        if size == -1 or (isinstance(size, Size) and size.axis.is_same(axes[k])):
            continue
        if isinstance(size, int) and axes[k].kind in ("features", "one"):
            if size == (x.value.size if found.is_features(k) else 1):
                continue
            if found.is_features(k) and x.value.size == 1:
                ones = graph.add(Numbers(torch.ones(size)))
                found = found.with_features(graph.apply("mul", x.value, ones), k)
                continue
        raise DoesNotFitError("it repeats values for steps or sequences that they do not have")
    return found


def same_shape(graph: Graph, x: Any, sizes: Sequence[Any]) -> Any:
    """Accept a view of the same shape.

    Raises:
        DoesNotFitError: it is of another.
    """
    x = signal(graph, x)
    if len(sizes) != len(x.axes) or not all(map(_is_size, sizes, x.axes, [x] * len(sizes))):
        raise DoesNotFitError("it joins or cuts axes, such as steps and sequences; only the same axes can be")
    return x


def _is_size(size: Any, axis: Axis, x: Signal) -> bool:
    if isinstance(size, Size):
        return size.axis.is_same(axis)
    own = x.value.size if axis.kind == "features" else axis.size
    return size in (own, -1)


SHAPES: dict[Any, Callable[..., Any]] = {
    aten.transpose.int: transpose,
    aten.t.default: transpose,
    aten.permute.default: permute,
    aten.movedim.int: lambda graph, x, a, b: permute(graph, x, _moved(len(signal(graph, x).axes), a, b)),
    aten.unsqueeze.default: unsqueeze,
    aten.squeeze.dim: squeeze,
    aten.squeeze.dims: squeeze,
    aten.select.int: select,
    aten.unbind.int: unbind,
    aten.slice.Tensor: cut,
    aten.split.Tensor: split,
    aten.split_with_sizes.default: split,
    aten.chunk.default: chunk,
    aten.cat.default: cat,
    aten.stack.default: stack,
    aten.expand.default: expand,
    aten.view.default: same_shape,
    aten.reshape.default: same_shape,
}
"""How each operator is written."""


def _moved(rank: int, a: int, b: int) -> list[int]:
    order = [dim for dim in range(rank) if dim != a % rank]
    order.insert(b % rank, a % rank)
    return order
