"""Training on long sequences in less memory: a run is cut in time, and backward runs each part forward again.

The memory that a run needs for its backward grows with its T steps. Cut into about sqrt(T) parts of about sqrt(T)
steps, it keeps only the states between the parts, and the values of the one part that is being differentiated. The
price is a second forward run (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tidegate.engine.call import Backend, Call, Result


def run_in_parts(call: Call, backend: Backend) -> Result:
    """Return the result of ``backend.run(call)``, with a backward that runs each part again."""
    if (
        backend.multiplies_bfloat16()
    ):  # the weights' gradients of all parts are added up, which bfloat16 is too coarse for
        call = replace(call, weights=call.weights.map(lambda t: t.to(call.state[0].dtype)))
    parts = _cut_in_time(call, part_length(call.x.shape[0], call.record.every if call.record else 1))
    done: list[Result] = []
    state = call.state
    for part, cut in reversed(parts) if call.reverse else parts:
        if cut is not None:
            state = tuple(s.where(~cut[:, None], s.new_zeros(())) for s in state)
        done.append(_run_part(replace(part, state=state), backend))
        state = done[-1].state
    if call.reverse:
        done.reverse()
    record = {name: torch.cat([result.record[name] for result in done]) for name in done[0].record}
    return Result(torch.cat([result.output for result in done]), state, record, backend.name)


def part_length(steps: int, every: int = 1) -> int:
    """Steps of each part but the last: about sqrt(T), and a multiple of the recording interval ``every``."""
    length = 1
    while length * length < steps:  # not math.isqrt, which torch.compile cannot trace for a free number of steps
        length += 1
    return -(-length // every) * every


def _cut_in_time(call: Call, length: int) -> list[tuple[Call, Tensor | None]]:
    """The parts of a call; of a reversed one, also which sequences are reset between a part and the steps after it."""
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


def _run_part(call: Call, backend: Backend) -> Result:
    """Run a part now, and once more when its backward needs the values that this run did not keep."""

    def tensors(*state: Tensor) -> tuple[Tensor, ...]:
        result = backend.run(replace(call, state=state))
        return result.output, *result.state, *result.record.values()

    # The state of the random number generator does not matter: a cell draws no numbers.
    made = checkpoint(tensors, *call.state, use_reentrant=False, preserve_rng_state=False)
    assert isinstance(made, tuple)
    (output, *rest), names, count = made, call.record.names if call.record else (), len(call.cell.states)
    return Result(output, tuple(rest[:count]), dict(zip(names, rest[count:], strict=True)), backend.name)
