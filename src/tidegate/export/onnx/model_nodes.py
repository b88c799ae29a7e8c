"""A whole model as ONNX nodes: inputs, parts, what they remember, and outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import Convolution, Layer, Pool
from tidegate.export.onnx.convolution_nodes import add_convolution, history
from tidegate.export.onnx.layer_nodes import Lengths, add_layer, add_step
from tidegate.export.onnx.layer_weights import LayerWeights
from tidegate.export.onnx.nodes import Nodes
from tidegate.export.onnx.part_nodes import PARTS, Axes, numbers

BATCH, TIME = "batch", "time"
LENGTHS = "lengths"
NEXT = "_next"  # ends the name of a state that is returned


@dataclass(frozen=True)
class State:
    """What a part hands from one call to the next.

    Attributes:
        name: of the input.
        size: its shape without the batch, which comes first.
    """

    name: str
    size: tuple[int, ...]


@dataclass(frozen=True)
class Form:
    """How a model's graph is called.

    Attributes:
        batch_first: whether sequences are (batch, time, ·), and not (time, batch, ·).
        lengths: whether the lengths of sequences are an input.
        states: whether states are inputs and outputs.
        step: whether a call is one step, without an axis of time.
        int8: whether matrices are multiplied in 8 bits.
    """

    batch_first: bool = True
    lengths: bool = False
    states: bool = False
    step: bool = False
    int8: bool = False


class ModelNodes:
    """The nodes of a model.

    Args:
        graph: the model.
        form: how the ONNX graph is called.

    Raises:
        ArgumentError: the model has no single step, and ``form`` asks for one; or two inputs have one name.
    """

    def __init__(self, graph: Graph, form: Form):
        self.graph, self.form, self.nodes = graph, form, Nodes(int8=form.int8)
        if form.step:
            _check_has_steps(graph)
        self.states = _states(graph)
        self._names: dict[Value, str] = {}
        self._final: dict[Value, list[str]] = {}
        self.inputs: list[tuple[str, Any, tuple[Any, ...]]] = []
        self.outputs: list[tuple[str, Any, tuple[Any, ...]]] = []
        self._write()

    def proto(self, name: str) -> Any:
        """Return the graph."""
        nodes = self.nodes
        return nodes.onnx.helper.make_graph(
            nodes.protos, name, nodes.inputs(*self.inputs), nodes.inputs(*self.outputs), nodes.used_constants()
        )

    def _sequence(self, *sizes: int) -> tuple[Any, ...]:
        if self.form.step:
            return (BATCH, *sizes)
        return (BATCH, TIME, *sizes) if self.form.batch_first else (TIME, BATCH, *sizes)

    def _write(self) -> None:
        nodes, form = self.nodes, self.form
        for value in self.graph.inputs:
            kind, sizes = (np.float32, (value.size,)) if value.tokens is None else (np.int64, ())
            self.inputs.append((value.name, kind, self._sequence(*sizes)))
        if form.lengths:
            self.inputs.append((LENGTHS, np.int64, (BATCH,)))
        for name, value in self.graph.outputs.items():
            shape = (BATCH, value.size) if value.whole else self._sequence(value.size)
            self.outputs.append((name, np.float32, shape))
        for state in self._handed_on():
            self.inputs.append((state.name, np.float32, (BATCH, *state.size)))
            self.outputs.append((state.name + NEXT, np.float32, (BATCH, *state.size)))
        for name, _, _ in (*self.inputs, *self.outputs):
            if nodes.free(name) != name:
                raise ArgumentError(f"Two inputs or outputs would be called {name!r}: rename that of the model.")
        turned = form.batch_first and not form.step
        for value in self.graph.inputs:
            axes = [1, 0] if value.tokens is not None else [1, 0, 2]
            self._names[value] = nodes.add("Transpose", value.name, perm=axes) if turned else value.name
        like = self._names[self.graph.inputs[0]]
        self.axes = Axes(like, not form.step, Lengths.of(nodes, LENGTHS, like) if form.lengths else None)
        for value in self.graph.values:
            self._names[value] = self._add(value)
        for name, value in self.graph.outputs.items():
            nodes.name(self._returned(value, turned=turned), name)
        if form.states:
            for value, states in self.states.items():
                for state, final in zip(states, self._final[value], strict=True):
                    nodes.name(final, state.name + NEXT)

    def _handed_on(self) -> list[State]:
        return [state for states in self.states.values() for state in states] if self.form.states else []

    def _returned(self, value: Value, *, turned: bool) -> str:
        """Return an output as it is returned: zeros past the lengths."""
        name, lengths = self._names[value], self.axes.lengths
        if value.whole:
            return name
        if lengths is not None:
            name = self.nodes.add("Where", lengths.valid, name, self.nodes.number(0.0))
        return self.nodes.add("Transpose", name, perm=[1, 0, 2]) if turned else name

    def _add(self, value: Value) -> str:
        of = [self._names[it] for it in value.of]
        match value.part:
            case Layer():
                return self._layer(value, value.part, of)
            case Convolution():
                given = self.states[value][0].name if self.form.states and self.states[value] else ""
                made, final = add_convolution(self.nodes, self.axes, value.part, of[0], given)
                self._final[value] = final
                return made
            case Pool() if isinstance(value.of[0].part, Layer):
                layer = value.of[0]
                if value.part.kind == ("first" if layer.part.reverse else "last"):  # type: ignore[union-attr]
                    return self._final[layer][0]
        return PARTS[type(value.part)](self.nodes, self.axes, value, *of)

    def _layer(self, value: Value, part: Layer, of: list[str]) -> str:
        nodes = self.nodes
        weights = LayerWeights.of(nodes, part.cell, part.weights)
        masks = {it: (name, given.size) for it, name, given in zip(part.masks, of[1:], value.of[1:], strict=True)}
        states: list[str] | None = None
        if self.form.states:
            states = [it.name for it in self.states[value]]
        elif part.initial:
            states = [
                nodes.add("Expand", numbers(nodes, it, "initial"), self.axes.shape(nodes, len(it), steps=False))
                for it in part.initial
            ]
        if self.form.step:
            self._final[value] = add_step(nodes, part.cell, weights, of[0], states or [], masks)
            return self._final[value][0]
        output, self._final[value] = add_layer(
            nodes, part.cell, weights, of[0], states, lengths=self.axes.lengths, reverse=part.reverse, masks=masks
        )
        return output


def _check_has_steps(graph: Graph) -> None:
    for value in graph.values:
        at = f" at {value.place!r}" if value.place else ""
        if isinstance(value.part, Pool):
            raise ArgumentError(f"The model has no single step: its pooling{at} needs the whole sequence.")
        if isinstance(value.part, Layer) and value.part.reverse:
            raise ArgumentError(f"The model has no single step: a layer{at} reads sequences from their end.")


def _states(graph: Graph) -> dict[Value, list[State]]:
    """Return the states of each part: ``h_l0``, ``h_l0_reverse``, with the part's place first if there are several."""
    found: dict[Value, list[State]] = {}
    places = {it.place for it in graph.values if isinstance(it.part, Layer | Convolution)}
    count: Counter[tuple[str, type]] = Counter()
    alone: dict[tuple[str, Value, bool], int] = {}  # numbers of layers whose other direction has not come yet
    for value in graph.values:
        part, start = value.part, f"{value.place}." if len(places) > 1 else ""
        if isinstance(part, Convolution):
            end = f"_{number}" if (number := count[value.place, Convolution]) else ""
            count[value.place, Convolution] += 1
            size = history(part), value.of[0].size
            found[value] = [State(f"{start}frames{end}", size)] if history(part) else []
        elif isinstance(part, Layer):
            number = alone.pop((value.place, value.of[0], not part.reverse), None)
            if number is None:
                number = count[value.place, Layer]
                count[value.place, Layer] += 1
                alone[value.place, value.of[0], part.reverse] = number
            end = f"_l{number}" + "_reverse" * part.reverse
            sizes = [value.size, *[part.hidden] * (len(part.cell.states) - 1)]
            names = [f"{start}{it}{end}" for it in part.cell.states]
            found[value] = [State(name, (size,)) for name, size in zip(names, sizes, strict=True)]
    return found
