"""`cell` turns a function of one step into a `Cell`, which knows its equations."""

import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Literal, TypeVar

from tidegate.cells.language.analysis import Analysis, analyse
from tidegate.cells.language.digest import digest
from tidegate.cells.language.render import render
from tidegate.cells.language.signature import Interval, Signature
from tidegate.cells.language.source import first_line, line_of_return, named_faults
from tidegate.cells.language.step import Step
from tidegate.cells.language.symbolic_trace import symbolic_trace
from tidegate.cells.mask_defaults import PerUnit
from tidegate.errors import CellError

Recipe = tuple[Callable[..., "Cell"], tuple[Any, ...]]
Value = TypeVar("Value")
_BY_HANDLE: dict[str, list["Cell"]] = {}  # those of one handle differ in what is not in the equations


@dataclass(frozen=True, eq=False, repr=False)
class Cell(Signature):
    """A recurrent cell: its declaration, its traced equations and their analysis. Made by `cell`.

    Attributes:
        step: the traced equations, a `Step` of expressions.
        analysis: properties derived from the equations, which are attributes of the cell too.
        digest: of the equations and the declared names; equal equations have equal digests.
        recipe: for a cell made from another, the function and arguments that made it, for pickling.
    """

    _: KW_ONLY
    step: Step
    analysis: Analysis
    digest: str
    recipe: Recipe | None = None

    def __copy__(self) -> "Cell":
        return self  # cells are immutable: a copied module keeps its cell

    def __deepcopy__(self, memo: Any) -> "Cell":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by reference, as functions are, together with the digest of the equations."""
        if self.recipe is not None:
            return (*self.recipe, self.digest)
        return find_cell, (cell_reference(self),)

    def __setstate__(self, digest: str) -> None:
        if digest != self.digest:
            raise CellError(f"{self.name!r} has other equations in this process than where it was pickled.")

    def __repr__(self) -> str:
        return f"Cell({self.name!r})"

    @property
    def handle(self) -> str:
        """Name and digest, for `by_handle`."""
        return f"{self.name}:{self.digest}"

    @property
    def definition(self) -> tuple[object, ...]:
        """All that decides what a layer of the cell computes and how it is initialised."""
        return self.digest, self.bias, dict(self.initial), dict(self.mask_defaults)

    @property
    def input_gates(self) -> tuple[str, ...]:
        """Gates with an input part, ``x.k = W_k x_t + b_k``."""
        return self.analysis.input_gates

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        """Gates with a recurrent product, ``r.k = U_k h_{t-1}`` or ``r("k", v) = U_k v``."""
        return self.analysis.recurrent_gates

    @property
    def direct_gates(self) -> tuple[str, ...]:
        """Recurrent gates whose product is with h_{t-1} itself."""
        return self.analysis.direct_gates

    @property
    def presummed_gates(self) -> tuple[str, ...]:
        """Gates whose two parts occur only as the sum ``x.k + r.k``: one bias is enough."""
        return self.analysis.presummed_gates

    @property
    def own_bias_gates(self) -> tuple[str, ...]:
        """Recurrent gates whose product needs its own bias, since it is not added directly to an ``x.j``."""
        return self.analysis.own_bias_gates

    @property
    def projected(self) -> bool:
        """Whether the output state passes through a projection (``proj_size``)."""
        return self.analysis.projected

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the values that a run can record: gate activations, then states."""
        return (*self.step.gates, *self.states)

    def equations(self, style: Literal["text", "latex"]) -> list[tuple[str, str]]:
        """The equations as pairs of left and right side, each value before those that use it."""
        return render(self, self.step, self.analysis, style)

    def text(self) -> str:
        """The equations as plain text, one per line."""
        return "\n".join(f"{name} = {value}" for name, value in self.equations("text"))

    def latex(self) -> str:
        """The equations as a LaTeX ``aligned`` block."""
        lines = [rf"{name} &= {value} \\" for name, value in self.equations("latex")]
        return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])

    def _repr_latex_(self) -> str:
        """Notebook view: the equations."""
        return f"$$\n{self.latex()}\n$$"


def define(signature: Signature, recipe: Recipe | None = None) -> Cell:
    """Make a cell from its declaration: trace the function once and analyse its equations.

    Raises:
        CellError: the cell is badly formed; the message names the cell and the fault.
    """
    with named_faults(signature.name, signature.fn, first_line):
        signature.check()
    with named_faults(signature.name, signature.fn, line_of_return):
        step = symbolic_trace(signature)
    with named_faults(signature.name, signature.fn, first_line):
        analysis = analyse(signature, step)
    declared = {it.name: getattr(signature, it.name) for it in fields(Signature)}
    made = Cell(**declared, step=step, analysis=analysis, digest=digest(signature, step), recipe=recipe)
    made.__dict__["arguments"] = signature.arguments  # so that Dynamo, which cannot trace how they are found, need not
    same = _BY_HANDLE.setdefault(made.handle, [])
    if not same or (recipe is None and all(other.definition != made.definition for other in same)):
        same.append(made)
    return made


def by_handle(handle: str) -> Cell:
    """Return the cell of a handle, its name and digest.

    A compiled graph or an exported program refers to a cell by its handle. Another process finds the cell once the
    module that defines it is imported. If its equations have changed since, the handle is unknown and nothing is run.

    Raises:
        CellError: no cell with these equations has been defined in this process.
    """
    return _of_handle(handle, "the module that defines it")[0]


