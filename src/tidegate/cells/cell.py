"""``@cell``: a function of one step becomes a cell that knows its own equations."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.cells.language.analysis import derive
from tidegate.cells.language.digest import register
from tidegate.cells.language.render import render
from tidegate.cells.language.step import Step
from tidegate.cells.language.symbolic_trace import trace
from tidegate.cells.mask_defaults import Fill
from tidegate.errors import CellError

ARGUMENTS = ("x", "r", "s", "p", "m")


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell: its equations and every fact that follows from them.

    Attributes:
        name: the function's name.
        fn: the equations, ``fn(x, r, s, p, m)`` with only the arguments they need.
        gates: names of the gates, in the order in which weights are stacked.
        states: names of the states; the first is the output.
        parameters: names of the per-unit vectors ``p.name``.
        masks: names of the per-step masks ``m.name``.
        bias: whether the gates have biases; without, ``x.k = W_k x_t``, and the equations name their own.
        initial: the number that a per-unit vector starts with in a layer; one without is random as the weights are.
        fills: what fills a mask that the caller of a run does not give.
        paper: who published it.
        convention: the reading chosen where libraries differ.
        recipe: for a cell composed of others, the function and arguments that made it.
        step: the traced equations, a ``Step`` of expressions.
        input_gates: gates with an input part, ``x.k = W_k x_t + b_k``.
        recurrent_gates: gates with a recurrent product, ``r.k = U_k h_{t-1}`` or ``r("k", v) = U_k v``.
        direct_gates: the recurrent gates whose product is with h_{t-1} itself.
        presummed_gates: gates whose two parts only ever occur as the sum ``x.k + r.k``: one bias is enough.
        own_bias_gates: recurrent gates whose product needs a bias of its own: it is not simply added to some ``x.j``.
        projected: whether the output state passes through a projection (``proj_size``).
        handle: its name and a digest of its equations; see `tidegate.cells.language.digest`.
    """

    name: str
    fn: Callable[..., Step]
    gates: tuple[str, ...]
    states: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    bias: bool = True
    initial: Mapping[str, float] = field(default_factory=dict, repr=False)
    fills: Mapping[str, Fill] = field(default_factory=dict, repr=False)
    paper: str = ""
    convention: str = ""
    doc: str = ""
    recipe: tuple[Callable[..., Cell], tuple[Any, ...]] | None = field(default=None, repr=False)
    step: Step = field(init=False, repr=False)
    input_gates: tuple[str, ...] = field(init=False, repr=False)
    recurrent_gates: tuple[str, ...] = field(init=False, repr=False)
    direct_gates: tuple[str, ...] = field(init=False, repr=False)
    presummed_gates: tuple[str, ...] = field(init=False, repr=False)
    own_bias_gates: tuple[str, ...] = field(init=False, repr=False)
    projected: bool = field(init=False, repr=False)
    handle: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self._check_names()
            step = trace(self)
            facts = derive(self, step)
        except CellError as fault:
            raise CellError(f"cell {self.name!r}: {fault}") from None
        object.__setattr__(self, "step", step)
        for name, value in facts.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "handle", register(self))

    def __deepcopy__(self, memo: Any) -> Cell:
        return self  # equations do not change; a copied module keeps the cell it had

    def __reduce__(self) -> tuple[Callable[..., Cell], tuple[Any, ...]]:
        """Pickle by reference, as functions are: the module and name under which the cell was defined."""
        return self.recipe or (_find, (self.fn.__module__, self.fn.__qualname__))

    def __repr__(self) -> str:
        return f"Cell({self.name!r})"

    @functools.cached_property
    def arguments(self) -> tuple[str, ...]:
        """Which of x, r, s, p, m the equations take."""
        return tuple(inspect.signature(self.fn).parameters)

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names that can be traced: the gates' values, then the states."""
        return (*self.step.gates, *self.states)

    def text(self) -> str:
        """The equations as plain text, one a line."""
        return "\n".join(f"{name} = {value}" for name, value in render(self, "text"))

    def latex(self) -> str:
        """The equations as a LaTeX ``aligned`` block."""
        lines = [rf"{name} &= {value} \\" for name, value in render(self, "latex")]
        return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])

    def _check_names(self) -> None:
        if not self.states:
            raise CellError('it has no state; declare at least the output, states="h"')
        if not self.gates:
            raise CellError("it has no gate, so neither an input nor a recurrent product")
        if "gates" in self.states:
            raise CellError("a state cannot be called 'gates': that is Step's name for the named values")
        for kind in ("gates", "states", "parameters", "masks"):
            names = getattr(self, kind)
            for name in names:
                if not name.isidentifier() or name.startswith("_"):
                    raise CellError(f"{name!r} in {kind} is not a plain name")
            if len(set(names)) != len(names):
                raise CellError(f"{kind}={' '.join(names)!r} names something twice")
        for kind, given, names in (("initial", self.initial, self.parameters), ("fills", self.fills, self.masks)):
            if unknown := [name for name in given if name not in names]:
                raise CellError(f"{kind} names {', '.join(unknown)}, which is not declared")
        if "project" in self.gates:
            raise CellError("a gate cannot be called 'project': that is the projection's name")
        given = inspect.signature(self.fn).parameters.values()
        unknown = [a.name for a in given if a.name not in ARGUMENTS or a.kind is not a.POSITIONAL_OR_KEYWORD]
        if unknown:
            raise CellError(f"its function takes {', '.join(unknown)}; a step's arguments are x, r, s, p, m")


