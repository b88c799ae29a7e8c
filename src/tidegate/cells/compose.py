"""Functions from cell to cell."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.cells.cell import Cell, Recipe, define
from tidegate.cells.language.signature import ARGUMENTS, Signature
from tidegate.cells.language.step import Step
from tidegate.cells.mask_defaults import MaskDefault, Noise
from tidegate.errors import CellError


@functools.cache
def projected(cell: Cell) -> Cell:
    """Project the output state of a cell to fewer dimensions, h_t = W_hr h'_t (Sak, Senior & Beaufays 2014).

    The other states keep their size; recurrent products use the projected state.

    Raises:
        CellError: the cell uses h_{t-1} outside a recurrent product, where the sizes would differ, or has heads.
    """
    output = cell.states[0]
    if cell.heads > 1:
        raise CellError(f"{cell.name} has heads, which cannot be projected.")

    def fn(**symbols: Any) -> Step:
        step = cell.fn(**{name: symbols[name] for name in cell.arguments})
        states = {**step.states, output: symbols["r"].project(step.states[output])}
        return Step(gates=step.gates, **states)

    return composed(cell, fn, "r", name=f"projected({cell.name})", recipe=(projected, (cell,)))


@functools.cache
def with_heads(cell: Cell, heads: int) -> Cell:
    """Cut the hidden units into heads, within which recurrent products stay (Beck et al. 2024, xLSTM).

    Each U_k is block-diagonal: with H hidden units and 4 heads it has 4 blocks of H/4 x H/4, a quarter of the weights
    and of the operations. The recurrent weights of a layer are (gates * H, H / heads): the row of a hidden unit holds
    its weights for those of its own head. Products with the input are not cut.

    Raises:
        CellError: there are not at least 2 heads, or the cell has heads already, no recurrent product, or a projection.
    """
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 2:
        raise CellError(f"Heads of {cell.name}: their number must be a whole number from 2 on, got {heads!r}.")
    if cell.heads > 1 or cell.projected or not cell.recurrent_gates:
        why = (
            "is projected" if cell.projected else "has heads already" if cell.heads > 1 else "has no recurrent product"
        )
        raise CellError(f"Heads of {cell.name}: it {why}.")
    name = f"with_heads({cell.name}, {heads})"
    return composed(cell, _unchanged(cell), "", name=name, recipe=(with_heads, (cell, heads)), heads=heads)


def _unchanged(cell: Cell) -> Callable[..., Step]:
    def fn(**symbols: Any) -> Step:
        return cell.fn(**{name: symbols[name] for name in cell.arguments})

    return fn


def zoneout(cell: Cell, rates: float | Mapping[str, float]) -> Cell:
    """Let hidden units keep their last value at random (Krueger et al. 2017, Zoneout).

    Each state s with a rate has a mask d, drawn for every step, sequence and hidden unit, which is 1 with that
    probability::

        s_t = d_t ⊙ s_{t-1} + (1 - d_t) ⊙ s'_t

    where s'_t is the cell's own new state (so that the LSTM's h_t sees the c_t from before zoneout, as in the paper).
    A layer draws the masks in training mode; in evaluation mode, and without a layer, d_t is its expectation, the rate.

    Args:
        cell: any cell.
        rates: the rate of each state by name, or one for all states, in 0..1.

    Raises:
        CellError: a rate is outside 0..1, or the cell has no such state.

    Example:
        >>> import tidegate
        >>> from tidegate.cells import lstm, zoneout
        >>> layer = tidegate.nn.Recurrent(zoneout(lstm, {"h": 0.05, "c": 0.5}), 8, 16)
    """
    by_state = dict.fromkeys(cell.states, rates) if isinstance(rates, int | float) else dict(rates)
    for state, rate in by_state.items():
        if state not in cell.states:
            raise CellError(f"Zoneout of {state!r}: {cell.name} has the states {' '.join(cell.states)}.")
        if not 0 <= rate <= 1:
            raise CellError(f"Zoneout of {state!r}: a rate must be in 0..1, got {rate}.")
    return _zoneout(cell, tuple(by_state.items()))


@functools.cache
def _zoneout(cell: Cell, rates: tuple[tuple[str, float], ...]) -> Cell:
    masks = {state: new_mask(cell, f"zoneout_{state}") for state, _ in rates}

    def fn(**symbols: Any) -> Step:
        step = cell.fn(**{name: symbols[name] for name in cell.arguments})
        states = dict(step.states)
        for state, mask in masks.items():
            keep = getattr(symbols["m"], mask)
            states[state] = keep * getattr(symbols["s"], state) + (1 - keep) * step.states[state]
        return Step(gates=step.gates, **states)

    defaults = {masks[state]: Noise(rate, mean=rate) for state, rate in rates}
    return composed(
        cell, fn, "s m", name=f"zoneout({cell.name})", masks=defaults, recipe=(zoneout, (cell, dict(rates)))
    )


@functools.cache
def variational_dropout(cell: Cell, rate: float) -> Cell:
    """Apply dropout to the operands of recurrent products, with one mask per sequence (Gal & Ghahramani 2016).

    Every product U_k v becomes U_k (z ⊙ v), with one mask z for all gates and all steps of a run: 0 with the
    probability ``rate`` and 1 / (1 - rate) otherwise. States and output are unchanged. A layer draws z for each
    sequence of the batch in training mode; in evaluation mode, and without a layer, z is 1. For the input, multiply it
    by ``dropout(torch.ones_like(x[:1]), rate)`` outside the layer.

    Raises:
        CellError: the rate is outside 0..1 or is 1, or the cell has no recurrent product.
    """
    if not 0 <= rate < 1:
        raise CellError(f"Variational dropout: a rate must be in 0..1 and less than 1, got {rate}.")
    if not cell.recurrent_gates:
        raise CellError(f"Variational dropout: {cell.name} has no recurrent product.")
    mask = new_mask(cell, "dropout")

    def fn(**symbols: Any) -> Step:
        dropped = _Dropped(symbols["r"], getattr(symbols["m"], mask), getattr(symbols["s"], cell.states[0]))
        return cell.fn(**{name: {**symbols, "r": dropped}[name] for name in cell.arguments})

    return composed(
        cell,
        fn,
        "r s m",
        name=f"variational_dropout({cell.name})",
        masks={mask: Noise(1 - rate, mean=1.0, per_sequence=True)},
        recipe=(variational_dropout, (cell, rate)),
    )


class _Dropped:
    """``r`` with a mask on the operands of its products."""

    def __init__(self, r: Any, mask: Any, output: Any):
        self._r, self._mask = r, mask
        self._masked = [(output, mask * output)]  # a vector is masked once, for all gates

    def __getattr__(self, name: str) -> Any:
        return self._r(name, self._masked[0][1])

    def __call__(self, name: str, vector: Any) -> Any:
        for known, masked in self._masked:
            if known is vector:
                return self._r(name, masked)
        self._masked.append((vector, self._mask * vector))
        return self._r(name, self._masked[-1][1])

    def project(self, vector: Any) -> Any:
        return self._r.project(vector)


def new_mask(cell: Cell, name: str) -> str:
    """Return the name of a new mask: the one given, or with a number if the cell has a mask of that name."""
    number = 2
    free = name
    while free in cell.masks:
        free, number = f"{name}_{number}", number + 1
    return free


def composed(
    cell: Cell,
    fn: Callable[..., Step],
    needs: str,
    *,
    name: str,
    recipe: Recipe,
    masks: Mapping[str, MaskDefault] | None = None,
    heads: int | None = None,
) -> Cell:
    """Make a cell with the gates, states and parameters of another, but other equations and additional masks.

    Args:
        cell: the other cell.
        fn: the equations; called with all symbols by name.
        needs: the arguments that it needs besides those of the other cell.
        name: of the new cell.
        recipe: the function and arguments that make it, for pickling.
        masks: default values of the new masks, by name.
        heads: of the new cell; None for those of the other one.
    """
    masks = masks or {}
    taken = {*cell.arguments, *needs.split()}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    arguments = [inspect.Parameter(argument, kind) for argument in ARGUMENTS if argument in taken]
    fn.__signature__ = inspect.Signature(arguments)  # pyright: ignore[reportFunctionMemberAccess]
    signature = Signature(
        name,
        fn,
        cell.gates,
        cell.states,
        cell.parameters,
        (*cell.masks, *masks),
        bias=cell.bias,
        initial=cell.initial,
        mask_defaults={**cell.mask_defaults, **masks},
        paper=cell.paper,
        convention=cell.convention,
        doc=cell.doc,
        heads=heads or cell.heads,
        scalars=cell.scalars,
    )
    return define(signature, recipe)
