"""Say how a run would be done, and what it has to cost, without doing it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.call import Backend, Call
from tidegate.engine.dispatch import choose, passed_over
from tidegate.engine.explain.explanation import BackendPlan, Bytes, Explanation, Flops, Peaks
from tidegate.engine.explain.peaks import measured_peaks
from tidegate.engine.program.adjoint import adjoint
from tidegate.engine.program.cost import Cost, cost, pointwise_operations
from tidegate.engine.program.program import program
from tidegate.engine.recompute import part_length
from tidegate.engine.run import can_be_read, checked_call, runs_in_parts
from tidegate.engine.weights import Weights


def explain(
    cell: Cell | str,
    x: Tensor,
    weights: Weights,
    state: Sequence[Tensor] | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    reset: Tensor | None = None,
    reverse: bool = False,
    masks: Mapping[str, Tensor] | None = None,
    backend: str | Backend | None = None,
    recompute: bool = False,
    training: bool = True,
    peaks: Peaks | None = None,
) -> Explanation:
    """How `tidegate.engine.run` would run these arguments: backend, kernels, FLOPs, bytes, time floor.

    With n valid steps of all sequences together, I inputs, H units, an output of R units, G_x gates with an input part
    and G_r with a recurrent product: 2 n H (G_x I + G_r R) FLOPs in products, and 2 n R H for a projection. Training
    has as many again for the states' gradients (and the input's, if x requires one), and as many for the weights'.

    Args:
        cell: as in `tidegate.engine.run`, like all up to ``recompute``.
        x: likewise; (T, B, I).
        weights: likewise.
        state: likewise.
        lengths: likewise; padding is not counted. Where their values cannot be read (``vmap``), all steps are counted.
        reset: likewise.
        reverse: likewise.
        masks: likewise.
        backend: likewise.
        recompute: likewise.
        training: count a backward run too, and what is kept for it.
        peaks: of the machine; None measures them for the CPU, once in a process (`measured_peaks`).

    Raises:
        ArgumentError: as `tidegate.engine.run`.
        BackendError: as `tidegate.engine.run`: the backend asked for cannot run this; the message lists the reasons.
    """
    call = checked_call(cell, x, weights, state, lengths=lengths, reset=reset, reverse=reverse, masks=masks)
    chosen = choose(call, backend)
    again = training and runs_in_parts(call, recompute)
    per_step = _cost(call)
    plan = _plan(chosen, call, per_step, training)
    return Explanation(
        cell=call.cell.name,
        steps=x.shape[0],
        batch=x.shape[1],
        inputs=x.shape[2],
        units=weights.hidden_size(call.cell),
        training=training,
        backend=chosen.name,
        reasons=passed_over(call, chosen, backend),
        kernels=plan.kernels,
        flops=_flops(call, per_step, training, again),
        bytes=_bytes(call, per_step, plan, training, _kept_in_parts(chosen, call, per_step) if again else None),
        peaks=measured_peaks(x.dtype) if peaks is None and x.device.type == "cpu" else peaks,
    )


def _cost(call: Call) -> Cost:
    w, output = call.weights, call.state[0].shape[1]
    return cost(
        call.cell,
        call.x.shape[2],
        w.hidden_size(call.cell),
        bias=w.b_ih is not None or w.b_hh is not None,
        proj_size=output if call.cell.projected else 0,
        itemsize=call.x.element_size(),
    )


def _plan(backend: Backend, call: Call, per_step: Cost, training: bool) -> BackendPlan:
    """What the backend says; of one that says nothing, that it keeps the gates and states by name."""
    tell = getattr(backend, "explain", None)
    if tell is not None:
        return tell(call, training=training)
    return BackendPlan((), per_step.saved_bytes * math.prod(call.x.shape[:2]) if training else 0)


def _kept_in_parts(backend: Backend, call: Call, per_step: Cost) -> int:
    """What is held at once if parts are run again: one part's, and the states that all begin with."""
    steps, batch = call.x.shape[:2]
    length = part_length(steps)
    masks = {name: mask[:length] for name, mask in call.masks.items()}
    part = replace(call, x=call.x[:length], reset=None, masks=masks)
    return _plan(backend, part, per_step, True).kept_bytes + -(-steps // length) * batch * per_step.state_bytes


def _valid_steps(call: Call) -> int:
    if call.lengths is None or not can_be_read(call.lengths):
        return math.prod(call.x.shape[:2])
    return int(call.lengths.sum())


def _flops(call: Call, per_step: Cost, training: bool, again: bool) -> Flops:
    n, forwards = _valid_steps(call), 1 + again
    pointwise = forwards * per_step.pointwise_flops
    if training:
        back = adjoint(program(call.cell), (call.cell.states[0],), ())
        pointwise += pointwise_operations(back.program) * call.weights.hidden_size(call.cell)
    return Flops(
        recurrent=n * per_step.recurrent_flops * (forwards + training),
        input=n * per_step.input_flops * (forwards + (training and call.x.requires_grad)),
        weight_gradients=n * per_step.product_flops * training,
        pointwise=n * pointwise,
    )


def _bytes(call: Call, per_step: Cost, plan: BackendPlan, training: bool, kept_in_parts: int | None) -> Bytes:
    w, (steps, batch, _) = call.weights, call.x.shape
    given = [t for t in (w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr) if t is not None]
    weights = sum(t.numel() * t.element_size() for t in (*given, *w.p.values()))
    x = call.x.numel() * call.x.element_size()
    output = steps * batch * call.state[0].shape[1] * call.x.element_size() + batch * per_step.state_bytes
    valid = _valid_steps(call) / max(1, steps * batch)
    read = weights + valid * x
    moved = read + output
    if training:
        # Forward writes what is kept, the output among it. Backward reads weights, x, what was kept and the output's
        # gradient, and writes gradients as large as what they are of.
        written = read + max(output, valid * plan.kept_bytes)
        again = 0 if kept_in_parts is None else read + output
        wanted = x if call.x.requires_grad else 0
        moved = again + written + read + valid * plan.kept_bytes + output + weights + wanted
    return Bytes(weights, x, output, plan.kept_bytes if kept_in_parts is None else kept_in_parts, round(moved))
