"""One step of a cell as ONNX nodes, from its Program.

What depends on no state is computed for all steps at once, before the loop over time: products with the input above
all. Within the step, the products of one operand with the matrices of several gates are one product, to which the
input's part is added where the equations add it and nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from tidegate.cells import Cell
from tidegate.engine import program
from tidegate.engine.masks import expected_mask
from tidegate.engine.program.program import FOLDS, REDUCTIONS, reached
from tidegate.export.onnx.layer_weights import LayerWeights
from tidegate.export.onnx.matrix_product import block_diagonal, multiply
from tidegate.export.onnx.nodes import Nodes
from tidegate.export.onnx.operation_nodes import OPERATIONS

NUMBER, NARROW, VECTOR, FULL = range(4)
"""A value's shape: (), (..., 1), at least (H,), or (B, H), after (T,) before the loop; of operands, the largest."""


@dataclass(frozen=True)
class _Products:
    """The products of one operand that are one product: of those whose input part is added, or of the others."""

    gates: tuple[str, ...]
    results: tuple[int, ...]
    operand: int
    with_input: bool


class Step:
    """The nodes of one step.

    Args:
        cell: the cell.
        weights: the layer's.
        before: the nodes of the graph around the loop, which compute what depends on no state.
        x: the input, (T, B, I), or (B, I) if there is one step and no loop.
        masks: those of the cell's masks that are given, of the same shape but for the last size: names and these sizes,
            H or 1.
    """

    def __init__(self, cell: Cell, weights: LayerWeights, before: Nodes, x: str, masks: Mapping[str, tuple[str, int]]):
        self.cell, self.weights, self.before, self.x, self.masks = cell, weights, before, x, masks
        self.values = program(cell).values
        named = {**program(cell).gates, **program(cell).states}
        self.titles = {k: f"{name}_t" for name, k in named.items()}  # as in the equations
        self.needed = sorted(reached(self.values, program(cell).states.values()))
        self.products = self._grouped()
        self.inside = self._dependent_on_states()
        self.kinds: dict[int, int] = {}
        self.names: dict[int, str] = {}
        self._sums: dict[_Products, str] = {}  # the input's part of those products to which it is added
        self._compute_before()

    def _grouped(self) -> dict[int, _Products]:
        """Return, by the number of each product or sum of one with its input part, the products it is among."""
        uses = Counter(arg for k in self.needed for arg in self.values[k].args)
        uses.update(program(self.cell).states.values())
        summed: dict[int, int] = {}  # from a product to the sum with its input part
        for k in self.needed:
            parts = sorted(self.values[k].args, key=lambda arg: self.values[arg].op)
            if self.values[k].op == "add" and [self.values[arg].op for arg in parts] == ["input", "recur"]:
                same = self.values[parts[0]].name == self.values[parts[1]].name
                if same and all(uses[arg] == 1 for arg in parts):
                    summed[parts[1]] = k
        groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for k in self.needed:
            if self.values[k].op == "recur":
                groups[self.values[k].args[0], k in summed].append(k)
        found: dict[int, _Products] = {}
        for (operand, with_input), products in groups.items():
            products.sort(key=lambda k: self.cell.recurrent_gates.index(self.values[k].name))
            gates = tuple(self.values[k].name for k in products)
            results = tuple(summed[k] if with_input else k for k in products)
            found |= dict.fromkeys(results, _Products(gates, results, operand, with_input))
        self._left_out = {part for k in summed.values() for part in self.values[k].args}
        return found

    def _dependent_on_states(self) -> set[int]:
        inside: set[int] = set()
        for k in self.needed:
            value = self.values[k]
            if value.op in ("state", "recur", "project") or any(arg in inside for arg in value.args):
                inside.add(k)
        return inside

    def _compute_before(self) -> None:
        """Compute what depends on no state, for all steps at once."""
        nodes, cell, w = self.before, self.cell, self.weights
        alone = [k for k in self.needed if self.values[k].op == "input" and k not in self._left_out]
        alone.sort(key=lambda k: cell.input_gates.index(self.values[k].name))
        if alone:
            gates = tuple(self.values[k].name for k in alone)
            bias = w.rows(nodes, cell, "b_ih", gates) if w.b_ih else ""
            self._keep_split(nodes, self._input_part(gates, bias), alone, [f"x_{gate}" for gate in gates])
        for products in dict.fromkeys(self.products.values()):
            if products.with_input:
                bias = w.sum_of_biases(nodes, cell, products.gates)
                self._sums[products] = self._input_part(products.gates, bias)
        for k in self.needed:
            if k not in self.inside and k not in self._left_out and k not in self.names:
                self._compute(nodes, k)

    def _input_part(self, gates: tuple[str, ...], bias: str) -> str:
        matrix = self.weights.rows(self.before, self.cell, "w_ih", gates)
        return multiply(self.before, self.x, matrix, bias, name="Wx_" + "".join(gates))

    def _keep_split(self, nodes: Nodes, whole: str, results: list[int], names: list[str]) -> None:
        """Cut the numbers of several gates apart."""
        parts = [whole]
        if len(results) > 1:
            parts = nodes.add_many("Split", whole, names=tuple(names), axis=-1, num_outputs=len(results))
        for k, part in zip(results, parts, strict=True):
            self.names[k], self.kinds[k] = part, FULL

    def over_time(self) -> list[str]:
        """Return the names of what the step reads at each step, computed before the loop."""
        read = {arg for k in self.inside if k not in self._left_out for arg in self.values[k].args}
        read |= {k for k in program(self.cell).states.values() if k not in self.inside}
        timed = self._depends_on_time()
        own = [self.names[k] for k in sorted(read) if k in timed and k not in self.inside and k not in self._left_out]
        return [*dict.fromkeys([*own, *self._sums.values()])]

    def _depends_on_time(self) -> set[int]:
        timed: set[int] = set()
        for k in self.needed:
            value = self.values[k]
            given = value.op == "input" or (value.op == "mask" and value.name in self.masks)
            if given or any(arg in timed for arg in value.args):
                timed.add(k)
        return timed

    def write(self, nodes: Nodes, states: Mapping[str, str], here: Mapping[str, str], full: str) -> list[str]:
        """Write the step's nodes; return the names of its new states, each (B, ·).

        Args:
            nodes: of the loop's body, or of the whole graph if there is no loop.
            states: the previous states (B, ·).
            here: what each of `over_time` is called within the step.
            full: a shape, (B, H).
        """
        self.full = full
        self.names = {k: here.get(name, name) for k, name in self.names.items()}
        self._sums = {products: here.get(name, name) for products, name in self._sums.items()}
        for k in self.needed:
            if k not in self.inside or k in self._left_out:
                continue
            value = self.values[k]
            if value.op == "state":
                self.names[k], self.kinds[k] = states[value.name], FULL
            elif k in self.products:
                if k not in self.names:
                    self._multiply(nodes, self.products[k])
            else:
                self._compute(nodes, k)
        return [self._widened(nodes, program(self.cell).states[name]) for name in self.cell.states]

    def _compute(self, nodes: Nodes, k: int) -> None:
        value = self.values[k]
        match value.op:
            case "constant":
                self.names[k], self.kinds[k] = nodes.number(value.number), NUMBER
            case "parameter":
                name = self.weights.p[value.name]
                self.names[k], self.kinds[k] = name, NARROW if value.name in self.cell.scalars else VECTOR
            case "mask" if value.name in self.masks:
                name, size = self.masks[value.name]
                self.names[k], self.kinds[k] = name, NARROW if size == 1 else FULL
            case "mask":
                vector = expected_mask(self.cell, value.name, torch.zeros(1, 1, 1), self.weights.hidden)[0, 0]
                self.names[k], self.kinds[k] = nodes.constant(vector.numpy(), value.name), VECTOR
            case "project":
                operand = self._widened(nodes, value.args[0])
                self.names[k], self.kinds[k] = multiply(nodes, operand, self.weights.w_hr, name="projected"), FULL
            case _:
                args, kind = [self.names[arg] for arg in value.args], max(self.kinds[arg] for arg in value.args)
                if value.op in REDUCTIONS and kind <= NARROW:  # a number for each of H hidden units
                    args, kind = [nodes.add("Expand", args[0], nodes.shape(self.weights.hidden))], VECTOR
                made = OPERATIONS[value.op](nodes, *args)
                self.names[k] = nodes.call(made, self.titles[k]) if k in self.titles else made
                self.kinds[k] = NARROW if value.op in FOLDS else kind

    def _widened(self, nodes: Nodes, k: int) -> str:
        """Return a value with all its rows and hidden units, where it is one number or vector for all of them."""
        if self.kinds[k] == FULL:
            return self.names[k]
        return nodes.add("Expand", self.names[k], self.full)

    def _multiply(self, nodes: Nodes, products: _Products) -> None:
        """Multiply one operand by the matrices of some gates."""
        w, heads = self.weights, self.cell.heads
        matrix = w.rows(nodes, self.cell, "w_hh", products.gates)
        addend = self._sums.get(products, "")
        if not products.with_input and w.b_hh:
            addend = w.rows(nodes, self.cell, "b_hh", products.gates)
        operand = self._widened(nodes, products.operand)
        name = "U" + "".join(products.gates)
        if nodes.in_int8(operand):
            matrix = matrix if heads == 1 else block_diagonal(nodes, matrix, heads, len(products.gates))
            whole = multiply(nodes, operand, matrix, addend, name=name)
        elif heads == 1:
            matrix = nodes.add("Transpose", matrix, perm=[1, 0], name="U")
            whole = nodes.add("Gemm", operand, matrix, *[addend] * bool(addend), name=name)
        else:
            size, count = w.hidden // heads, len(products.gates)
            matrix = nodes.add("Reshape", matrix, nodes.shape(count, heads, size, size))
            matrix = nodes.add("Transpose", matrix, perm=[1, 3, 0, 2])
            matrix = nodes.add("Reshape", matrix, nodes.shape(heads, size, count * size), name="U")
            parts = nodes.add("Reshape", operand, nodes.shape(0, heads, size))
            parts = nodes.add("MatMul", nodes.add("Transpose", parts, perm=[1, 0, 2]), matrix)
            parts = nodes.add("Reshape", parts, nodes.shape(heads, -1, count, size))
            parts = nodes.add("Transpose", parts, perm=[1, 2, 0, 3])
            whole = nodes.add("Reshape", parts, nodes.shape(0, count * w.hidden), name=name)
            whole = nodes.add("Add", whole, addend) if addend else whole
        names = [f"{'a' if products.with_input else 'r'}_{gate}" for gate in products.gates]
        self._keep_split(nodes, whole, [*products.results], names)