def cell(
    *,
    gates: str = "",
    states: str = "h",
    parameters: str = "",
    masks: str = "",
    bias: bool = True,
    paper: str = "",
    convention: str = "",
) -> Callable[[Callable[..., Step]], Cell]:
    """Make a cell of a function that computes one step.

    The function takes what it needs of

    * ``x``: ``x.k = W_k x_t + b_k``, the input's part of gate k,
    * ``r``: ``r.k = U_k h_{t-1}``, the recurrent part; ``r("k", v) = U_k v`` for any vector v of the step,
    * ``s``: the previous states, ``s.c``,
    * ``p``: vectors with one weight per unit, ``p.name``, declared in ``parameters``, where ``name=1`` says what a
      layer starts it with,
    * ``m``: masks given for every step, ``m.name``, declared in ``masks``,

    and returns a `Step`. All names are separated by blanks. The first state is the output. With ``bias=False`` there is
    no b_k: the equations name their biases among the ``parameters``.

    Example:
        >>> from tidegate.cells import Step, cell, tanh
        >>> @cell(gates="h", states="h", paper="Elman 1990")
        ... def elman(x, r):
        ...     return Step(h=tanh(x.h + r.h))
        >>> print(elman.text())
        h_t = tanh(W_h x_t + U_h h_{t-1} + b_h)

    Raises:
        CellError: the cell is badly formed; the message names the cell and the fault.
    """

    def define(fn: Callable[..., Step]) -> Cell:
        vectors = [word.partition("=") for word in parameters.split()]
        return Cell(
            fn.__name__,
            fn,
            tuple(gates.split()),
            tuple(states.split()),
            tuple(name for name, _, _ in vectors),
            tuple(masks.split()),
            bias=bias,
            initial={name: _number(fn.__name__, name, value) for name, equals, value in vectors if equals},
            paper=paper,
            convention=convention,
            doc=inspect.getdoc(fn) or "",
        )

    return define


def _number(cell: str, name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise CellError(f"cell {cell!r}: parameter {name!r} starts with {value!r}, which is not a number") from None


def _find(module: str, name: str) -> Cell:
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Cell):
        raise CellError(f"no cell is at {module}.{name}: define it at the top of an importable module to pickle it")
    return found
