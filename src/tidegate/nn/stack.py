"""Layers and directions of a module, run one after another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.drawing.brief import brief_repr
from tidegate.engine import Call, Record, draw_masks
from tidegate.engine.dispatch import choose
from tidegate.engine.run import checked_call, checked_lengths, run_on, run_stack_on
from tidegate.nn.layout import EngineInput
from tidegate.nn.side_stream import SideStream, runs_on_cuda
from tidegate.nn.types import StackedLayers

Place = tuple[int, int]  # layer, direction (0 forward, 1 reverse)


@dataclass(frozen=True)
class StackResult:
    """The result of running all layers.

    Attributes:
        output: (T, B, directions * R) of the last layer.
        state: final states (layers * directions, B, ·), in the order of ``cell.states``; see `stacked`.
        record: the recorded values by name, for each layer and direction.
    """

    output: Tensor
    state: tuple[Tensor, ...]
    record: dict[Place, dict[str, Tensor]]

    __repr__ = brief_repr


def run_stack(
    layers: StackedLayers, given: EngineInput, record: Record | str | Iterable[str] | None = None
) -> StackResult:
    """Run all layers and directions of a module: at once if the backend can, else one after another."""
    final: list[tuple[Tensor, ...]] = []
    recorded: dict[Place, dict[str, Tensor]] = {}
    outputs: list[Tensor] = []
    side: SideStream | None = None
    asked = layers.backend is not None
    for place, call in layer_calls(layers, given, outputs, record=record, training=layers.training):
        chosen = choose(call, layers.backend)
        if place == (0, 0) and record is None and _runs_at_once(layers):
            whole = run_stack_on(chosen, calls_at_once(layers, given, call.lengths), asked=asked)
            if whole is not None:
                return StackResult(whole.output, whole.state, {})
        run = functools.partial(run_on, chosen, asked=asked, recompute=layers.recompute)
        if place[1] == 0:
            beside = layers.bidirectional and chosen.runs_side_by_side and runs_on_cuda(call.x)
            side = SideStream(call.x) if beside else None
        result = side.run(call, run) if place[1] and side else run(call)
        outputs.append(result.output)
        final.append(result.state)
        recorded[place] = result.record
    return StackResult(_joined(outputs), tuple(stacked(s) for s in zip(*final, strict=True)), recorded)


def layer_calls(
    layers: StackedLayers,
    given: EngineInput,
    outputs: list[Tensor],
    *,
    record: Record | str | Iterable[str] | None = None,
    training: bool = False,
) -> Iterator[tuple[Place, Call]]:
    """Iterate over the calls of all layers and directions, in the order in which they run.

    The outputs of a layer's directions are concatenated and are the next layer's input, with dropout while training.
    A cell's own noise is drawn for each layer and direction while training, unless it is among the masks given.

    Args:
        layers: the module.
        given: its input; the initial states are (layers * directions, B, ·), layer by layer, forward before reverse.
        outputs: an empty list, to which the caller appends each call's output before it takes the next call. In the end
            it holds those of the last layer.
        record: the gates and states to record.
        training: whether there is dropout and noise.
    """
    x, lengths = given.x, checked_lengths(given.x, given.layout.lengths)
    for layer in range(layers.num_layers):
        if layer:
            x = _joined(outputs)
            outputs.clear()
            if layers.dropout and training:
                x = dropout(x, layers.dropout, locked=layers.locked_dropout)
        # The calls of both directions first: while one runs, nothing that the other needs is left to compute.
        places = [(layer, direction) for direction in range(1 + layers.bidirectional)]
        calls = [_layer_call(layers, given, x, lengths, place, record=record, training=training) for place in places]
        yield from zip(places, calls, strict=True)


def _layer_call(
    layers: StackedLayers,
    given: EngineInput,
    x: Tensor,
    lengths: Tensor | None,
    place: Place,
    *,
    record: Record | str | Iterable[str] | None = None,
    training: bool,
) -> Call:
    """Return the call of one layer and direction, whose input is x. Lengths are checked ones, once for all calls."""
    layer, direction = place
    cell, weights = layers.layer_cell(layer, direction), layers.packed_weights(layer, direction)
    size = layers.layer_size(layer)
    own = {name: narrowed(mask, size) for name, mask in given.masks.items() if name in cell.masks}
    row = layer * (1 + layers.bidirectional) + direction
    call = checked_call(
        cell,
        x,
        weights,
        None if given.state is None else [narrowed(s[row], size) for s in given.state],
        reset=given.layout.reset,
        reverse=direction == 1,
        record=record,
        masks={**draw_masks(cell, x, weights.hidden_size(cell)), **own} if training else own,
    )
    return call if lengths is None else replace(call, lengths=lengths)


def _runs_at_once(layers: StackedLayers) -> bool:
    """Whether all layers may be one call: nothing of ours happens between them, and there is more than one."""
    between = layers.recompute or (layers.dropout and layers.training)
    return not between and (layers.num_layers > 1 or layers.bidirectional)


def calls_at_once(layers: StackedLayers, given: EngineInput, lengths: Tensor | None) -> Iterator[Call]:
    """Iterate over the calls of all layers and directions; above the first, the input has no values."""
    x = given.x
    for layer in range(layers.num_layers):
        if layer:
            x = given.x.new_empty(()).expand(*given.x.shape[:2], layers.layer_output_size(layer - 1))
        for direction in range(1 + layers.bidirectional):
            yield _layer_call(layers, given, x, lengths, (layer, direction), training=layers.training)


Outcome = tuple[Tensor, tuple[Tensor, ...]]  # an output and final states


def through_layers(
    layers: StackedLayers,
    x: Tensor,
    states: Sequence[Tensor],
    run: Callable[[int, Tensor, Sequence[Tensor] | None], Outcome | None],
) -> Outcome | None:
    """Run all layers and directions, with nothing between layers.

    Args:
        layers: the module.
        x: (T, B, I).
        states: the initial states (layers * directions, B, ·); none for zeros.
        run: runs a row of the states: one layer and direction on its input and initial states (None for zeros).

    Returns:
        The last layer's output and the final states as in `StackResult`; None as soon as ``run`` returns it.
    """
    row, final = 0, []
    for layer in range(layers.num_layers):
        outputs: list[Tensor] = []
        for _ in range(1 + layers.bidirectional):
            made = run(row, x, [narrowed(s[row], layers.layer_size(layer)) for s in states] if states else None)
            if made is None:
                return None
            outputs.append(made[0])
            final.append(made[1])
            row += 1
        x = _joined(outputs)
    return x, tuple([stacked(s) for s in zip(*final, strict=True)])


def stacked(states: Sequence[Tensor]) -> Tensor:
    """Stack one state of every layer, each (..., H); if their sizes differ, zeros follow those of smaller layers."""
    widest = max(it.shape[-1] for it in states)
    return torch.stack(
        [functional.pad(it, (0, widest - it.shape[-1])) if it.shape[-1] < widest else it for it in states]
    )


def narrowed(value: Tensor, size: int) -> Tensor:
    """Return the first ``size`` hidden units of (..., H): a layer's part of what `stacked` returned."""
    return value[..., :size] if value.shape[-1] > size else value


def dropout(x: Tensor, rate: float, *, locked: bool) -> Tensor:
    """Set components of x (T, B, ·) to zero with probability ``rate`` and scale the others by ``1 / (1 - rate)``.

    Args:
        x: the values.
        rate: 0 to 1.
        locked: one mask for all steps (variational dropout, Gal & Ghahramani 2016), not one for each.
    """
    if not locked:
        return functional.dropout(x, rate)
    return x * functional.dropout(torch.ones_like(x[:1]), rate) if rate else x


def _joined(outputs: list[Tensor]) -> Tensor:
    """Return the outputs of a layer's directions side by side."""
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
