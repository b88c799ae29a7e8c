"""The one entry: check the arguments, choose a backend, run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from tidegate.cells import Cell, get_cell
from tidegate.engine.backends.reference import REFERENCE
from tidegate.engine.batch_invariance import is_batch_invariant
from tidegate.engine.call import Backend, Call, Result
from tidegate.engine.dispatch import choose
from tidegate.engine.lengths_and_resets import Lengths, Resets, as_lengths, as_reset
from tidegate.engine.masks import expected_mask
from tidegate.engine.precision import as_computed, output_dtype, rounded, without_autocast
from tidegate.engine.recompute import run_in_parts
from tidegate.engine.record import Record, as_record
from tidegate.engine.weights import Weights
from tidegate.errors import ArgumentError, BackendError


def run(
    cell: Cell | str,
    x: Tensor,
    weights: Weights,
    state: Sequence[Tensor] | None = None,
    *,
    lengths: Lengths | None = None,
    reset: Resets | None = None,
    reverse: bool = False,
    record: Record | str | Iterable[str] | None = None,
    masks: Mapping[str, Tensor] | None = None,
    backend: str | Backend | None = None,
    recompute: bool = False,
) -> Result:
    """Run a cell over time: s_t = cell(x_t, s_{t-1}) for every step of every sequence.

    A whole run equals the same run split in two with the state carried, in values and in all gradients.
    Padding past a sequence's length has no influence, whatever it holds, and receives a gradient of exactly zero.
    Half precision is computed in float32, also under autocast; the output is rounded to it, the final states are not.
    (Where a processor or GPU multiplies it, so are the factors of products with matrices: docs/half_precision.md.)

    Args:
        cell: the cell or its name.
        x: (T, B, I), time first.
        weights: the layer's weights.
        state: initial states (B, H) in the order of ``cell.states`` (the first (B, R) if projected); zeros if None.
        lengths: (B,) whole numbers 0..T of any integer type, the valid steps of each sequence: a tensor, array or list.
        reset: (T, B) bool, a tensor, array or list. Where true a new sequence begins: the state before step t is
            zeros. A reversed run keeps the same borders: no state crosses between steps t-1 and t in either direction.
        reverse: read each sequence from its last valid step down to step 0.
        record: names of gates and states to record at every step, "all", or a `Record`.
        masks: (T, B, H) for each of the cell's masks; those in ``cell.mask_defaults`` may be left out.
            The default of noise is its expectation.
        backend: a backend by name; None takes the first that supports the call. An explicit choice never falls back.
        recompute: save less for backward and run forward a second time there: memory grows with sqrt(T) instead of
            T. Ignored under ``torch.func`` transforms, which do not support it.

    Raises:
        ArgumentError: a shape or value does not fit; the message says what was given and expected.
        BackendError: the backend asked for cannot run this, or ``torch.jit.trace`` is recording.
    """
    refuse_jit_trace()
    call = checked_call(
        cell, x, weights, state, lengths=lengths, reset=reset, reverse=reverse, record=record, masks=masks
    )
    return run_call(call, backend, recompute=recompute)


def refuse_jit_trace() -> None:
    """Refuse to run over time under ``torch.jit.trace``, and under what begins with it.

    It would record as many steps as the example has, and the program would be wrong for every other length.

    Raises:
        BackendError: such a trace is being recorded.
    """
    if not torch.compiler.is_compiling() and torch._C._is_tracing():
        raise BackendError(
            "torch.jit.trace (and torch.onnx.export with dynamo=False) would record the steps of the example, and be "
            "wrong for other lengths. Use torch.export, write ONNX with tidegate.export.onnx(model, file), or pass "
            "tidegate.nn.to_torch(model), a copy with torch.nn's layers and the same state_dict."
        )


def run_call(call: Call, backend: str | Backend | None = None, *, recompute: bool = False) -> Result:
    """Choose a backend and run a checked call; arguments and errors as in `run`."""
    return run_on(choose(call, backend), call, asked=backend is not None, recompute=recompute)


def run_on(chosen: Backend, call: Call, *, asked: bool, recompute: bool = False) -> Result:
    """Run a checked call on a backend that was chosen for it, because it was ``asked`` for or by default."""
    given = as_computed(call, chosen, asked=asked)
    with without_autocast(given.x.device):
        if torch.is_grad_enabled() and runs_in_parts(given, recompute):
            result = run_in_parts(given, chosen)
        else:
            result = chosen.run(given)
    dtype = output_dtype(call)
    return result if dtype == given.x.dtype else rounded(result, dtype)


def run_stack_on(chosen: Backend, calls: Iterable[Call], *, asked: bool) -> Result | None:
    """Run all layers of a module at once on the backend chosen for the first, if it can: see `Backend.run_stack`."""
    if not chosen.runs_stacks:
        return None
    listed = list(calls)
    dtype = output_dtype(listed[0])
    given = [as_computed(call, chosen, asked=asked) for call in listed]
    with without_autocast(given[0].x.device):
        result = chosen.run_stack(given)
    return result if result is None or dtype == given[0].x.dtype else rounded(result, dtype)


def checked_call(
    cell: Cell | str,
    x: Tensor,
    weights: Weights,
    state: Sequence[Tensor] | None = None,
    *,
    lengths: Lengths | None = None,
    reset: Resets | None = None,
    reverse: bool = False,
    record: Record | str | Iterable[str] | None = None,
    masks: Mapping[str, Tensor] | None = None,
) -> Call:
    """Check the arguments of `run` and return them as a `Call`.

    Raises:
        ArgumentError: a shape or value does not fit; the message says what was given and expected.
    """
    cell = get_cell(cell)
    if x.dim() != 3:
        raise ArgumentError(f"x must be (steps, batch, inputs); it has shape {tuple(x.shape)}.")
    weights.check(cell, x.shape[2])
    weights = weights.with_vectors(cell)
    return Call(
        cell=cell,
        x=x,
        weights=weights,
        state=_initial_state(cell, x, weights, state),
        lengths=checked_lengths(x, lengths),
        reset=_checked_reset(x, reset),
        reverse=reverse,
        record=as_record(cell, record),
        masks=_checked_masks(cell, x, weights, masks),
        batch_invariant=is_batch_invariant(),
        oracle=REFERENCE.run,
    )


def runs_in_parts(call: Call, recompute: bool) -> bool:
    """Whether a run that may be differentiated is cut in time, with its parts run again in backward."""
    return recompute and call.x.shape[0] > 1 and not is_transformed()


def _initial_state(cell: Cell, x: Tensor, weights: Weights, state: Sequence[Tensor] | None) -> tuple[Tensor, ...]:
    hidden, batch = weights.hidden_size(cell), x.shape[1]
    sizes = [hidden] * len(cell.states)
    if weights.w_hr is not None:
        sizes[0] = weights.w_hr.shape[0]
    if state is None:
        return tuple(x.new_zeros(batch, size) for size in sizes)
    if isinstance(state, Tensor) or len(state) != len(cell.states):
        given = "one tensor" if isinstance(state, Tensor) else f"{len(state)} tensors"
        raise ArgumentError(f"{cell.name} has the states {' '.join(cell.states)}, one tensor for each; given {given}.")
    for name, value, size in zip(cell.states, state, sizes, strict=True):
        if value.shape != (batch, size):
            raise ArgumentError(f"state {name} must have shape {(batch, size)}; it has {tuple(value.shape)}.")
    return tuple(state)


def checked_lengths(x: Tensor, lengths: Lengths | None) -> Tensor | None:
    """Return the lengths of sequences x (T, B, I) as int64; None if all have T steps. On a GPU this waits for it.

    Raises:
        ArgumentError: they are no whole numbers, not one for each sequence, or not in 0..T.
    """
    if lengths is None:
        return None
    given = as_lengths(lengths, x.device)
    if given.shape != (x.shape[1],):
        raise ArgumentError(
            f"lengths must be whole numbers, one for each of the {x.shape[1]} sequences; "
            f"given shape {tuple(given.shape)}."
        )
    if can_be_read(given) and given.numel():
        least, most = torch.stack(torch.aminmax(given)).tolist()
        if least < 0 or most > x.shape[0]:
            raise ArgumentError(f"lengths must lie in 0..{x.shape[0]}, the number of steps; given {given.tolist()}.")
        if least == x.shape[0]:  # nothing is left out: without lengths the kernels have less to do
            return None
    return given


def can_be_read(tensor: Tensor) -> bool:
    """Whether checks may read a tensor's values: not while tracing, and not under ``vmap``."""
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() or type(tensor) is not Tensor:
        return False
    return not torch._C._functorch.is_batchedtensor(tensor)  # pyright: ignore[reportAttributeAccessIssue]


