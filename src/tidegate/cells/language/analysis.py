"""Properties that are derived from a cell's equations, and so never declared."""

from collections import Counter
from dataclasses import dataclass

from tidegate.cells.language.expression import Expression, postorder
from tidegate.cells.language.signature import Signature
from tidegate.cells.language.step import Step
from tidegate.errors import CellError


@dataclass(frozen=True)
class Analysis:
    """Properties derived from a cell's equations.

    Attributes:
        input_gates: gates with an input part, ``x.k = W_k x_t + b_k``.
        recurrent_gates: gates with a recurrent product, ``r.k = U_k h_{t-1}`` or ``r("k", v) = U_k v``.
        direct_gates: recurrent gates whose product is with h_{t-1} itself.
        presummed_gates: gates whose two parts occur only as the sum ``x.k + r.k``: one bias is enough.
        own_bias_gates: recurrent gates whose product needs its own bias, since it is not added directly to an ``x.j``.
        projected: whether the output state passes through a projection (``proj_size``).
    """

    input_gates: tuple[str, ...]
    recurrent_gates: tuple[str, ...]
    direct_gates: tuple[str, ...]
    presummed_gates: tuple[str, ...]
    own_bias_gates: tuple[str, ...]
    projected: bool


def analyse(signature: Signature, step: Step) -> Analysis:
    """Analyse a cell's traced equations.

    Raises:
        CellError: a declared name is not used, or the cell cannot be projected.
    """
    outputs = [*step.states.values(), *step.gates.values()]
    nodes = postorder(*outputs)
    used = {(node.op, node.name) for node in nodes}
    for gate in signature.gates:
        if not used & {("input", gate), ("recur", gate)}:
            raise CellError(f"gate {gate!r} is declared but neither x.{gate} nor r.{gate} is used.")
    for kind, names in (("parameter", signature.parameters), ("mask", signature.masks)):
        for name in names:
            if (kind, name) not in used:
                raise CellError(f"{kind} {name!r} is declared but not used.")
    if any(op == "project" for op, _ in used):
        _check_projection(signature, nodes, outputs)
    beside = _beside(signature, nodes, outputs)
    return Analysis(
        input_gates=tuple(g for g in signature.gates if ("input", g) in used),
        recurrent_gates=tuple(g for g in signature.gates if ("recur", g) in used),
        direct_gates=_direct(signature, nodes),
        presummed_gates=tuple(gate for gate, sums in beside.items() if gate in sums),
        own_bias_gates=tuple(gate for gate, sums in beside.items() if signature.bias and not sums),
        projected=("project", "h") in used,
    )


def _direct(signature: Signature, nodes: list[Expression]) -> tuple[str, ...]:
    """Gates whose product is with h_{t-1} itself: they can be computed together at the start of the step."""
    output = ("state", signature.states[0])
    direct = {node.name for node in nodes if node.op == "recur" and (node.args[0].op, node.args[0].name) == output}
    return tuple(g for g in signature.gates if g in direct)


def _beside(signature: Signature, nodes: list[Expression], outputs: list[Expression]) -> dict[str, set[str]]:
    """For each gate k with a recurrent product, the gates j whose x.j is a term of every sum that it is a term of.

    One bias is then enough for the product and x.j.
    """
    read = outputs + [arg for node in nodes if node.op != "add" for arg in node.args]
    used = {(node.op, node.name) for node in nodes}
    inputs = {g for g in signature.gates if ("input", g) in used}
    beside = {g: set(inputs) for g in signature.gates if ("recur", g) in used}
    known: dict[int, Counter[tuple[str, str]]] = {}
    for expression in read:
        terms = _terms(expression, known)
        for product, sums in beside.items():
            sums -= {j for j in sums if (terms["input", j], terms["recur", product]) not in ((0, 0), (1, 1))}
    return beside


def _terms(node: Expression, known: dict[int, Counter[tuple[str, str]]]) -> Counter[tuple[str, str]]:
    """Count how often each leaf and product is a term of a sum."""
    if node.op != "add":
        return Counter({(node.op, node.name): 1})
    if id(node) not in known:
        known[id(node)] = sum((_terms(arg, known) for arg in node.args), Counter())
    return known[id(node)]


def _check_projection(signature: Signature, nodes: list[Expression], outputs: list[Expression]) -> None:
    """Check that h_{t-1}, whose size differs from that of the other values, is used in products only."""
    output = signature.states[0]
    for node in nodes:
        for arg in node.args:
            if (arg.op, arg.name) == ("state", output) and node.op != "recur":
                raise CellError(f"it cannot be projected: its equations use {output}_{{t-1}} outside a product.")
            if arg.op == "project":
                raise CellError("the projection may only be applied to the output state.")
    if any(value.op == "state" and value.name == output for value in outputs):
        raise CellError(f"it cannot be projected: its equations use {output}_{{t-1}} outside a product.")