def cell_reference(cell: Cell) -> dict[str, Any]:
    """Return plain data with which `find_cell` finds a cell again: where it is defined, and what must be the same.

    Raises:
        CellError: the cell is not what is found under the name of its definition, so no other process can find it.
    """
    module, name = cell.fn.__module__, cell.fn.__qualname__
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Cell) or found.definition != cell.definition:
        why = "has been defined anew" if isinstance(found, Cell) else "is not a cell"
        raise CellError(
            f"{cell.name!r} cannot be pickled, since {module}.{name} {why}: define it once, at the top level of a "
            "module, or save state_dict() and make the layer again."
        )
    reference = dict(handle=cell.handle, module=module, bias=cell.bias, initial=dict(cell.initial))
    return reference | ({"mask_defaults": _mask_numbers(cell)} if cell.mask_defaults else {})


def find_cell(reference: dict[str, Any]) -> Cell:
    """Return the cell of a reference. Nothing is imported: references may come from files.

    Args:
        reference: as `cell_reference` made it, perhaps in another process.

    Raises:
        CellError: no such cell has been defined in this process.
    """
    for found in _of_handle(reference["handle"], f"{reference['module']}, which defines it, first"):
        declared = (found.bias, dict(found.initial), _mask_numbers(found))
        if declared == (reference["bias"], reference["initial"], reference.get("mask_defaults", {})):
            return found
    raise CellError(
        f"The cell {reference['handle']!r} has other initial values in this process, or other default values of masks."
    )


def _mask_numbers(cell: Cell) -> dict[str, float]:
    return {name: mask.default for name, mask in cell.mask_defaults.items() if isinstance(mask, PerUnit)}


def _of_handle(handle: str, module: str) -> list[Cell]:
    if handle not in _BY_HANDLE:
        name = handle.rpartition(":")[0]
        same = any(other.rpartition(":")[0] == name for other in _BY_HANDLE)
        why = f"{name!r} has other equations in this process" if same else f"import {module}"
        raise CellError(f"No cell has the handle {handle!r}: {why}.")
    return _BY_HANDLE[handle]


def cell(
    bare: None = None,
    /,
    *,
    gates: str = "",
    states: str = "h",
    parameters: str = "",
    scalars: str = "",
    masks: str = "",
    bias: bool = True,
    paper: str = "",
    convention: str = "",
) -> Callable[[Callable[..., Step]], Cell]:
    """Turn a function that computes one step into a cell. A decorator.

    The function takes those of these arguments that it needs:

    * ``x``: ``x.k = W_k x_t + b_k``, the input's part of gate k,
    * ``r``: ``r.k = U_k h_{t-1}``, the recurrent part; ``r("k", v) = U_k v`` for any vector v of the step,
    * ``s``: the previous states, ``s.c``,
    * ``p``: vectors with one weight per hidden unit, ``p.name``, declared in ``parameters``; ``name=1`` there sets the
      initial value in a layer, ``name=0..3`` the interval from which it is drawn uniformly,
      ``p.name`` is one number for all hidden units if it is declared in ``scalars`` instead,
    * ``m``: masks given for every step, ``m.name``, declared in ``masks``; ``name=1`` there sets the value of a mask
      that the caller leaves out.

    It returns a `Step`. Names are separated by blanks. The first state is the output. With ``bias=False`` there is
    no b_k: a cell with other biases declares them among its ``parameters``.

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

    if bare is not None:
        raise CellError('@cell takes the names of gates and states: write @cell(gates="i f g o", states="h c").')

    def decorate(fn: Callable[..., Step]) -> Cell:
        name = getattr(fn, "__name__", "")
        if not name or not hasattr(fn, "__code__"):
            raise CellError(f"@cell(...) is written above a function of one step; it was given {fn!r}.")
        with named_faults(name, fn, first_line):
            vectors, initial = _names_and_values("parameters", parameters, _number_or_interval)
            numbers, initial_numbers = _names_and_values("scalars", scalars, _number_or_interval)
            mask_names, mask_values = _names_and_values("masks", masks, _number)
            signature = Signature(
                name,
                fn,
                _words("gates", gates),
                _words("states", states),
                (*vectors, *numbers),
                mask_names,
                bias=bias,
                initial=initial | initial_numbers,
                mask_defaults={mask: PerUnit(number, ()) for mask, number in mask_values.items()},
                paper=paper,
                convention=convention,
                doc=inspect.getdoc(fn) or "",
                scalars=numbers,
            )
        return define(signature)

    return decorate


def _words(kind: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, str):
        given = " ".join(map(str, names)) if isinstance(names, list | tuple) else "a b"
        raise CellError(
            f"{kind} was given as {type(names).__name__}; write the names in one string, separated by blanks: "
            f"{kind}={given!r}."
        )
    return tuple(names.split())


def _names_and_values(
    kind: str, names: str, read: Callable[[str, str, str], Value]
) -> tuple[tuple[str, ...], dict[str, Value]]:
    """Return the names, and the values of those that have one."""
    words = [word.partition("=") for word in _words(kind, names)]
    return tuple(name for name, _, _ in words), {
        name: read(kind, name, value) for name, equals, value in words if equals
    }


def _number_or_interval(kind: str, name: str, value: str) -> float | Interval:
    low, dots, high = value.partition("..")
    if not dots:
        return _number(kind, name, value)
    interval = _number(kind, name, low), _number(kind, name, high)
    if interval[0] >= interval[1]:
        raise CellError(f"'{name}={value}' in {kind} is not an interval: the first number must be the smaller one.")
    return interval


def _number(kind: str, name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not math.isfinite(number):
        raise CellError(
            f"'{name}={value}' in {kind} is not a name and a number. Names are separated by blanks, with none "
            f'around =: {kind}="a=0.5 b".'
        )
    return number
