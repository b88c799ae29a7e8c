"""Graphs within graphs: the nodes of a model in order of use, and what each name stands for where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError
from tidegate.io.wording import quoted

MOST_NODES = 300_000  # with those of functions, once for each call
DEEPEST = 40  # graphs and functions within one another
GRAPH, GRAPHS = 5, 10  # kinds of attributes


@dataclass(eq=False)
class Scope:
    """The names that a graph gives, and the graph around it, whose names it sees too.

    Attributes:
        place: where the graph stands, such as "If_3/then_branch/"; "" for the model's own.
        outer: the graph around it; None for the model's own and those of functions.
        tensors: its initializers.
        made: for each name the node that makes it, and as which output.
        inputs: what is given from outside when it runs.
        bound: of a function what its inputs are where it is called.
        attributes: of a function those of its call.
    """

    place: str
    outer: Scope | None = None
    tensors: dict[str, Any] = field(default_factory=dict)
    made: dict[str, tuple[Node, int]] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    bound: dict[str, tuple[Scope, str]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    __repr__ = brief_repr

    def find(self, name: str) -> tuple[Scope, str]:
        """Return the graph that gives a name, and the name that it has there."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound:
                scope, name = scope.bound[name]
            elif name in scope.tensors or name in scope.made or name in scope.inputs or scope.outer is None:
                return scope, name
            else:
                scope = scope.outer
        return self, name

    def source(self, name: str) -> tuple[Node, int] | None:
        """Return the node that makes a name, and as which output; None if no node does."""
        scope, own = self.find(name)
        return None if own in scope.tensors else scope.made.get(own)


@dataclass(eq=False)
class Node:
    """A node where it stands.

    Attributes:
        proto: its message.
        scope: its graph.
        kind: its operator; with its domain if it is not one of ONNX's own: "com.microsoft.DynamicQuantizeLSTM".
        attributes: by their names, in a function those of its call in their place.
    """

    proto: Any
    scope: Scope
    kind: str
    attributes: Mapping[str, Any]
    __repr__ = brief_repr

    @property
    def name(self) -> str:
        """Its name, else that of its first output."""
        return as_text(self.proto.name) or next(filter(None, map(as_text, self.proto.output)), self.kind)

    def input(self, n: int) -> str:
        """Return the name of an input, "" if it is not given."""
        return as_text(self.proto.input[n]) if n < len(self.proto.input) else ""


def as_text(value: Any) -> str:
    """Return a name of a file; protobuf gives bytes for what is no UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Walk:
    """All nodes of a model in order of use, those of graphs and functions within a node after it.

    Attributes:
        nodes: with those of functions, once for each call.
        scopes: the graphs, the model's own first.
    """

    def __init__(self, model: Any, path: Path):
        self.path = path
        self.nodes: list[Node] = []
        self.scopes: list[Scope] = []
        self._functions = {(as_text(it.domain), as_text(it.name)): it for it in model.functions}
        self._graph(model.graph, Scope(""), 0)

    def _graph(self, graph: Any, scope: Scope, depth: int) -> None:
        scope.tensors = {as_text(it.name): it for it in graph.initializer}
        scope.inputs = {as_text(it.name) for it in graph.input}
        self._nodes(graph.node, scope, depth)

    def _nodes(self, protos: Any, scope: Scope, depth: int) -> None:
        if depth > DEEPEST:
            raise DataError(f"{self.path}: graphs lie more than {DEEPEST} deep in one another at {scope.place[:200]}.")
        self.scopes.append(scope)
        for proto in protos:
            node = self._node(proto, scope)
            for n, output in enumerate(map(as_text, proto.output)):
                if output in scope.made:
                    raise DataError(f"{self.path}: {quoted(output)} is made by two nodes of one graph.")
                if output:
                    scope.made[output] = (node, n)
            self._within(node, depth)

    def _node(self, proto: Any, scope: Scope) -> Node:
        domain = as_text(proto.domain)
        kind = as_text(proto.op_type) if domain in ("", "ai.onnx") else f"{domain}.{as_text(proto.op_type)}"
        attributes = {}
        for it in proto.attribute:
            given = scope.attributes.get(as_text(it.ref_attr_name)) if it.ref_attr_name else it
            if given is not None:
                attributes[as_text(it.name)] = given
        node = Node(proto, scope, kind, attributes)
        self.nodes.append(node)
        if len(self.nodes) > MOST_NODES:
            raise DataError(f"{self.path} has more than {MOST_NODES:,} nodes, which is more than is read.")
        return node

    def _within(self, node: Node, depth: int) -> None:
        place, scope = f"{node.scope.place}{node.name}/", node.scope
        function = self._functions.get((as_text(node.proto.domain), as_text(node.proto.op_type)))
        if function is not None:
            names = list(map(as_text, function.input))
            bound = {name: (scope, node.input(n)) for n, name in enumerate(names)}
            defaults = {as_text(it.name): it for it in function.attribute_proto}
            self._nodes(
                function.node, Scope(place, bound=bound, attributes=defaults | dict(node.attributes)), depth + 1
            )
        for name, graph in _graphs(node):
            self._graph(graph, Scope(f"{place}{name}/", scope, attributes=scope.attributes), depth + 1)


def _graphs(node: Node) -> Iterator[tuple[str, Any]]:
    for name, it in node.attributes.items():
        if it.type == GRAPH:
            yield name, it.g
        elif it.type == GRAPHS:
            yield from ((name, graph) for graph in it.graphs)
