"""Facts that follow from a cell's equations and are therefore never declared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tidegate.cells.expression import Expression, postorder
from tidegate.cells.step import Step
from tidegate.errors import CellError

if TYPE_CHECKING:
    from tidegate.cells.cell import Cell


def derive(it: Cell, step: Step) -> dict[str, Any]:
    """The cell's derived attributes by name.

    Raises:
        CellError: something declared is not used.
    """
    outputs = [*step.states.values(), *step.gates.values()]
    nodes = postorder(*outputs)
    used = {(node.op, node.name) for node in nodes}
    for gate in it.gates:
        if not used & {("input", gate), ("recur", gate)}:
            raise CellError(f"gate {gate!r} is declared but neither x.{gate} nor r.{gate} is used")
    for kind, names in (("parameter", it.parameters), ("mask", it.masks)):
        for name in names:
            if (kind, name) not in used:
                raise CellError(f"{kind} {name!r} is declared but not used")
    if any(op == "project" for op, _ in used):
        _check_projection(it, nodes, outputs)
    return {
        "input_gates": tuple(g for g in it.gates if ("input", g) in used),
        "recurrent_gates": tuple(g for g in it.gates if ("recur", g) in used),
        "direct_gates": _direct(it, nodes),
        "presummed_gates": _presummed(it, nodes, outputs),
        "projected": ("project", "h") in used,
    }


def _direct(it: Cell, nodes: list[Expression]) -> tuple[str, ...]:
    """Gates whose product is with h_{t-1} itself: they can be computed together as the step begins."""
    output = ("state", it.states[0])
    direct = {node.name for node in nodes if node.op == "recur" and (node.args[0].op, node.args[0].name) == output}
    return tuple(g for g in it.gates if g in direct)


def _presummed(it: Cell, nodes: list[Expression], outputs: list[Expression]) -> tuple[str, ...]:
    """Gates whose x.k and r.k stand side by side in every sum that holds either."""
    read = outputs + [arg for node in nodes if node.op != "add" for arg in node.args]
    paired = {g for g in it.gates if {("input", g), ("recur", g)} <= {(node.op, node.name) for node in nodes}}
    known: dict[int, Counter[tuple[str, str]]] = {}
    for expression in read:
        terms = _terms(expression, known)
        for gate in tuple(paired):
            counts = terms["input", gate], terms["recur", gate]
            if counts not in ((0, 0), (1, 1)):
                paired.discard(gate)
    return tuple(g for g in it.gates if g in paired)


def _terms(node: Expression, known: dict[int, Counter[tuple[str, str]]]) -> Counter[tuple[str, str]]:
    """How often each leaf and product stands in a sum."""
    if node.op != "add":
        return Counter({(node.op, node.name): 1})
    if id(node) not in known:
        known[id(node)] = sum((_terms(arg, known) for arg in node.args), Counter())
    return known[id(node)]


def _check_projection(it: Cell, nodes: list[Expression], outputs: list[Expression]) -> None:
    """A projected output has another size, so h_{t-1} may stand only in products."""
    output = it.states[0]
    for node in nodes:
        for arg in node.args:
            if (arg.op, arg.name) == ("state", output) and node.op != "recur":
                raise CellError(f"it cannot be projected: its equations use {output}_{{t-1}} outside a product")
            if arg.op == "project":
                raise CellError("the projection may only be applied to the output state")
    if any(value.op == "state" and value.name == output for value in outputs):
        raise CellError(f"it cannot be projected: its equations use {output}_{{t-1}} outside a product")
