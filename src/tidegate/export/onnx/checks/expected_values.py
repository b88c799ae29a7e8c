"""What a graph of parts gives in PyTorch, for batches with lengths and states: what an ONNX file is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.engine import run
from tidegate.export.graph import parts
from tidegate.export.graph.evaluated import each_step, exact
from tidegate.export.graph.graph import Graph, Value

States = dict[Value, tuple[Tensor, ...]]


def expected_values(
    graph: Graph,
    inputs: Sequence[Tensor],
    lengths: Tensor | None = None,
    states: Mapping[Value, Sequence[Tensor]] | None = None,
    *,
    dtype: torch.dtype = torch.float64,
) -> tuple[dict[str, Tensor], States]:
    """Compute a graph.

    Args:
        graph: the model.
        inputs: for each input tokens (T, B) or frames (T, B, size).
        lengths: (B,) valid steps; None for all.
        states: the initial states (B, ·) of the parts that have some; None for those of the model.
        dtype: in which it is computed.

    Returns:
        The outputs by name, (T, B, size) or (B, size), and the final states.
    """
    steps, batch = inputs[0].shape[:2]
    valid = torch.ones(steps, batch, 1, dtype=torch.bool)
    if lengths is not None:
        valid = (torch.arange(steps)[:, None] < lengths)[..., None]
    found: dict[Value, Tensor] = dict(zip(graph.inputs, inputs, strict=True))
    found = {value: it if value.tokens is not None else it.to(dtype) for value, it in found.items()}
    final: States = {}
    for value in graph.values:
        of = [found[it] for it in value.of]
        start = None if states is None or not states.get(value) else tuple(it.to(dtype) for it in states[value])
        match value.part:
            case parts.Layer():
                found[value], final[value] = _layer(value.part, of, lengths, start)
            case parts.Convolution():
                found[value], final[value] = _convolution(value.part, of[0], lengths, start)
            case parts.Pool():
                found[value] = _pool(value, of, valid, final)
            case _:
                found[value] = each_step(value.part, of, partial(exact, ""), dtype)
    return {name: found[value].expand(*_axes(value, steps, batch), -1) for name, value in graph.outputs.items()}, final


def _axes(value: Value, steps: int, batch: int) -> tuple[int, ...]:
    return (batch,) if value.whole else (steps, batch)


def _layer(
    part: parts.Layer, of: list[Tensor], lengths: Tensor | None, start: tuple[Tensor, ...] | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    x, batch = of[0], of[0].shape[1]
    if start is None and part.initial:
        start = tuple(it.to(x).expand(batch, -1) for it in part.initial)
    masks = {name: it.expand(*x.shape[:2], part.hidden) for name, it in zip(part.masks, of[1:], strict=True)}
    made = run(
        part.cell, x, part.weights.map(lambda it: it.to(x)), start, lengths=lengths, reverse=part.reverse, masks=masks,
        backend="reference",
    )  # fmt: skip
    return made.output, made.state


def _convolution(
    part: parts.Convolution, x: Tensor, lengths: Tensor | None, start: tuple[Tensor, ...] | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    rows, _, kernel = part.weight.shape
    past = (kernel - 1) * part.dilation
    before = x.new_zeros(x.shape[1], past, x.shape[2]) if start is None else start[0]
    frames = torch.cat([before.transpose(0, 1), x])
    bias = None if part.bias is None else part.bias.to(x)
    groups = rows if part.depthwise else 1
    made = functional.conv1d(frames.permute(1, 2, 0), part.weight.to(x), bias, 1, 0, part.dilation, groups)
    ends = torch.full((x.shape[1],), len(x)) if lengths is None else lengths
    final = torch.stack([frames[int(end) : int(end) + past, b] for b, end in enumerate(ends)])
    return made.permute(2, 0, 1), (final,) if past else ()


def _pool(value: Value, of: list[Tensor], valid: Tensor, final: States) -> Tensor:
    kind, x = getattr(value.part, "kind", ""), torch.where(valid, of[0], 0)
    operand, count = value.of[0], valid.sum(0)
    reverse = getattr(operand.part, "reverse", None)
    if reverse is not None and kind == ("first" if reverse else "last"):
        return final[operand][0]
    match kind:
        case "last":
            return torch.where(count > 0, x[(count[:, 0] - 1).clamp_min(0), torch.arange(x.shape[1])], 0)
        case "first":
            return torch.where(count > 0, x[0], 0)
        case "mean":
            return x.sum(0) / count.clamp_min(1)
        case "max":
            return torch.where(count > 0, of[0].masked_fill(~valid, -torch.inf).amax(0), 0)
    score = of[1].masked_fill(~valid, torch.finfo(torch.float32).min)
    return (score.softmax(0) * x).sum(0)
