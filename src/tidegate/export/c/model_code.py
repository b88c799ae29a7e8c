"""A model in C, from its graph: the functions of its layers, the statements of a step, and the weights."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.export.c import part_code
from tidegate.export.c.cell_code import CellCode
from tidegate.export.c.part_code import PointwiseCode, product_function
from tidegate.export.c.product_loops import FLOAT32, Products, Stream, padded
from tidegate.export.c.products_ahead import ProductsAhead
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import (
    Columns,
    Concat,
    Convolution,
    Embedding,
    Layer,
    LayerNorm,
    Linear,
    Numbers,
    OneHot,
    Pointwise,
    Pool,
    Softmax,
)

ALIASES = (Embedding, OneHot, Columns, Numbers)  # which are read where they are, without a statement of their own


@dataclass
class State:
    """Numbers that a model remembers from one step to the next.

    Attributes:
        name: of the member of the struct.
        size: how many there are.
        room: the length of the array, zeros behind them included.
    """

    name: str
    size: int
    room: int


@dataclass
class ModelCode:
    """The code of a model.

    Args:
        graph: the model.
        name: the prefix of its functions and types.
        lanes: numbers that are computed together.
        products: how products are written.

    Attributes:
        states: what it remembers.
        functions: the definitions of its layers.
        numbers: the weights, in order.
        operations: what of `tidegate.export.c.c_functions.EXPRESSIONS` is used.
        counts_steps: whether the number of steps is remembered.
        initial_places: where the numbers are among the weights with which a state begins, if they are not zeros.
        ahead: the layers whose function goes on from the sums VALUE_sums of the model's input, which functions of their
            own compute, and where the weights of these are.
    """

    graph: Graph
    name: str = "model"
    lanes: int = 16
    products: Products = FLOAT32
    states: list[State] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    numbers: list[Tensor] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    counts_steps: bool = False
    initial_places: dict[str, int] = field(default_factory=dict)
    ahead: dict[Value, tuple[ProductsAhead, str]] = field(default_factory=dict)

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        output = self.graph.output
        if output.part is None or isinstance(output.part, ALIASES):
            self.graph.outputs = {name: self.graph.add(Concat(), output) for name in self.graph.outputs}
        self._size = 0
        self.arrays: dict[Value, str] = {}
        self.statements: dict[Value, list[str]] = {}
        uses: dict[Value, int] = {}
        for value in self.graph.values:
            for it in value.of:
                uses[it] = uses.get(it, 0) + (1 if isinstance(value.part, Pointwise) and it.size > 1 else 2)
        kept = set(self.graph.outputs.values())
        self._inlined = {
            it for it in self.graph.values if isinstance(it.part, Pointwise) and uses.get(it) == 1 and it not in kept
        }
        for value in self.graph.inputs:
            self.arrays[value] = value.name
        for value in self.graph.values:
            self.arrays[value] = self._pointer(value)
            self.statements[value] = [] if value in self._inlined else self._write(value)

    @property
    def outputs(self) -> int:
        """The numbers that it returns for a step, or for a sequence."""
        return self.graph.output.size

    def in_place(self, value: Value) -> bool:
        """Return whether a value has no array of its own: it is found in another, or written where it is used."""
        return value in self._inlined or isinstance(value.part, ALIASES)

    def declared(self, value: Value, target: str = "") -> list[str]:
        """Write the declaration of the array of a value, which is named as the value.

        Args:
            value: the value.
            target: where it is to be; without it, on the stack or where it is remembered.
        """
        if self.in_place(value):
            return []
        if target:
            return [f"float *const {value.name} = {target};"]
        if remembered := self.remembered(value):
            return [f"const float *const {value.name} = {remembered};"]
        return [f"float {value.name}[{value.size}];"]

    def remembered(self, value: Value) -> str:
        """Return the member of the state that a value is, if it is one."""
        match value.part:
            case Layer(cell=cell):
                return f"state->{value.name}_{cell.states[0]}"
            case Pool():
                return f"state->{value.name}"
            case _:
                return ""

    def _pointer(self, value: Value) -> str:
        """Return the expression of the array in which a value is found."""
        match value.part:
            case Embedding(table=table):
                place = self.store(table.flatten())
                return f"(model->weights + {place} + (size_t){self.arrays[value.of[0]]}[0] * {table.shape[1]})"
            case Numbers(values=values):
                return f"(model->weights + {self.store(values)})" if len(values) > 1 else ""
            case Columns(start=start):
                return f"({self.arrays[value.of[0]]} + {start})"
            case _:
                return value.name

    def store(self, numbers: Tensor) -> int:
        """Add weights, and return their place."""
        place, room = self._size, padded(numbers.numel(), 16)
        self.numbers.append(torch.nn.functional.pad(numbers.flatten(), (0, room - numbers.numel())))
        self._size += room
        return place

    def remember(self, name: str, size: int, room: int = 0, initial: Tensor | None = None) -> str:
        """Add a state, and return its expression."""
        self.states.append(State(name, size, max(size, room)))
        if initial is not None:
            self.initial_places[name] = self.store(initial)
        return f"state->{name}"

    def _write(self, value: Value) -> list[str]:
        """Write the statements that compute a value for a step, and the functions that they call."""
        part, size, y = value.part, value.size, self.arrays[value]
        x = self.arrays[value.of[0]] if value.of else ""
        match part:
            case Layer():
                return self._layer(value, part)
            case Linear():
                function = f"{self.name}_{value.name}"
                if isinstance(value.of[0].part, OneHot):
                    place = self.store(part.weight.t())
                    bias = self.store(torch.zeros(size) if part.bias is None else part.bias)
                    token = f"(size_t){self.arrays[value.of[0].of[0]]}[0]"
                    return [
                        f"for (int n = 0; n < {size}; ++n)",
                        f"  {y}[n] = model->weights[{bias} + n] + model->weights[{place} + {token} * {size} + n];",
                    ]
                title = f"y = W x + b, {value.of[0].size} to {size}"
                streams = [Stream("x", value.of[0].size, [(0, part.weight)])]
                given = "const float *restrict x"
                place = self._products(value, title, part.bias, streams, given)
                return [f"{function}(model->weights + {place}, {x}, {y});"]
            case Convolution():
                return self._convolution(value, part)
            case LayerNorm():
                own = torch.zeros(0) if part.weight is None else part.weight
                weights = torch.cat([own, torch.zeros(0) if part.bias is None else part.bias])
                w = f"(model->weights + {self.store(weights)})" if weights.numel() else ""
                return part_code.layer_norm(part, size, x, w, y)
            case Softmax():
                self.operations.add("exp")
                return part_code.softmax(part, size, x, y)
            case Pool():
                self.counts_steps = True
                room = size + 2 * (part.kind == "attention")
                self.operations |= {"exp"} if part.kind == "attention" else set()
                state = self.remember(value.name, room)
                score = self.arrays[value.of[1]] if part.kind == "attention" else ""
                return part_code.pool(part, size, x, score, state, whole=self.graph.reads_backwards)
            case Pointwise():
                code = PointwiseCode(self.arrays, self._inlined)
                text = code.expression(value)[0]
                self.operations |= code.operations
                return [f"for (int n = 0; n < {size}; ++n) {y}[n] = {text};"]
            case Concat():
                lines, at = [], 0
                for it in value.of:
                    lines.append(f"memcpy({y} + {at}, {self.arrays[it]}, {it.size} * sizeof(float));")
                    at += it.size
                return lines
            case _:
                return []

    def _layer(self, value: Value, part: Layer) -> list[str]:
        inputs, masks = value.of[0], value.of[1:]
        one_hot = isinstance(inputs.part, OneHot)
        given = {name: it.size for name, it in zip(part.masks, masks, strict=True)}
        products = self.products.of(value.name)
        frames = inputs.part is None and not one_hot and not self.graph.reads_backwards
        made = CellCode(
            part,
            inputs.size,
            self.lanes,
            products,
            one_hot=one_hot,
            masks=given,
            inputs_ahead=frames,
        )
        code = made.write()
        vectors = [*made.vectors()]
        place = self.store(torch.cat([*code.numbers, *[vector for _, vector in vectors]]))
        before = 0 if made.ahead is None else made.ahead.numbers().numel()
        self.operations |= code.operations
        parameters = [
            "const float *restrict w",
            "const int token" if one_hot else f"const float *restrict {'sums' if made.ahead else 'x'}",
            *[f"const float *restrict mask_{name}" for name in part.masks],
            *[f"float *restrict {name}_prev" for name in part.cell.states],
        ]
        equations = "\n".join(f"     {line}" for line in part.cell.text().splitlines())
        title = f"{part.cell.name}, {made.hidden} hidden units" + (", read backwards" if part.reverse else "")
        title += f" ({value.place.replace('*/', '* /')})" if value.place else ""
        function = f"{self.name}_{value.name}"
        after = sum(t.numel() for t in code.numbers) - before
        pointers = []
        for name, vector in vectors:
            pointers.append(f"  const float *const {name} = w + {after};")
            after += vector.numel()
        head = f"/* {title}\n\n{equations}\n*/\nstatic void {function}({', '.join(parameters)}) {{"
        if made.ahead is not None:
            self.functions += made.ahead.functions(function)
            self.ahead[value] = made.ahead, f"model->weights + {place}"
        self.functions.append("\n".join([head, *pointers, *code.lines, "}"]))
        states = []
        for n, name in enumerate(part.cell.states):
            size = part.state_size(name)
            initial = part.initial[n][:size] if part.initial else None
            states.append(self.remember(f"{value.name}_{name}", size, padded(size, made.lanes), initial))
        token = f"{self.arrays[inputs.of[0]]}[0]" if one_hot else self.arrays[inputs]
        token = f"{value.name}_sums" if made.ahead else token
        arguments = [f"model->weights + {place + before}", token, *[self.arrays[it] for it in masks], *states]
        return [f"{function}({', '.join(arguments)});"]

    def _products(self, value: Value, title: str, bias: Tensor | None, streams: list[Stream], given: str) -> int:
        """Add a function that sums products, and return the place of its weights."""
        name, products = f"{self.name}_{value.name}", self.products.of(value.name)
        code = product_function(name, title, value.size, bias, streams, self.lanes, products, given=given)
        self.functions.append("\n".join(code.lines))
        self.operations |= code.operations
        return self.store(torch.cat(code.numbers))

    def _convolution(self, value: Value, part: Convolution) -> list[str]:
        inputs, x, y = value.of[0].size, self.arrays[value.of[0]], self.arrays[value]
        rows, _, reach = part.weight.shape
        frames = (reach - 1) * part.dilation
        past = self.remember(f"{value.name}_past", frames * inputs) if frames else ""
        if part.depthwise:
            bias = torch.zeros(rows) if part.bias is None else part.bias
            w = f"(model->weights + {self.store(torch.cat([part.weight[:, 0].t().flatten(), bias]))})"
            lines = part_code.depthwise(part, x, past, w, y)
        else:
            function = f"{self.name}_{value.name}"
            title = f"y = b + sum of W_k x before {reach - 1} to 0 times {part.dilation} steps, {inputs} to {rows}"
            given = ("const float *restrict past, " if frames else "") + "const float *restrict x"
            streams = part_code.taps(part, inputs)
            place = self._products(value, title, part.bias, streams, given)
            own = [past] if frames else []
            lines = [f"{function}({', '.join([f'model->weights + {place}', *own, x, y])});"]
        return lines + (part_code.remember_frame(past, x, inputs, frames) if frames else [])
