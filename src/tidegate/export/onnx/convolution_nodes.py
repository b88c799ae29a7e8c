"""Causal convolutions as ONNX nodes, with the frames that they remember."""

from __future__ import annotations

import numpy as np

from tidegate.export.graph.parts import Convolution
from tidegate.export.onnx.nodes import Nodes
from tidegate.export.onnx.part_nodes import Axes, numbers


def history(part: Convolution) -> int:
    """Return how many frames before a step a convolution reads."""
    return (part.weight.shape[2] - 1) * part.dilation


def add_convolution(nodes: Nodes, axes: Axes, part: Convolution, x: str, before: str) -> tuple[str, list[str]]:
    """Add a convolution.

    Args:
        nodes: to which it is added.
        axes: of x.
        part: the convolution.
        x: (T, B, I), or (B, I) for one step.
        before: the frames before the first step, (B, `history`, I); "" for zeros.

    Returns:
        (T, B, O) or (B, O), and the frames before the next step; none if it reads one frame at a time.
    """
    rows, columns, _ = part.weight.shape
    inputs, past, second = rows if part.depthwise else columns, history(part), nodes.shape(1)
    frames = nodes.add("Transpose", x, perm=[1, 0, 2]) if axes.steps else nodes.add("Unsqueeze", x, second)
    final: list[str] = []
    if past:
        if not before:
            before = nodes.add("Expand", nodes.number(0.0), axes.shape(nodes, past, inputs, steps=False))
        frames = nodes.add("Concat", before, frames, axis=1)
        final = [_last_frames(nodes, axes, frames, past)]
    bias = [] if part.bias is None else [numbers(nodes, part.bias, "bias")]
    made = nodes.add(
        "Conv",
        nodes.add("Transpose", frames, perm=[0, 2, 1]),
        numbers(nodes, part.weight, "kernel"),
        *bias,
        dilations=[part.dilation],
        group=rows if part.depthwise else 1,
    )
    if axes.steps:
        return nodes.add("Transpose", made, perm=[2, 0, 1]), final
    return nodes.add("Squeeze", made, nodes.shape(2)), final


def _last_frames(nodes: Nodes, axes: Axes, frames: str, past: int) -> str:
    """Return the last valid frames of (B, past + T, I)."""
    if axes.lengths is None:
        return nodes.add("Slice", frames, nodes.shape(-past), nodes.shape(np.iinfo(np.int64).max), nodes.shape(1))
    steps = nodes.add("Add", axes.lengths.given, nodes.constant(np.arange(past), "frames"))
    return nodes.add("GatherND", frames, nodes.add("Unsqueeze", steps, nodes.shape(2)), batch_dims=1)
