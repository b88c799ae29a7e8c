"""Training on long sequences in less memory: a run is cut in time, and each part is run again when backward reaches it.

What a run keeps for its backward grows with its T steps. Cut into about sqrt(T) parts of about sqrt(T) steps, only the
states between the parts are kept, and what one part needs, while it is being differentiated. The price is a second
forward run (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tidegate.engine.call import Backend, Call, Result


def run_in_parts(call: Call, backend: Backend) -> Result:
    """The result of ``backend.run(call)``; its backward runs each part of it again."""
    parts = _parts(call, part_length(call.x.shape[0], call.record.every if call.record else 1))
    done: list[Result] = []
    state = call.state
    for part, cut in reversed(parts) if call.reverse else parts:
        if cut is not None:
            state = tuple(s.where(~cut[:, None], s.new_zeros(())) for s in state)
        done.append(_run_again(replace(part, state=state), backend))
        state = done[-1].state
    if call.reverse:
        done.reverse()
    record = {name: torch.cat([result.record[name] for result in done]) for name in done[0].record}
    return Result(torch.cat([result.output for result in done]), state, record, backend.name)


def part_length(steps: int, every: int = 1) -> int:
    """How many steps each part but the last has; each begins with a step that is recorded, one of ``every``."""
    length = 1
    while length * length < steps:  # not math.isqrt, which torch.compile cannot trace for a free number of steps
        length += 1
    return -(-length // every) * every


def _parts(call: Call, length: int) -> list[tuple[Call, Tensor | None]]:
    """The call cut in time; and of a reversed one, the sequences that a reset parts from the steps after it."""
    x = call.x.split(length)
    masks = {name: mask.split(length) for name, mask in call.masks.items()}
    parts = []
    for k, own in enumerate(x):
        start, stop = k * length, k * length + own.shape[0]
        lengths = None if call.lengths is None else (call.lengths - start).clamp(0, own.shape[0])
        reset, cut = None, None
        if call.reset is not None:
            reset = call.reset[start:stop]
            if call.reverse and stop < call.x.shape[0]:
                cut = call.reset[stop] if call.lengths is None else call.reset[stop] & (call.lengths > stop)
        own_masks = {name: mask[k] for name, mask in masks.items()}
        parts.append((replace(call, x=own, lengths=lengths, reset=reset, masks=own_masks), cut))
    return parts


def _run_again(call: Call, backend: Backend) -> Result:
    """Run a part now, and once more when its backward needs what this run did not keep."""

    def tensors(*state: Tensor) -> tuple[Tensor, ...]:
        result = backend.run(replace(call, state=state))
        return result.output, *result.state, *result.record.values()

    # The random numbers need not be the same again: a cell draws none.
    made = checkpoint(tensors, *call.state, use_reentrant=False, preserve_rng_state=False)
    assert isinstance(made, tuple)
    (output, *rest), names, count = made, call.record.names if call.record else (), len(call.cell.states)
    return Result(output, tuple(rest[:count]), dict(zip(names, rest[count:], strict=True)), backend.name)
