"""Run one layer or a whole module with PyTorch's operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.vendor.double_backward import by_reference, with_double_backward
from tidegate.engine.backends.vendor.flat_weights import Sizes, flat
from tidegate.engine.backends.vendor.fused import fused_layer
from tidegate.engine.backends.vendor.sequences import packed, packing, padded
from tidegate.engine.call import Call, Result


def run_layers(calls: Sequence[Call]) -> Result:
    """Run the layers and directions of a module, or one layer in one direction.

    Args:
        calls: of one kind of cell, layer by layer, forward before reverse; the input is the first one's.

    Returns:
        As `tidegate.engine.Backend.run` for one call, else as `tidegate.engine.Backend.run_stack`.
    """
    first = calls[0]
    if first.lengths is not None and not bool((first.lengths > 0).any()):
        return by_reference(calls, "vendor")
    # Half precision was asked for, and these layers have one dtype for everything: states are rounded too.
    states = tuple(
        torch.stack([s.to(first.x.dtype) for s in each]) for each in zip(*(c.state for c in calls), strict=True)
    )
    output, final = _run(calls, states)
    widened = torch.promote_types(first.state[0].dtype, torch.float32)
    final = tuple(s.to(widened) for s in final)
    result = Result(output, tuple(s[0] for s in final) if len(calls) == 1 else final, {}, "vendor")
    return with_double_backward(calls, result)


def _run(calls: Sequence[Call], states: tuple[Tensor, ...]) -> tuple[Tensor, Sequence[Tensor]]:
    first, x = calls[0], calls[0].x
    steps, batch, _ = x.shape
    layer = fused_layer(first.cell.digest)
    biased = any(c.weights.b_ih is not None or c.weights.b_hh is not None for c in calls)
    directions = 2 if len(calls) > 1 and calls[1].reverse else 1
    layers, proj = len(calls) // directions, 0 if first.weights.w_hr is None else first.weights.w_hr.shape[0]
    listed = [t for c in calls for t in layer.listed(c.weights, biased=biased)]
    weights = flat(listed, Sizes(layer.mode, first.hidden_size, proj, layers, directions))
    how: dict[str, Any] = {"biased": biased, "layers": layers, "bidirectional": directions == 2}
    if first.lengths is None:
        output, final = layer.run(x.flip(0) if first.reverse else x, None, states, weights, **how)
        return output.flip(0) if first.reverse else output, final
    order = packing(first.lengths, reverse=first.reverse)
    begin = [s.index_select(1, order.sequences) for s in states]
    data, last = layer.run(packed(x, order), order.batch_sizes, begin, weights, **how)
    # A sequence without steps keeps its initial state.
    final = [s.index_copy(1, order.sequences, value) for s, value in zip(states, last, strict=True)]
    return padded(data, order, steps, batch), final
