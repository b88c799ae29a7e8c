"""All steps at once, for cells whose states are affine in themselves: an associative scan in plain PyTorch.

Such a state is s_t = a_t ⊙ s_{t-1} + b_t (`tidegate.engine.program.affine`), so two steps together are one of the same
form, with a_t ⊙ a_{t-1} and a_t ⊙ b_{t-1} + b_t. Joining neighbours halves the number of steps: T steps are some
2 log2(T) operations on tensors of all steps, where a loop has several for every step (Blelloch 1990, "Prefix sums and
their applications"). Nothing is divided by products of a, which underflow. They must not overflow.

As the reference, it is made of differentiable operations and runs on every device.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear

from tidegate.cells import by_handle
from tidegate.engine.call import Call, Result
from tidegate.engine.program.affine import COEFFICIENT, OFFSET, affine_states
from tidegate.engine.program.evaluate import evaluate, has_products
from tidegate.engine.program.program import program

Leaves = Callable[[str, str], Tensor]


def can_be_scanned(call: Call) -> bool:
    """Whether there is a step, all states are affine in themselves, and no matrix is multiplied but with the input."""
    return call.x.shape[0] > 0 and _is_affine(call.cell.handle)


def _is_affine(handle: str) -> bool:
    """Whether the cell with a handle has no products and only states that are affine in themselves."""
    step = program(by_handle(handle))
    return not has_products(step) and affine_states(step) is not None


# While compiling, Dynamo calls this function and does not trace how Programs are made, for cells that are not scanned.
# It takes a handle, since Dynamo gives it constants only.
_is_affine.__dict__["_dynamo_marked_constant"] = True


def scan(a: Tensor, b: Tensor) -> Tensor:
    """Return s_t = a_t ⊙ s_{t-1} + b_t for all steps, with s before the first step zero.

    Args:
        a: (T, ...), the coefficients; the first has no influence.
        b: (T, ...), the offsets.
    """
    steps = b.shape[0]
    if steps < 2:
        return b
    later, pairs = slice(1, None, 2), steps // 2
    joined = scan(a[later] * a[:-1:2], a[later] * b[:-1:2] + b[later])  # s_1, s_3, ...
    between = a[2::2] * joined[: (steps - 1) // 2] + b[2::2]  # s_2, s_4, ...
    first = torch.cat([b[:1], between])
    woven = torch.stack([first[:pairs], joined], 1).flatten(0, 1)
    return torch.cat([woven, first[pairs:]]) if steps % 2 else woven


def run_by_scan(call: Call, name: str) -> Result:
    """Run a checked call of at least one step for which `can_be_scanned` holds.

    Args:
        call: the call.
        name: the backend's, for the result.
    """
    step = program(call.cell)
    valid = None if call.lengths is None else _valid(call, call.lengths)
    cut, leaves = _cut(call, valid), _leaves(call, valid)
    after: dict[str, Tensor] = {}
    last: dict[str, Tensor] = {}

    def known(op: str, of: str) -> Tensor:
        return after[of] if op == "state" else leaves(op, of)

    outputs: dict[str, Tensor] = {}
    for state, recurrence in (affine_states(step) or {}).items():
        values = evaluate(recurrence, known)
        a, b = (_whole(call, values[recurrence.gates[part]]) for part in (COEFFICIENT, OFFSET))
        if cut is not None:
            a = a.where(~cut, a.new_zeros(()))
        if valid is not None:  # the state stays as it is
            a, b = a.where(valid, a.new_ones(())), _only(b, valid)
        initial = call.state[call.cell.states.index(state)]
        found = _in_order(call, _scan_from(initial, _in_order(call, a), _in_order(call, b)))
        first, others = (found[:1], found[1:]) if call.reverse else (found[-1:], found[:-1])
        last[state], outputs[state] = first[0], _only(found, valid)
        before = torch.cat([others, initial[None]] if call.reverse else [initial[None], others])
        after[state] = _only(before if cut is None else before.where(~cut, before.new_zeros(())), valid)
    record = {}
    if call.record is not None:
        values = evaluate(step, known)
        for wanted in call.record.names:
            value = _whole(call, values[step.gates[wanted]]) if wanted in step.gates else outputs[wanted]
            record[wanted] = _only(value, valid)[:: call.record.every]
    return Result(outputs[call.cell.states[0]], tuple(last[state] for state in call.cell.states), record, name)


def _scan_from(initial: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return scan(a, torch.cat([a[:1] * initial + b[:1], b[1:]]))


def _in_order(call: Call, value: Tensor) -> Tensor:
    """Return values in the order in which the steps are run, and from that order back."""
    return value.flip(0) if call.reverse else value


def _whole(call: Call, value: Tensor | float) -> Tensor:
    """Return a value for all steps and sequences, which one made of parameters and constants has not."""
    return torch.as_tensor(value).to(call.x).expand(*call.x.shape[:2], call.hidden_size)


def _valid(call: Call, lengths: Tensor) -> Tensor:
    return (torch.arange(call.x.shape[0], device=call.x.device)[:, None] < lengths)[..., None]


def _cut(call: Call, valid: Tensor | None) -> Tensor | None:
    """Return the steps, (T, B, 1), that no state is passed on to; in reverse from the other side."""
    if call.reset is None:
        return None
    cut = call.reset[..., None] if valid is None else call.reset[..., None] & valid
    return torch.cat([cut[1:], torch.zeros_like(cut[:1])]) if call.reverse else cut


def _leaves(call: Call, valid: Tensor | None) -> Callable[[str, str], Tensor]:
    """Return a function from a leaf's op and name to its values.

    Padding is selected away from all of them, parameters too, so that no gradient passes where a slope is infinite.
    """
    weights, cell = call.weights, call.cell
    found = {("parameter", name): _only(vector, valid) for name, vector in weights.p.items()}
    found |= {("mask", name): _only(mask, valid) for name, mask in call.masks.items()}
    if weights.w_ih is not None:
        parts = linear(_only(call.x, valid), weights.w_ih, weights.b_ih).chunk(len(cell.input_gates), -1)
        found |= {("input", gate): _only(part, valid) for gate, part in zip(cell.input_gates, parts, strict=True)}
    return lambda op, name: found[op, name]


def _only(value: Tensor, valid: Tensor | None) -> Tensor:
    """Return a value with zeros past the lengths."""
    return value if valid is None else value.where(valid, value.new_zeros(()))
