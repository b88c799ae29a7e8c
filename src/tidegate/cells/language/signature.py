"""The declaration of a cell: its function and the names that the function may use."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tidegate.cells.language.step import Step
from tidegate.cells.mask_defaults import MaskDefault
from tidegate.errors import CellError

ARGUMENTS = ("x", "r", "s", "p", "m")
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Signature:
    """The declaration of a cell.

    Attributes:
        name: the function's name.
        fn: the equations, ``fn(x, r, s, p, m)`` with only the arguments they need, returning a `Step`.
        gates: names of the gates, in the order in which weights are stacked.
        states: names of the states; the first is the output.
        parameters: names of the vectors ``p.name``, with one weight per hidden unit.
        masks: names of the per-step masks ``m.name``.
        bias: whether the gates have biases; without, ``x.k = W_k x_t``.
        initial: initial values of parameters in a layer, or the interval from which they are drawn; the others are
            initialised randomly, like the weights.
        mask_defaults: default values of masks that the caller of a run does not pass.
        paper: the publication.
        convention: the convention chosen where libraries differ.
        doc: the function's docstring.
        heads: the groups of hidden units that recurrent products stay within: U_k is block-diagonal.
        scalars: those of the parameters that are one number for all hidden units.
    """

    name: str
    fn: Callable[..., Step]
    gates: tuple[str, ...]
    states: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    bias: bool = True
    initial: Mapping[str, float | Interval] = field(default_factory=dict, repr=False)
    mask_defaults: Mapping[str, MaskDefault] = field(default_factory=dict, repr=False)
    paper: str = ""
    convention: str = ""
    doc: str = ""
    heads: int = 1
    scalars: tuple[str, ...] = ()

    @functools.cached_property
    def arguments(self) -> tuple[str, ...]:
        """Which of x, r, s, p, m the equations take."""
        return tuple(inspect.signature(self.fn).parameters)

    def check(self) -> None:
        """Check the declared names.

        Raises:
            CellError: a name is missing, malformed, repeated, reserved or not declared.
        """
        if not self.states:
            raise CellError('it has no state; declare at least the output, states="h".')
        if not self.gates:
            raise CellError("it has no gate, so neither an input nor a recurrent product.")
        if "gates" in self.states:
            raise CellError("a state cannot be called 'gates', which is an argument of Step.")
        for kind in ("gates", "states", "parameters", "masks"):
            names = getattr(self, kind)
            example = " ".join(re.findall(r"[^\W\d_]\w*", " ".join(names))) or "a b"
            for name in names:
                if not name.isidentifier() or name.startswith("_"):
                    raise CellError(
                        f"{name!r} in {kind} is not a plain name. Names are separated by blanks: {kind}={example!r}."
                    )
            if len(set(names)) != len(names):
                raise CellError(f"{kind}={' '.join(names)!r} contains a name twice.")
        defaults = (("initial", self.initial, self.parameters), ("mask_defaults", self.mask_defaults, self.masks))
        for kind, given, names in defaults:
            if unknown := [name for name in given if name not in names]:
                raise CellError(f"{kind} names {', '.join(unknown)}, which is not declared.")
        if "project" in self.gates:
            raise CellError("a gate cannot be called 'project', which is the name of the projection.")
        given = inspect.signature(self.fn).parameters.values()
        unknown = [a.name for a in given if a.name not in ARGUMENTS or a.kind is not a.POSITIONAL_OR_KEYWORD]
        if unknown:
            raise CellError(f"its function takes {', '.join(unknown)}; a step's arguments are x, r, s, p, m.")