def is_transformed() -> bool:
    """Whether a ``torch.func`` transform is active."""
    compiling = torch.compiler.is_compiling()
    return not compiling and torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore[reportAttributeAccessIssue]


def _checked_reset(x: Tensor, reset: Resets | None) -> Tensor | None:
    if reset is None:
        return None
    given = as_reset(reset, x.device)
    if given.shape != x.shape[:2]:
        raise ArgumentError(
            f"reset must be of shape {tuple(x.shape[:2])} (steps, batch); it has shape {tuple(given.shape)}."
        )
    return given


def _checked_masks(cell: Cell, x: Tensor, weights: Weights, masks: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    """All of a cell's masks: those given, and default values for the others.

    Raises:
        ArgumentError: a mask is missing, unknown, or of another shape.
    """
    masks = masks or {}
    missing = [name for name in cell.masks if name not in masks]
    if not set(masks) <= set(cell.masks) or not set(missing) <= set(cell.mask_defaults):
        raise ArgumentError(
            f"{cell.name} takes the masks {list(cell.masks)}, given {list(masks)}. Pass masks= with a value for every "
            "step of each that has no default value."
        )
    hidden = weights.hidden_size(cell)
    shape = (*x.shape[:2], hidden)
    for name, mask in masks.items():
        if mask.shape != shape:
            raise ArgumentError(f"mask {name!r} must have shape {shape}; it has {tuple(mask.shape)}.")
    return {**masks, **{name: expected_mask(cell, name, x, hidden) for name in missing}}
