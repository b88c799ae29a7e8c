"""Write a cell's equations, as plain text or LaTeX, from its trace."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tidegate.cells.language.analysis import Analysis
from tidegate.cells.language.expression import Expression
from tidegate.cells.language.operations import OPERATIONS
from tidegate.cells.language.signature import Signature
from tidegate.cells.language.step import Step

SUM, PRODUCT, ATOM = 1, 2, 5


@dataclass(frozen=True)
class _Style:
    subscript: Callable[[str, str], str]
    brackets: str
    of_operation: Literal["text", "latex"]
    separator: str
    name: Callable[[str], str]
    previous: str = "t-1"


def _text_subscript(base: str, index: str) -> str:
    return f"{base}_{{{index}}}" if index == "t-1" else f"{base}_{index}"


def _latex_subscript(base: str, index: str) -> str:
    plain = index in ("t", "t-1") or len(index) == 1
    return f"{_latex_name(base)}_{{{index if plain else _latex_name(index)}}}"


def _latex_name(name: str) -> str:
    if len(name) == 1 or name.startswith(("b'", "W", "U")):
        return name
    return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


STYLES = {
    "text": _Style(_text_subscript, "({})", "text", " ", str),
    "latex": _Style(_latex_subscript, r"\left({}\right)", "latex", r"\,", _latex_name),
}


_BLOCKS: dict[str, Callable[[int], tuple[str, str]]] = {
    "text": lambda heads: ("U_k", f"blockdiag(U_k^1, ..., U_k^{heads})"),
    "latex": lambda heads: (
        "U_{k}",
        rf"\operatorname{{blockdiag}}\left(U_{{k}}^{{1}}, \dots, U_{{k}}^{{{heads}}}\right)",
    ),
}


def render(
    signature: Signature, step: Step, analysis: Analysis, style: Literal["text", "latex"]
) -> list[tuple[str, str]]:
    """Return a cell's equations as pairs of left and right side, each value before those that use it.

    Named values (gates and states) are written by their names where others use them.
    """
    biases = _Biases(signature.bias, analysis.own_bias_gates)
    lines = _Writer(step, biases, STYLES[style], signature.scalars).equations()
    if signature.heads > 1:
        lines.append(_BLOCKS[style](signature.heads))
    return lines


class _Biases(NamedTuple):
    of_input: bool
    of_products: tuple[str, ...]


class _Writer:
    def __init__(self, step: Step, biases: _Biases, style: _Style, scalars: tuple[str, ...]):
        self.biases, self.style, self.scalars = biases, style, scalars
        self.named = {**step.gates, **step.states}
        self.names: dict[int, str] = {}
        for name, node in self.named.items():
            if node.op not in ("state", "constant"):
                self.names.setdefault(id(node), name)

    def equations(self) -> list[tuple[str, str]]:
        lines: dict[str, tuple[str, str]] = {}

        def define(name: str, node: Expression) -> None:
            if name in lines:
                return
            stack = [node]
            while stack:  # the named values that this equation uses come first
                inner = stack.pop()
                for arg in reversed(inner.args):
                    if id(arg) in self.names:
                        define(self.names[id(arg)], arg)
                    else:
                        stack.append(arg)
            own = self.names.get(id(node))
            right = self.at_t(own) if own not in (None, name) else self.write(node)[0]
            lines[name] = (self.at_t(name), right)

        for name, node in self.named.items():
            define(name, node)
        return list(lines.values())

    def at_t(self, name: str | None) -> str:
        return self.style.subscript(name or "", "t")

    def bracketed(self, node: Expression, at_least: int) -> str:
        text, binding = self.argument(node)
        return text if binding >= at_least else self.style.brackets.format(text)

    def argument(self, node: Expression) -> tuple[str, int]:
        if id(node) in self.names:
            return self.at_t(self.names[id(node)]), ATOM
        return self.write(node)

    def write(self, node: Expression) -> tuple[str, int]:
        """Write an expression; also return the precedence of its outermost operation."""
        sub = self.style.subscript
        match node.op:
            case "constant":
                return f"{node.value:g}", ATOM if node.value >= 0 else SUM
            case "state":
                return sub(node.name, self.style.previous), ATOM
            case "parameter":
                return self.parameter(node.name), ATOM
            case "mask":
                return self.at_t(node.name), ATOM
            case "project":
                return f"W_{{proj}}{self.style.separator}{self.bracketed(node.args[0], ATOM)}", PRODUCT
            case "add" | "input" | "recur":
                return self.write_sum(node)
        operation = OPERATIONS[node.op]
        if node.op == "div" and self.style.of_operation == "latex":
            needs = [0, 0]
        elif operation.binding >= 4:
            needs = [0] * len(node.args)
        else:
            needs = [operation.binding] + [operation.binding + 1] * (len(node.args) - 1)
        template = operation.text if self.style.of_operation == "text" else operation.latex
        if node.op == "mul" and any(map(self.is_number, node.args)):
            template = "{0} {1}" if self.style.of_operation == "text" else r"{0}\,{1}"
        return template.format(*map(self.bracketed, node.args, needs)), operation.binding

    def is_number(self, node: Expression) -> bool:
        return node.op == "constant" or (node.op == "parameter" and node.name in self.scalars)

    def parameter(self, name: str) -> str:
        base, _, index = name.partition("_")
        return self.style.subscript(base, index) if index else self.style.name(base)

    def write_sum(self, node: Expression) -> tuple[str, int]:
        """Write a sum: its terms in order, its biases last, as in papers."""
        terms: list[str] = []
        biases: list[str] = []
        for term in self.summands(node):
            sub, gap = self.style.subscript, self.style.separator
            if term is not node and id(term) in self.names:
                terms.append(self.at_t(self.names[id(term)]))
            elif term.op == "input":
                terms.append(f"{sub('W', term.name)}{gap}{sub('x', 't')}")
                if self.biases.of_input:
                    biases.append(sub("b", term.name))
            elif term.op == "recur":
                terms.append(f"{sub('U', term.name)}{gap}{self.bracketed(term.args[0], ATOM)}")
                if term.name in self.biases.of_products:
                    biases.append(sub("b'", term.name))
            else:
                terms.append(self.bracketed(term, SUM))
        parts = terms + biases
        return " + ".join(parts), SUM if len(parts) > 1 else PRODUCT

    def summands(self, node: Expression) -> list[Expression]:
        if node.op != "add":
            return [node]
        return [
            term
            for arg in node.args
            for term in ([arg] if id(arg) in self.names or arg.op != "add" else self.summands(arg))
        ]
