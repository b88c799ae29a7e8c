"""Single faults for an otherwise correct backend: altered calls, altered results, altered gradients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import Cell, Step, cell, tanh
from tidegate.engine import Backend, Call, Result
from tidegate.engine.backends.reference import REFERENCE

HONEST: Backend = REFERENCE


class _Altered(torch.autograd.Function):
    """The identity with another gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, alter: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.alter = alter
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.alter(gradients[0]), None


class _ForgetsTheState(torch.autograd.Function):
    """The identity on (output, state) whose backward overwrites the state's gradient when the output has one."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        return output.view_as(output), state.view_as(state)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        output, state = gradients
        return output, state if output is None else None


def altered(value: Tensor | None, alter: Callable[[Tensor], Tensor]) -> Tensor:
    assert value is not None
    changed = _Altered.apply(value, alter)
    assert isinstance(changed, Tensor)
    return changed


def with_weights(**changed: Callable[[Tensor], Tensor]) -> Callable[[Call], Call]:
    def before(call: Call) -> Call:
        new = {name: change(getattr(call.weights, name)) for name, change in changed.items()}
        return replace(call, weights=replace(call.weights, **new))

    return before


def swap_first_two(rows: Tensor, H: int = 4) -> Tensor:
    return torch.cat([rows[H : 2 * H], rows[:H], rows[2 * H :]])


def transposed_by_gate(gradient: Tensor, H: int = 4) -> Tensor:
    return gradient.reshape(-1, H, H).transpose(1, 2).reshape(-1, H)


def past_the_length(call: Call) -> Tensor:
    assert call.lengths is not None
    return torch.arange(call.x.shape[0])[:, None, None] >= call.lengths[:, None]


def shorter_by_one(call: Call) -> Call:
    assert call.lengths is not None
    return replace(call, lengths=(call.lengths - 1).clamp(min=0))


def full_length(call: Call) -> Call:
    """Every sequence read to T, its padding taken for zeros."""
    return replace(call, x=call.x.nan_to_num(), lengths=None)


def blank_tail(call: Call, result: Result) -> Result:
    tail = past_the_length(call)
    return replace(
        result,
        output=result.output.masked_fill(tail, 0),
        record={name: value.masked_fill(tail, 0) for name, value in result.record.items()},
    )


def state_from_the_padded_end(call: Call, result: Result) -> Result:
    return replace(result, state=HONEST.run(full_length(call)).state)


def leak_into_padding(call: Call) -> Call:
    tail = past_the_length(call)
    return replace(call, x=altered(call.x, lambda gradient: gradient.masked_fill(tail, 0.01)))


def forget_the_state(call: Call, result: Result) -> Result:
    output, h = _ForgetsTheState.apply(result.output, result.state[0])  # pyright: ignore[reportGeneralTypeIssues]
    return replace(result, output=output, state=(h, *result.state[1:]))


def write_over_weights(call: Call, result: Result) -> Result:
    assert call.weights.w_hh is not None
    call.weights.w_hh.detach().mul_(2)
    return result


def every_step(call: Call) -> Call:
    assert call.record is not None
    return replace(call, record=replace(call.record, every=1))


def another_cell(cell: Cell) -> Callable[[Call], Call]:
    return lambda call: replace(call, cell=cell)


@cell(gates="h")
def rnn_tanh_thousandth(x, r):
    return Step(h=1.001 * tanh(x.h + r.h))


@cell(gates="h")
def rnn_tanh_hundred_thousandth(x, r):
    return Step(h=1.00001 * tanh(x.h + r.h))
