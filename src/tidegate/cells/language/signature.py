"""What a cell declares: its function and the names that the function may use."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tidegate.cells.language.step import Step
from tidegate.cells.mask_defaults import Fill
from tidegate.errors import CellError

ARGUMENTS = ("x", "r", "s", "p", "m")


@dataclass(frozen=True, eq=False)
class Signature:
    """The declaration of a cell.

    Attributes:
        name: the function's name.
        fn: the equations, ``fn(x, r, s, p, m)`` with only the arguments they need; returns a `Step`.
        gates: names of the gates, in the order in which weights are stacked.
        states: names of the states; the first is the output.
        parameters: names of the per-unit vectors ``p.name``.
        masks: names of the per-step masks ``m.name``.
        bias: whether the gates have biases; without, ``x.k = W_k x_t``, and the equations name their own.
        initial: the number that a per-unit vector starts with in a layer; one without is random as the weights are.
        fills: what fills a mask that the caller of a run does not give.
        paper: who published it.
        convention: the reading chosen where libraries differ.
        doc: the function's docstring.
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

    @functools.cached_property
    def arguments(self) -> tuple[str, ...]:
        """Which of x, r, s, p, m the equations take."""
        return tuple(inspect.signature(self.fn).parameters)

    def check(self) -> None:
        """Check the names that are declared.

        Raises:
            CellError: a name is missing, malformed, repeated, reserved or not declared.
        """
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
