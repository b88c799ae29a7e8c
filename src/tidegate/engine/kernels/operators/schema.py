"""The schema of the operators: a call as a flat list of arguments, and back.

A cell is given by its handle (`tidegate.cells.language.digest`): its name and a digest of its equations. So an exported
program holds no equations. It runs on the kernels wherever `tidegate.engine` has been imported; with your own cell,
also the module that defines it; and it refuses to run if the equations have changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from tidegate.cells import by_handle
from tidegate.engine.call import Call
from tidegate.engine.weights import Weights

CALL = (
    "str cell, str[] record, str[] mask_gradients, bool reverse, Tensor x, "
    "Tensor? w_ih, Tensor? w_hh, Tensor? b_ih, Tensor? b_hh, Tensor? w_hr, Tensor[] p, "
    "Tensor[] state, Tensor[] masks, Tensor? lengths, Tensor? reset"
)

# They come last and have default values, because programs exported before there were such arguments do not have them.
LAST = 'str backend="llvm", bool batch_invariant=False'


def last_arguments(call: Call, backend: str) -> tuple[str, bool]:
    """Return the arguments that come last."""
    return backend, call.batch_invariant


def operator_arguments(call: Call, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return a call, and the names of the values to record, as the arguments of an operator."""
    # An operator has no names: vectors and masks are in the cell's order, whichever order the caller gave them in.
    w, cell = call.weights, call.cell
    p, masks = [w.p[name] for name in cell.parameters], [call.masks[name] for name in cell.masks]
    given = (call.x, w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr, p, list(call.state), masks, call.lengths, call.reset)
    return call.cell.handle, list(names), list(call.mask_gradients), call.reverse, *given


def call_of(
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
    """Return the call and the names that `operator_arguments` was given.

    Raises:
        CellError: the cell is not defined in this process.
    """
    known = by_handle(cell)
    vectors = dict(zip(known.parameters, p, strict=True))
    call = Call(
        known,
        x,
        Weights(w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, w_hr=w_hr, p=vectors),
        tuple(state),
        lengths,
        reset,
        reverse,
        masks=dict(zip(known.masks, masks, strict=True)),
        mask_gradients=tuple(mask_gradients),
    )
    return call, tuple(record)
