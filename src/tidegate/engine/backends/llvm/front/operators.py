"""The kernels as operators, for whoever must see operations and not Python: torch.compile, torch.export, fake tensors.

* ``tidegate::run`` is what a traced call becomes: the output, the final states, the recorded values.
* ``tidegate::run_forward`` and ``tidegate::run_backward`` are what it becomes where gradients are wanted.

A cell is given by its handle (`tidegate.cells.by_handle`): its name and a digest of its equations. So an
exported program holds no equations. It runs on the kernels wherever `tidegate.engine` has been imported; with a cell of your own,
once the module that defines it has been imported too; and it refuses to run if the equations have changed since. Shapes do
not depend on the machine: the padding of units is taken off and put back between the passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import by_handle
from tidegate.engine.call import Call
from tidegate.engine.weights import Weights

CALL = (
    "str cell, str[] record, str[] mask_gradients, bool reverse, Tensor x, "
    "Tensor? w_ih, Tensor? w_hh, Tensor? b_ih, Tensor? b_hh, Tensor? w_hr, Tensor[] p, "
    "Tensor[] state, Tensor[] masks, Tensor? lengths, Tensor? reset"
)
LIBRARY = torch.library.Library("tidegate", "DEF")


def through_operator(call: Call, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """What `autograd.differentiable` gives, as one operator."""
    return tuple(torch.ops.tidegate.run.default(*arguments(call, names)))


def arguments(call: Call, names: tuple[str, ...]) -> tuple[Any, ...]:
    """A call as operators take it."""
    w, p, masks = call.weights, list(call.weights.p.values()), list(call.masks.values())
    given = (call.x, w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr, p, list(call.state), masks, call.lengths, call.reset)
    return call.cell.handle, list(names), list(call.mask_gradients), call.reverse, *given


def as_call(
    cell: str,
    record: Sequence[str],
    mask_gradients: Sequence[str],
    reverse: bool,
    x: Tensor,
    w_ih: Tensor | None,
    w_hh: Tensor | None,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    p: Sequence[Tensor],
    state: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
) -> tuple[Call, tuple[str, ...]]:
    """What `arguments` was given.

    Raises:
        CellError: the cell is not defined in this process.
    """
    it = by_handle(cell)
    own = dict(zip(it.parameters, p, strict=True))
    weights = Weights(w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, w_hr=w_hr, p=own)
    by_name = dict(zip(it.masks, masks, strict=True))
    given = Call(it, x, weights, tuple(state), lengths, reset, reverse, masks=by_name)
    return replace(given, mask_gradients=tuple(mask_gradients)), tuple(record)


def _register(name: str, more: str = "") -> None:
    # What runs them is imported on first use, and the compiler with it; that they exist must be known from the start.
    def kernel(*given: Any) -> list[Tensor]:
        from tidegate.engine.backends.llvm.front import operator_kernels

        return getattr(operator_kernels, name)(*given)

    def fake(*given: Any) -> list[Tensor]:
        from tidegate.engine.backends.llvm.front import operator_kernels

        return getattr(operator_kernels, f"{name}_fake")(*given)

    LIBRARY.define(f"{name}({CALL}{more}) -> Tensor[]")
    LIBRARY.impl(name, kernel, "CPU")
    torch.library.register_fake(f"tidegate::{name}", fake, lib=LIBRARY)


def _run_autograd(*given: Any) -> list[Tensor]:
    from tidegate.engine.backends.llvm.front import operator_kernels

    return operator_kernels.run_autograd(*given)


_register("run")
_register("run_forward")
_register("run_backward", ", Tensor[] sequences, Tensor?[] gradients, str[] wanted")
LIBRARY.impl("run", _run_autograd, "Autograd")
