"""Run one layer or a whole module with PyTorch's operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.vendor.double_backward import by_reference, with_double_backward
from tidegate.engine.backends.vendor.flat_weights import Sizes, flat
from tidegate.engine.backends.vendor.fused import fused_layer
from tidegate.engine.backends.vendor.sequences import Packing, packed, packing, padded
from tidegate.engine.call import Call, Result
from tidegate.engine.weights import Weights


def run_layers(calls: Sequence[Call]) -> Result:
    """Run the layers and directions of a module, or one layer in one direction.

    Args:
        calls: of one kind of cell, layer by layer, forward before reverse; the input is the first one's.

    Returns:
        As `tidegate.engine.Backend.run` for one call, else as `tidegate.engine.Backend.run_stack`.
    """
    first = calls[0]
    order = None if first.lengths is None else packing(first.lengths, reverse=first.reverse)
    if order is not None and not len(order.sequences):
        return by_reference(calls, "vendor")  # there is no step
    states = tuple(torch.stack(each) for each in zip(*(call.state for call in calls), strict=True))
    output, final = _run(calls, states, order)
    result = Result(output, tuple(s[0] for s in final) if len(calls) == 1 else tuple(final), {}, "vendor")
    return with_double_backward(calls, result)


def laid_out(call: Call) -> Call:
    """Return a call whose weights are where each run would copy them to otherwise."""
    (w_ih, w_hh, *others), biased, _ = _flat_weights([call])
    b_ih, b_hh = others[:2] if biased else (None, None)
    w_hr = None if call.weights.w_hr is None else others[-1]
    return replace(call, weights=Weights(w_ih, w_hh, b_ih, b_hh, w_hr=w_hr))


def _flat_weights(calls: Sequence[Call]) -> tuple[list[Tensor], bool, Sizes]:
    """Return the weights in PyTorch's order and as cuDNN reads them, and whether there are biases among them."""
    first, layer = calls[0], fused_layer(calls[0].cell.digest)
    biased = any(c.weights.b_ih is not None or c.weights.b_hh is not None for c in calls)
    directions = 2 if len(calls) > 1 and calls[1].reverse else 1
    layers, proj = len(calls) // directions, 0 if first.weights.w_hr is None else first.weights.w_hr.shape[0]
    sizes = Sizes(layer.mode, first.hidden_size, proj, layers, directions)
    return flat([t for c in calls for t in layer.listed(c.weights, biased=biased)], sizes), biased, sizes


def _run(calls: Sequence[Call], states: Sequence[Tensor], order: Packing | None) -> tuple[Tensor, Sequence[Tensor]]:
    first, x = calls[0], calls[0].x
    steps, batch, _ = x.shape
    layer = fused_layer(first.cell.digest)
    weights, biased, sizes = _flat_weights(calls)
    how: dict[str, Any] = {"biased": biased, "layers": sizes.layers, "bidirectional": sizes.directions == 2}
    # Where half precision was asked for, states are float32 outside. These layers have one dtype for everything.
    begin, outside = [s.to(x.dtype) for s in states], torch.promote_types(states[0].dtype, torch.float32)
    if order is None:
        output, last = layer.run(x.flip(0) if first.reverse else x, None, begin, weights, **how)
        return output.flip(0) if first.reverse else output, [s.to(outside) for s in last]
    begin = [s.index_select(1, order.sequences) for s in begin]
    data, last = layer.run(packed(x, order), order.batch_sizes, begin, weights, **how)
    # A sequence without steps keeps its initial state.
    pairs = zip(states, last, strict=True)
    final = [s.to(outside).index_copy(1, order.sequences, new.to(outside)) for s, new in pairs]
    return padded(data, order, steps, batch), final
