"""Describe how a run would be done and what it costs, without doing it."""

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
from tidegate.engine.lengths_and_resets import Lengths, Resets
from tidegate.engine.precision import as_computed
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
    lengths: Lengths | None = None,
    reset: Resets | None = None,
    reverse: bool = False,
    masks: Mapping[str, Tensor] | None = None,
    backend: str | Backend | None = None,
    recompute: bool = False,
    training: bool = True,
    peaks: Peaks | None = None,
) -> Explanation:
    """How `tidegate.engine.run` would run these arguments: backend, kernels, FLOPs, bytes, time floor.

    With n valid steps in all sequences together, I input features, H hidden units, an output of R features, G_x gates
    with an input part and G_r with a recurrent product: 2 n H (G_x I + G_r R) FLOPs in products, and 2 n R H for a
    projection. Training adds as many for the gradients of the states (and of the input, if x requires one), and as
    many for those of the weights.

    Args:
        cell: as in `tidegate.engine.run`.
        x: (T, B, I), as in `tidegate.engine.run`; its values do not matter.
        weights: as in `tidegate.engine.run`.
        state: as in `tidegate.engine.run`.
        lengths: as in `tidegate.engine.run`. Padding is not counted. All steps are counted where the values cannot be
            read (``vmap``).
        reset: as in `tidegate.engine.run`.
        reverse: as in `tidegate.engine.run`.
        masks: as in `tidegate.engine.run`.
        backend: as in `tidegate.engine.run`.
        recompute: as in `tidegate.engine.run`.
        training: count a backward run too, and what is saved for it.
        peaks: of the machine; None measures those of the CPU, once in a process (`measured_peaks`).

    Raises:
        ArgumentError: as `tidegate.engine.run`.
        BackendError: as `tidegate.engine.run`; the message lists the reasons.
    """
    call = checked_call(cell, x, weights, state, lengths=lengths, reset=reset, reverse=reverse, masks=masks)
    return explain_call(call, backend, recompute=recompute, training=training, peaks=peaks)


def explain_call(
    call: Call,
    backend: str | Backend | None = None,
    *,
    recompute: bool = False,
    training: bool = True,
    peaks: Peaks | None = None,
) -> Explanation:
    """Explain how `run_call` would run a checked call; arguments and errors as in `explain`."""
    x, chosen = call.x, choose(call, backend)
    again = training and runs_in_parts(call, recompute)
    per_step = _cost(call)
    computed = as_computed(call, chosen, asked=backend is not None)
    plan = _plan(chosen, computed, per_step, training)
    return Explanation(
        cell=call.cell.name,
        steps=x.shape[0],
        batch=x.shape[1],
        input_size=x.shape[2],
        hidden_size=call.hidden_size,
        training=training,
        backend=chosen.name,
        note=chosen.note(call),
        reasons=passed_over(call, chosen, backend),
        kernels=plan.kernels,
        flops=_flops(call, per_step, training, again),
        bytes=_bytes(call, per_step, plan, training, _saved_in_parts(chosen, computed, per_step) if again else None),
        peaks=measured_peaks(computed.x.dtype) if peaks is None and x.device.type == "cpu" else peaks,
    )


def _cost(call: Call) -> Cost:
    w, output = call.weights, call.state[0].shape[1]
    return cost(
        call.cell,
        call.x.shape[2],
        call.hidden_size,
        bias=w.b_ih is not None or w.b_hh is not None,
        proj_size=output if call.cell.projected else 0,
        itemsize=call.x.element_size(),
    )


def _plan(backend: Backend, call: Call, per_step: Cost, training: bool) -> BackendPlan:
    """The backend's own plan; for one without, assume that all gates and states are saved for backward."""
    plan = backend.explain(call, training=training)
    return plan or BackendPlan((), per_step.saved_bytes * math.prod(call.x.shape[:2]) if training else 0)


def _saved_in_parts(backend: Backend, call: Call, per_step: Cost) -> int:
    """Bytes held at once if parts are run again: those of one part, and the states between the parts."""
    steps, batch = call.x.shape[:2]
    length = part_length(steps)
    masks = {name: mask[:length] for name, mask in call.masks.items()}
    part = replace(call, x=call.x[:length], reset=None, masks=masks)
    return _plan(backend, part, per_step, True).saved_bytes + -(-steps // length) * batch * per_step.state_bytes


def _valid_steps(call: Call) -> int:
    if call.lengths is None or not can_be_read(call.lengths):
        return math.prod(call.x.shape[:2])
    return int(call.lengths.sum())


def _flops(call: Call, per_step: Cost, training: bool, again: bool) -> Flops:
    n, forwards = _valid_steps(call), 1 + again
    pointwise = forwards * per_step.pointwise_flops
    if training:
        back = adjoint(program(call.cell), (call.cell.states[0],), ())
        pointwise += pointwise_operations(back.program) * call.hidden_size
    return Flops(
        recurrent=n * per_step.recurrent_flops * (forwards + training),
        input=n * per_step.input_flops * (forwards + (training and call.x.requires_grad)),
        weight_gradients=n * per_step.product_flops * training,
        pointwise=n * pointwise,
    )


def _bytes(call: Call, per_step: Cost, plan: BackendPlan, training: bool, saved_in_parts: int | None) -> Bytes:
    steps, batch, _ = call.x.shape
    # A scalar is one number, shown to all hidden units.
    weights = sum((1 if t.stride() == (0,) else t.numel()) * t.element_size() for t in call.weights.tensors())
    x = call.x.numel() * call.x.element_size()
    output = steps * batch * call.state[0].shape[1] * call.x.element_size() + batch * per_step.state_bytes
    valid = _valid_steps(call) / max(1, steps * batch)
    read = weights + valid * x
    moved = read + output
    if training:
        # Forward writes the saved values, which include the output. Backward reads weights, x, the saved values and the
        # output's gradient, and writes a gradient for each weight (and for x).
        written = read + max(output, valid * plan.saved_bytes)
        again = 0 if saved_in_parts is None else read + output
        wanted = x if call.x.requires_grad else 0
        moved = again + written + read + valid * plan.saved_bytes + output + weights + wanted
    return Bytes(weights, x, output, plan.saved_bytes if saved_in_parts is None else saved_in_parts, round(moved))
