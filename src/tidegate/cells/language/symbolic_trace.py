"""Run a cell's function once on symbols and check what it returns."""

from typing import Any

from tidegate.cells.language.expression import Expression
from tidegate.cells.language.signature import Signature
from tidegate.cells.language.step import Step
from tidegate.errors import CellError


class _Names:
    """Attribute access that returns leaves and raises on names that are not declared."""

    def __init__(self, owner: str, op: str, names: tuple[str, ...], declared_as: str):
        self._owner, self._names, self._declared_as = owner, names, declared_as
        self._leaves = {name: Expression(op, name=name) for name in names}

    def __getattr__(self, name: str) -> Expression:
        leaf = self._leaves.get(name)
        if leaf is None:
            raise CellError(
                f"it uses {self._owner}.{name}, but {self._declared_as}={' '.join(self._names)!r} has no {name!r}."
            )
        return leaf


class _Recurrent:
    """``r``: recurrent products; each gate's weights are applied to one vector."""

    def __init__(self, names: tuple[str, ...], output: Expression):
        self._names, self._output = names, output
        self._products: dict[str, Expression] = {}

    def __getattr__(self, name: str) -> Expression:
        return self(name, self._output)

    def __call__(self, name: str, vector: Any) -> Expression:
        if name not in self._names:
            raise CellError(f"it uses r.{name}, but gates={' '.join(self._names)!r} has no {name!r}.")
        if not isinstance(vector, Expression):
            raise CellError(f"r({name!r}, ...) was given {type(vector).__name__}; it takes a vector of the step.")
        product = self._products.setdefault(name, Expression("recur", (vector,), name))
        if product.args[0] is not vector:
            raise CellError(f"the recurrent weights of gate {name!r} are used on two different vectors.")
        return product

    def project(self, vector: Expression) -> Expression:
        return Expression("project", (vector,), "h")


def symbolic_trace(signature: Signature) -> Step:
    """Call a cell's function on symbols.

    Raises:
        CellError: the function uses or returns something other than what is declared.
    """
    s = _Names("s", "state", signature.states, "states")
    symbols = {
        "x": _Names("x", "input", signature.gates, "gates"),
        "r": _Recurrent(signature.gates, getattr(s, signature.states[0])),
        "s": s,
        "p": _Names("p", "parameter", signature.parameters, "parameters"),
        "m": _Names("m", "mask", signature.masks, "masks"),
    }
    step = signature.fn(**{name: symbols[name] for name in signature.arguments})
    if not isinstance(step, Step):
        raise CellError(f"its function returned {type(step).__name__}; it must return Step({signature.states[0]}=...).")
    _check(signature, step)
    return step


def _check(signature: Signature, step: Step) -> None:
    for name in signature.states:
        if name not in step.states:
            raise CellError(f"its Step has no {name!r}, which is declared in states={' '.join(signature.states)!r}.")
    for name in step.states:
        if name not in signature.states:
            raise CellError(f"its Step has {name!r}, which is not declared in states={' '.join(signature.states)!r}.")
    for name in step.gates:
        if name in signature.states:
            raise CellError(f"{name!r} is both a state and a gate's value in its Step.")
    for name, value in {**step.states, **step.gates}.items():
        if not isinstance(value, Expression):
            raise CellError(f"{name!r} in its Step is {value!r}, not an expression of the step's symbols.")
