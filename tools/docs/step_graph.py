"""A cell's traced equations as the boxes and arrows of a diagram, as a reader would draw it.

A sum and its biases are one node; a product with a constant or with a vector of parameters is one box on the arrow;
``a - b`` is a sum with ``-b`` and ``a / b`` a product with ``1/b``, so that the order of arrows has no meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from tidegate.cells import OPERATIONS, Cell, Expression

Kind = Literal["input", "weights", "function", "pointwise", "output"]


@dataclass(frozen=True)
class Node:
    """A box of the diagram.

    Attributes:
        label: its text; ``W_f`` and ``h_{t-1}`` have subscripts.
        kind: "input" and "output" are values at the step's borders, "weights" a matrix or a vector of weights,
            "function" works on one value, "pointwise" joins several.
        caption: the name the cell gives to its value, or "".
    """

    label: str
    kind: Kind
    caption: str = ""


@dataclass(frozen=True)
class StepGraph:
    """The diagram of one step: nodes by number, and arrows (from, to), each pair once."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]


def step_graph(cell: Cell) -> StepGraph:
    """The diagram of a cell's equations, with all gates and states by name."""
    return _Drawing(cell).graph()


class _Drawing:
    def __init__(self, cell: Cell):
        self.cell = cell
        self.nodes: list[Node] = []
        self.edges: list[tuple[int, int]] = []
        self.known: dict[int | str, int] = {}
        self.named = {id(e): name for name, e in cell.step.states.items() if e.op not in ("state", "constant")}
        self.named |= {id(e): name for name, e in cell.step.gates.items() if e.op not in ("state", "constant")}

    def graph(self) -> StepGraph:
        self.leaf("x_t", "input")
        for name in self.cell.states:
            self.leaf(f"{name}_{{t-1}}", "input")
        for value in self.cell.step.gates.values():
            self.visit(value)
        for name, value in self.cell.step.states.items():
            self.add(f"{name}_t", "output", self.visit(value))
        return self.without_unused()

    def without_unused(self) -> StepGraph:
        """Leave out states that no equation reads, and x_t of a cell without an input part."""
        used = {end for edge in self.edges for end in edge}
        new = {old: k for k, old in enumerate(sorted(used))}
        edges = dict.fromkeys((new[a], new[b]) for a, b in self.edges)
        return StepGraph(tuple(self.nodes[k] for k in sorted(used)), tuple(edges))

    def leaf(self, label: str, kind: Kind) -> int:
        if label not in self.known:
            self.known[label] = self.add(label, kind)
        return self.known[label]

    def add(self, label: str, kind: Kind, *args: int) -> int:
        self.nodes.append(Node(label, kind))
        self.edges += [(arg, len(self.nodes) - 1) for arg in args]
        return len(self.nodes) - 1

    def visit(self, node: Expression) -> int:
        if id(node) not in self.known:
            made = self.draw(node)
            name = self.named.get(id(node))
            if name is not None and name not in self.cell.states:
                self.nodes[made] = replace(self.nodes[made], caption=f"{name}_t")
            self.known[id(node)] = made
        return self.known[id(node)]

    def draw(self, node: Expression) -> int:
        match node.op:
            case "state":
                return self.leaf(f"{node.name}_{{t-1}}", "input")
            case "mask":
                return self.leaf(f"{node.name}_t", "input")
            case "parameter":
                return self.leaf(node.name, "weights")
            case "constant":
                return self.leaf(f"{node.value:g}", "input")
            case "project":
                return self.add("W_proj", "weights", self.visit(node.args[0]))
            case "add" | "input" | "recur":
                return self.sum([node])
            case "sub" if not self.numbers(node) and id(node.args[0]) in self.named:
                return self.add("+", "pointwise", self.visit(node.args[0]), self.once("−", node.args[1]))
            case "sub" if not self.numbers(node):
                return self.sum([node.args[0]], self.once("−", node.args[1]))
            case "div" if not self.numbers(node):
                return self.add("⊙", "pointwise", self.visit(node.args[0]), self.once("1/·", node.args[1]))
            case "mul" if not self.numbers(node):
                return self.product(node)
        return self.operation(node)

    def once(self, label: str, value: Expression) -> int:
        """The operand of a sign or a reciprocal; drawn once for each value."""
        key = f"{label} of {self.visit(value)}"
        if key not in self.known:
            self.known[key] = self.add(label, "function", self.visit(value))
        return self.known[key]

    def numbers(self, node: Expression) -> bool:
        return any(arg.op == "constant" for arg in node.args)

    def product(self, node: Expression) -> int:
        for weights, value in (node.args, node.args[::-1]):
            if weights.op == "parameter":
                return self.add(f"{weights.name} ⊙", "weights", self.visit(value))
        return self.add("⊙", "pointwise", *map(self.visit, node.args))

    def operation(self, node: Expression) -> int:
        """An operation, labelled as the table of operations writes it, with dots for values."""
        written = OPERATIONS[node.op].text
        if node.op == "mul":
            written = "{0} {1}"
        label = written.format(*(f"{a.value:g}" if a.op == "constant" else "·" for a in node.args))
        label = re.sub(r"^([^()]+)\(·(, ·)*\)$", r"\1", label).replace("-", "−")
        values = [self.visit(arg) for arg in node.args if arg.op != "constant"]
        return self.add(label, "function" if len(values) == 1 else "pointwise", *values)

    def sum(self, terms: list[Expression], *more: int) -> int:
        """One node for all terms of a sum; biases and vectors of parameters are written into it."""
        values, written = list(more), list[str]()
        for term in self.summands(terms):
            if term.op == "input" and not self.apart(term, terms):
                values.append(self.add(f"W_{term.name}", "weights", self.leaf("x_t", "input")))
                written += [f"b_{term.name}"] if self.cell.bias else []
            elif term.op == "recur" and not self.apart(term, terms):
                values.append(self.recurrent(term))
                written += [f"b'_{term.name}"] if term.name in self.cell.own_bias_gates else []
            elif term.op == "parameter":
                written.append(term.name)
            elif term.op == "constant":
                written.append(f"{term.value:g}")
            else:
                values.append(self.visit(term))
        if len(values) == 1 and not written:
            return values[0]
        return self.add("+ " + " + ".join(written) if written else "+", "pointwise", *values)

    def recurrent(self, term: Expression) -> int:
        """A recurrent product, drawn once for all its uses."""
        key = f"product U_{term.name}"
        if key not in self.known:
            self.known[key] = self.add(f"U_{term.name}", "weights", self.visit(term.args[0]))
        return self.known[key]

    def apart(self, term: Expression, terms: list[Expression]) -> bool:
        return id(term) in self.named and term not in terms

    def summands(self, terms: list[Expression]) -> list[Expression]:
        found: list[Expression] = []
        for term in terms:
            inside = term.op == "add" and (term is terms[0] or id(term) not in self.named)
            found += self.summands_of(term) if inside else [term]
        return found

    def summands_of(self, node: Expression) -> list[Expression]:
        found: list[Expression] = []
        for arg in node.args:
            found += self.summands_of(arg) if arg.op == "add" and id(arg) not in self.named else [arg]
        return found
