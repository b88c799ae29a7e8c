"""``@cell``: a function of one step becomes a cell that knows its own equations."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Literal

from tidegate.cells.language.analysis import Analysis, analyse
from tidegate.cells.language.digest import digest
from tidegate.cells.language.render import render
from tidegate.cells.language.signature import Signature
from tidegate.cells.language.step import Step
from tidegate.cells.language.symbolic_trace import symbolic_trace
from tidegate.errors import CellError

Recipe = tuple[Callable[..., "Cell"], tuple[Any, ...]]
_BY_HANDLE: dict[str, "Cell"] = {}


@dataclass(frozen=True, eq=False, repr=False)
class Cell(Signature):
    """A recurrent cell: its declaration, its equations and what follows from them. Made by `cell`.

    Attributes:
        step: the traced equations, a `Step` of expressions.
        analysis: what follows from the equations; each of its attributes is one of the cell too.
        digest: of the equations and the names they use: equal where these are.
        recipe: for a cell composed of others, the function and arguments that made it.
    """

    _: KW_ONLY
    step: Step
    analysis: Analysis
    digest: str
    recipe: Recipe | None = None

    def __deepcopy__(self, memo: Any) -> "Cell":
        return self  # equations do not change; a copied module keeps the cell it had

    def __reduce__(self) -> Recipe:
        """Pickle by reference, as functions are: the module and name under which the cell was defined."""
        return self.recipe or (_find, (self.fn.__module__, self.fn.__qualname__))

    def __repr__(self) -> str:
        return f"Cell({self.name!r})"

    @property
    def handle(self) -> str:
        """Its name and digest, by which `by_handle` finds it."""
        return f"{self.name}:{self.digest}"

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
        """The recurrent gates whose product is with h_{t-1} itself."""
        return self.analysis.direct_gates

    @property
    def presummed_gates(self) -> tuple[str, ...]:
        """Gates whose two parts only ever occur as the sum ``x.k + r.k``: one bias is enough."""
        return self.analysis.presummed_gates

    @property
    def own_bias_gates(self) -> tuple[str, ...]:
        """Recurrent gates whose product needs a bias of its own: it is not simply added to some ``x.j``."""
        return self.analysis.own_bias_gates

    @property
    def projected(self) -> bool:
        """Whether the output state passes through a projection (``proj_size``)."""
        return self.analysis.projected

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names that can be traced: the gates' values, then the states."""
        return (*self.step.gates, *self.states)

    def equations(self, style: Literal["text", "latex"]) -> list[tuple[str, str]]:
        """The equations as pairs of left and right side, each value before those that use it."""
        return render(self, self.step, self.analysis, style)

    def text(self) -> str:
        """The equations as plain text, one a line."""
        return "\n".join(f"{name} = {value}" for name, value in self.equations("text"))

    def latex(self) -> str:
        """The equations as a LaTeX ``aligned`` block."""
        lines = [rf"{name} &= {value} \\" for name, value in self.equations("latex")]
        return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])


def define(signature: Signature, recipe: Recipe | None = None) -> Cell:
    """Make a cell of its declaration: trace the function once and analyse what it computes.

    Raises:
        CellError: the cell is badly formed; the message names the cell and the fault.
    """
    try:
        signature.check()
        step = symbolic_trace(signature)
        analysis = analyse(signature, step)
    except CellError as fault:
        raise CellError(f"cell {signature.name!r}: {fault}") from None
    declared = {it.name: getattr(signature, it.name) for it in fields(Signature)}
    made = Cell(**declared, step=step, analysis=analysis, digest=digest(signature, step), recipe=recipe)
    _BY_HANDLE.setdefault(made.handle, made)
    return made


def by_handle(handle: str) -> Cell:
    """Return the cell of a handle, its name and digest.

    A handle is how a compiled graph or an exported program refers to a cell in a string. In another process it is found
    once the module that defines the cell has been imported, and refused, never reinterpreted, where the equations have
    changed since.

    Raises:
        CellError: no cell with these equations has been defined in this process.
    """
    if handle not in _BY_HANDLE:
        name = handle.rpartition(":")[0]
        same = any(other.rpartition(":")[0] == name for other in _BY_HANDLE)
        why = f"the {name!r} that is here has other equations" if same else "import the module that defines it"
        raise CellError(f"no cell here has the handle {handle!r}: {why}")
    return _BY_HANDLE[handle]


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

    def decorate(fn: Callable[..., Step]) -> Cell:
        vectors = [word.partition("=") for word in parameters.split()]
        signature = Signature(
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
        return define(signature)

    return decorate


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
