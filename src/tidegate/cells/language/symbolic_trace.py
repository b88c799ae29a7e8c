"""Run a cell's function once on symbols and check what it returns."""

import difflib
from collections.abc import Mapping
from typing import Any, NoReturn

from tidegate.cells.language.expression import Expression
from tidegate.cells.language.signature import Signature
from tidegate.cells.language.step import Step
from tidegate.cells.language.symbol import NoSuchAttributeError, Symbol
from tidegate.errors import CellError


class _Names(Symbol):
    """Attribute access that returns leaves and raises on names that are not declared."""

    def __init__(self, owner: str, op: str, names: tuple[str, ...], declared_as: str, known: Mapping[str, str]):
        leaves = {name: Expression(op, name=name) for name in names}
        vars(self).update(_owner=owner, _names=names, _declared_as=declared_as, _known=known, _leaves=leaves)

    def refuse(self, written: str, advice: str) -> NoReturn:
        names = ", ".join(f"{self._owner}.{name}" for name in self._names)
        raise CellError(
            f"{self._owner} itself is not a value; {_MEANING[self._owner]}. "
            + (f"Write {names}." if names else f"None is declared: {self._declared_as}=''.")
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol that symbols do not have
            raise AttributeError(name)
        if name not in self._leaves:
            raise NoSuchAttributeError(_undeclared(self._owner, name, self._declared_as, self._names, self._known))
        return self._leaves[name]

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise CellError(
            f"it assigns to {self._owner}.{name}, but the step's arguments cannot be changed: give the value a name of "
            "its own, and return new states in Step."
        )


class _Recurrent(_Names):
    """``r``: recurrent products; each gate's weights are applied to one vector."""

    def __init__(self, names: tuple[str, ...], output: Expression, known: Mapping[str, str]):
        super().__init__("r", "recur", names, "gates", known)
        vars(self).update(_output=output, _products={})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self(name, self._output)

    def __call__(self, *given: Any) -> Expression:
        if len(given) != 2 or not isinstance(given[0], str):
            raise CellError('r(...) takes the name of a gate and a vector of the step, r("k", v), which is U_k v.')
        name, vector = given
        if name not in self._names:
            raise NoSuchAttributeError(_undeclared("r", name, "gates", self._names, self._known))
        if isinstance(vector, _Names):
            vector.refuse("r(...)", "")
        if not isinstance(vector, Expression):
            raise CellError(f"r({name!r}, ...) was given {type(vector).__name__}; it takes a vector of the step.")
        product = self._products.setdefault(name, Expression("recur", (vector,), name))
        if product.args[0] is not vector:
            raise CellError(f"the recurrent weights of gate {name!r} are used on two different vectors.")
        return product

    def project(self, vector: Expression) -> Expression:
        return Expression("project", (vector,), "h")


_MEANING = {
    "x": "x.k is W_k x_t + b_k, the input's part of gate k",
    "r": 'r.k is U_k h_{t-1}, and r("k", v) is U_k v',
    "s": "s.h is the previous state h_{t-1}",
    "p": "p.name is a vector that is declared in parameters, or a number that is declared in scalars",
    "m": "m.name is a mask that is declared in masks",
}


def _undeclared(owner: str, name: str, kind: str, names: tuple[str, ...], known: Mapping[str, str]) -> str:
    nearest = difflib.get_close_matches(name, names, 1)
    meant = known.get(name) or (f"{owner}.{nearest[0]}" if nearest else "")
    hint = f" Did you mean {meant}?" if meant else ""
    return f"it uses {owner}.{name}, but {kind}={' '.join(names)!r} has no {name!r}.{hint}"


def symbolic_trace(signature: Signature) -> Step:
    """Call a cell's function on symbols.

    Raises:
        CellError: the function uses or returns something other than what is declared.
    """
    known = {
        **{name: f"x.{name} or r.{name}" for name in signature.gates},
        **{name: f"m.{name}" for name in signature.masks},
        **{name: f"p.{name}" for name in signature.parameters},
        **{name: f"s.{name}" for name in signature.states},
    }
    s = _Names("s", "state", signature.states, "states", known)
    symbols = {
        "x": _Names("x", "input", signature.gates, "gates", known),
        "r": _Recurrent(signature.gates, getattr(s, signature.states[0]), known),
        "s": s,
        "p": _Names("p", "parameter", signature.parameters, "parameters", known),
        "m": _Names("m", "mask", signature.masks, "masks", known),
    }
    step = signature.fn(**{name: symbols[name] for name in signature.arguments})
    if not isinstance(step, Step):
        states = ", ".join(f"{name}=..." for name in signature.states)
        raise CellError(f"its function returned {_kind(step)}; it must return Step({states}).")
    _check(signature, step)
    return step


def _check(signature: Signature, step: Step) -> None:
    declared = f"declared in states={' '.join(signature.states)!r}"
    extra = [name for name in step.states if name not in signature.states]
    for name in signature.states:
        if name not in step.states:
            instead = f"; it has {', '.join(map(repr, extra))}, which is not" if extra else ""
            raise CellError(f"its Step has no {name!r}, which is {declared}{instead}.")
    if extra:
        raise CellError(
            f"its Step has {extra[0]!r}, which is not {declared}. Values to record that are no states are given as "
            f"gates=dict({extra[0]}=...)."
        )
    if not isinstance(step.gates, dict):
        raise CellError(f"gates in its Step is {_kind(step.gates)}; it takes values by name, gates=dict(f=f).")
    for name in step.gates:
        if not isinstance(name, str) or not name.isidentifier():
            raise CellError(f"{name!r} among the gates of its Step is not a plain name.")
        if name in signature.states:
            raise CellError(f"{name!r} is both a state and a gate's value in its Step.")
    for name, value in {**step.states, **step.gates}.items():
        if isinstance(value, _Names):
            value.refuse("Step", "")
        if not isinstance(value, Expression):
            shown = repr(value) if isinstance(value, int | float) else _kind(value)
            raise CellError(f"{name!r} in its Step is {shown}, not an expression of the step's symbols.")


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__
