"""One step of a layer in C, from the Program of its cell: loops, and weights in the order in which they are read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from tidegate.engine.kernels import stages
from tidegate.engine.kernels.stages import Stage, is_output, of_output_size, stages_of
from tidegate.engine.masks import expected_mask
from tidegate.engine.program.program import FOLDS, REDUCTIONS
from tidegate.export.c.c_functions import ATOM, EXPRESSIONS
from tidegate.export.c.product_loops import ONE_HOT, Code, Products, Stream, each_lane, padded, with_padding
from tidegate.export.c.products_ahead import ahead
from tidegate.export.graph.parts import Layer

LONGEST = 80  # characters of an expression that is written within another


class CellCode:
    """The code of one step of one layer, batch of one.

    Args:
        layer: the layer.
        inputs: I.
        lanes: numbers that are computed together.
        products: how products are written.
        one_hot: whether the input is a token, whose row of the input's matrix is added.
        masks: those that are given at every step, as arrays mask_NAME, and their numbers: 1 or H.
        inputs_ahead: whether the products of the input may have functions of their own; see `ahead`.

    Attributes:
        ahead: these, if they are worth it: the code then goes on from ``sums`` in place of the input ``x``.
    """

    def __init__(
        self,
        layer: Layer,
        inputs: int,
        lanes: int,
        products: Products,
        *,
        one_hot: bool = False,
        masks: Mapping[str, int] | None = None,
        inputs_ahead: bool = False,
    ):
        self.layer, self.inputs, self.one_hot = layer, inputs, one_hot
        self.cell, self.weights, self.program = layer.cell, layer.weights, layer.program
        self.masks = dict(masks or {})
        self.hidden, self.outputs = layer.hidden, layer.outputs
        self.output = self.cell.states[0] if self.outputs != self.hidden else ""
        states = frozenset(self.cell.states)
        self.stages = stages_of(self.program, fused_input=True, in_memory=states, output=self.output)
        sums = max(len(stage.accumulators) for stage in self.stages)
        self.products = products
        self.lanes = products.lanes(sums, min(self.hidden, self.outputs), lanes)
        self.small = of_output_size(self.program, self.output)
        self.names = self._value_names()
        self.code = Code()
        self._inline = self._single_use()
        self._vectors = self._leaf_vectors()
        self.ahead = ahead(products, *self._sums(self.stages[0])) if inputs_ahead and self._reads_input_once() else None

    def _value_names(self) -> dict[int, str]:
        names = {k: f"v{k}" for k in range(len(self.program.values))}
        named = {**self.program.states, **self.program.gates}
        for stage in self.stages:
            for k, parts in zip(stage.accumulators, stage.parts, strict=True):
                names[k] = self._sum_name(parts) or names[k]
        return names | {k: f"{name}_t" for name, k in named.items()}

    def _sum_name(self, parts: tuple[int, ...]) -> str:
        """Name a sum by the gate that its products belong to: a_k, or x_k and r_k where the parts are not added."""
        gates = {self.program.values[part].name for part in parts}
        ops = {self.program.values[part].op for part in parts}
        kind = {"input": "x", "recur": "r"}.get(min(ops)) if len(ops) == 1 else "a"
        return f"{kind}_{gates.pop()}" if len(gates) == 1 and kind else ""

    def _leaf_vectors(self) -> dict[int, Tensor]:
        """Vectors among the leaves: weights of each hidden unit, and masks with their default values."""
        found: dict[int, Tensor] = {}
        for k, value in enumerate(self.program.values):
            if value.op == "parameter":
                found[k] = self.weights.p[value.name].expand(self.hidden)
            elif value.op == "mask" and value.name not in self.masks:
                found[k] = expected_mask(self.cell, value.name, torch.zeros(1, 1, 1), self.hidden)[0, 0]
        return found

    def bias(self, parts: tuple[int, ...], size: int) -> Tensor:
        """Return the sum of the biases of a sum's parts."""
        total = torch.zeros(size)
        for part in parts:
            value = self.program.values[part]
            total = total + self.layer.products[value.op, value.name][1]
        return total

    def write(self) -> Code:
        """Write the body of the function."""
        made = sorted(
            {k for stage in self.stages for k in (*stage.made, *stage.reductions) if self._op(k) not in FOLDS}
        )
        code = self.code
        code.lines += [f"  (void){name};" for name in self._unused()]
        for k in made:
            code.lines.append(
                f"  float m{k}[{padded(self.hidden, self.lanes)}]{' = {0}' if self._op(k) in REDUCTIONS else ''};"
            )
        for name, size in self.masks.items():
            if size > 1:  # with room up to whole vectors
                code.lines.append(f"  float {name}_all[{padded(self.hidden, self.lanes)}] = {{0}};")
                code.lines.append(f"  memcpy({name}_all, mask_{name}, {size} * sizeof(float));")
        for name in self.cell.states:
            code.lines.append(f"  float {name}_next[{padded(self.layer.state_size(name), self.lanes)}];")
        self._in_memory = {*made}
        self._stored: set[str] = set()
        for n, stage in enumerate(self.stages):
            last = all(other.projected != stage.projected for other in self.stages[n + 1 :])
            self._write_stage(n, stage, last)
        for name in self.cell.states:
            size = self.layer.state_size(name)
            code.lines.append(f"  memcpy({name}_prev, {name}_next, {size} * sizeof(float));")
        return code

    def _unused(self) -> list[str]:
        """Name the arguments that the equations do not read, so that compilers do not warn of them."""
        streams = [stream.operand[0] for stage in self.stages for stream in stage.streams]
        weights = self._vectors or any(stage.accumulators for stage in self.stages)
        return ["token" if self.one_hot else "x"] * ("input" not in streams) + ["w"] * (not weights)

    def _op(self, k: int) -> str:
        return self.program.values[k].op

    def _element(self, k: int, index: str) -> str:
        """How a leaf, or a value of an earlier stage, is read outside the loop that makes it."""
        value = self.program.values[k]
        if value.op in FOLDS:
            return f"m{k}"
        return f"m{k}[{index}]" if k in self._in_memory else self._leaf(k, index)

    def _leaf(self, k: int, index: str = "n") -> str:
        value = self.program.values[k]
        if value.op == "state":
            return f"{value.name}_prev[{index}]"
        if value.op == "mask" and value.name in self.masks:
            return f"mask_{value.name}[0]" if self.masks[value.name] == 1 else f"{value.name}_all[{index}]"
        return number(value.number) if value.op == "constant" else f"p{k}[{index}]"

    def _write_reduction(self, k: int) -> None:
        value, lines, h = self.program.values[k], self.code.lines, self.hidden
        of = self._element(value.args[0], "n")
        if value.op == "unit_max":
            lines += [
                f"  float m{k} = -INFINITY;",
                f"  for (int n = 0; n < {h}; ++n) m{k} = {of} > m{k} ? {of} : m{k};",
            ]
        elif value.op in FOLDS:
            lines += [f"  float m{k} = 0.0f;", f"  for (int n = 0; n < {h}; ++n) m{k} += {of};"]
            if value.op == "unit_mean":
                lines.append(f"  m{k} /= {h};")
        else:
            lines += ["  {", "    float sum = 0.0f;"]
            loop = f"int n = 0; n < {h}; ++n" if value.op == "cumsum" else f"int n = {h} - 1; n >= 0; --n"
            lines += [f"    for ({loop}) {{", f"      sum += {of};", f"      m{k}[n] = sum;", "    }", "  }"]

    def _write_stage(self, number: int, stage: Stage, last: bool) -> None:
        code, lanes = self.code, self.lanes
        size = self.outputs if stage.projected else self.hidden
        for k in stage.reductions:
            self._write_reduction(k)
        names, *_ = given = self._sums(stage)
        if number == 0 and self.ahead is not None:
            code.lines += self.ahead.pointers()
            code.numbers.append(self.ahead.numbers())
        elif names:
            self.products.prepare(code, *given)
        code.lines.append(f"  for (int b = 0; b < {padded(size, lanes) // lanes}; ++b) {{")
        if names:
            self.products.add(code, *given)
        code.lines.append(f"    {each_lane(lanes)}")
        code.lines.append(f"      const int n = b * {lanes} + u;")
        written: dict[int, tuple[str, int]] = {}  # what stands for a value, and how closely it binds
        for k, name in zip(stage.accumulators, names, strict=True):
            code.lines.append(f"      const float {self.names[k]} = {name}[u];")
            written[k] = self.names[k], ATOM

        def get(k: int) -> tuple[str, int]:
            found = written.get(k)
            return (self._element(k, "n"), ATOM) if found is None else found

        for k in stage.values:
            value = self.program.values[k]
            if value.args:
                code.operations.add(value.op)
                text, binding = EXPRESSIONS[value.op].write(*map(get, value.args))
                if k in self._inline and len(text) <= LONGEST:
                    written[k] = text, binding
                    continue
            else:
                text = self._leaf(k)
            code.lines.append(f"      const float {self.names[k]} = {text};")
            written[k] = self.names[k], ATOM
        for k in stage.made:
            code.lines.append(f"      m{k}[n] = {get(k)[0]};")
        for name, k in self.program.states.items():
            here = is_output(name, self.output) == stage.projected
            if name not in self._stored and here and (k in written or last):
                code.lines.append(f"      {name}_next[n] = {get(k)[0]};")
                self._stored.add(name)
        code.lines += ["    }", "  }"]

    def _sums(self, stage: Stage) -> tuple[list[str], list[Tensor], list[Stream], int]:
        """Return the sums of a stage: their names, biases and streams, and the lanes."""
        size = self.outputs if stage.projected else self.hidden
        names = [f"sum_{self.names[k]}" for k in stage.accumulators]
        biases = [self.bias(parts, size) for parts in stage.parts]
        return names, biases, [self._stream(stream) for stream in stage.streams], self.lanes

    def _reads_input_once(self) -> bool:
        """Whether the first stage alone has products with the input."""
        return not any(stream.operand[0] == "input" for stage in self.stages[1:] for stream in stage.streams)

    def _stream(self, stream: stages.Stream) -> Stream:
        kind, of = stream.operand
        operand = {"input": "x", "state": f"{of}_prev", "made": f"m{of}"}[kind]
        length = {"input": self.inputs, "state": self.layer.state_size(of), "made": self.hidden}[kind]
        products = [(a, self.layer.products[op, gate][0]) for a, op, gate in stream.products]
        return Stream(ONE_HOT if kind == "input" and self.one_hot else operand, length, products)

    def _single_use(self) -> frozenset[int]:
        """The unnamed values that one other value uses, once: they are written where it does."""
        uses = Counter(arg for value in self.program.values for arg in value.args)
        named = {*self.program.states.values(), *self.program.gates.values()}
        made = {k for stage in self.stages for k in stage.made}
        return frozenset(k for k, count in uses.items() if count == 1 and k not in named and k not in made)

    def vectors(self) -> Iterator[tuple[str, Tensor]]:
        """Iterate over the vectors of weights that the code reads by name, (padded,)."""
        for k, vector in self._vectors.items():
            yield f"p{k}", with_padding(vector, padded(self.hidden, self.lanes))


def number(value: float) -> str:
    """Return a number as C has it."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}"
    return (text if any(c in text for c in ".e") else text + ".0") + "f"
