"""Programs of `torch.export`, node by node."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import SymInt, Tensor, fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx.experimental.symbolic_shapes import is_concrete_int
from torch.utils import _pytree as pytree

import tidegate
from tidegate.errors import ArgumentError
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import Embedding, OneHot
from tidegate.export.graph.traced.axis_operators import SHAPES, signal
from tidegate.export.graph.traced.pointwise_operators import POINTWISE
from tidegate.export.graph.traced.recurrent_operator import RECURRENT
from tidegate.export.graph.traced.traced_model import Traced
from tidegate.export.graph.traced.traced_values import (
    FEATURES,
    ONE,
    Axis,
    DoesNotFitError,
    FinalState,
    FinalStates,
    Fixed,
    Integers,
    Signal,
    Size,
)
from tidegate.export.graph.traced.weighted_operators import LAYERS, weights_of

aten = torch.ops.aten
OUTPUT = "y"
NOTHING = {  # returns its first operand
    aten.alias.default, aten.clone.default, aten.contiguous.default, aten.detach.default, aten.detach_.default,
    aten.to.dtype, aten.to.dtype_layout, aten.to.device, aten._to_copy.default, aten.lift_fresh_copy.default,
}  # fmt: skip
MADE_OF_SIZES = {  # tensors of equal numbers, and what moves their axes
    "zeros", "ones", "full", "new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "expand", "unsqueeze",
    "select", "stack", "transpose", "permute", "clone", "contiguous", "to", "_to_copy", "mul", "detach", "alias",
}  # fmt: skip
DROPOUT = {aten.dropout.default: 2, aten.native_dropout.default: 2, aten.feature_dropout.default: 2}
PACKAGES = tuple(str(Path(it.__file__ or "").parent) for it in (tidegate, torch))


def read_program(program: ExportedProgram) -> Traced:
    """Read a program as a graph.

    Raises:
        ArgumentError: an operator in it has no counterpart; the message says which, and where it stands.
    """
    return _Reader(program).read()


class _Reader:
    def __init__(self, program: ExportedProgram):
        self.program, self.graph = program, Graph()
        self.values: dict[fx.Node, Any] = {}
        self.axis_of: dict[str, Axis] = {}  # by the name of a size that is not fixed
        self.given: dict[str, Value] = {}  # the inputs in use
        self.inputs: list[tuple[str, tuple[Axis, ...]]] = []

    def read(self) -> Traced:
        for kind, target in [(it.kind, it.target) for it in self.program.graph_signature.output_specs]:
            if kind not in (OutputKind.USER_OUTPUT,):
                raise ArgumentError(
                    f"The program changes {target!r} when it runs; only what it returns can be exported."
                )
        results = list(self.program.graph.output_node().args[0])  # pyright: ignore[reportArgumentType]
        self._read_inputs()
        wanted = _reached(results)
        for node in self.program.graph.nodes:
            if node in wanted and node.op not in ("placeholder", "output"):
                self.values[node] = self._read_node(node)
        place, output = self._output(results)
        self.graph.outputs[OUTPUT] = output.plain().value
        self._check_sizes(output)
        inputs = tuple((axes, self.given.get(name)) for name, axes in self.inputs)
        return Traced(self.program, self.graph, inputs, place, output.axes)

    def _output(self, results: list[Any]) -> tuple[int, Signal]:
        read = [(k, self.values.get(it) if isinstance(it, fx.Node) else it) for k, it in enumerate(results)]
        signals = [(k, it) for k, it in read if isinstance(it, Signal)]
        if not signals:  # the last output of one layer, which is its final state
            signals = [(k, it.signal(self.graph)) for k, it in read if isinstance(it, FinalState) and not it.number]
        if len(signals) != 1:
            raise ArgumentError(
                f"The program returns {len(signals)} values computed from the input besides final states; there must "
                "be one (several can be joined: torch.cat([a, b], -1))."
            )
        return signals[0]

    def _read_inputs(self) -> None:
        placeholders = {it.name: it for it in self.program.graph.find_nodes(op="placeholder")}
        for spec in self.program.graph_signature.input_specs:
            node = placeholders[spec.arg.name]
            if spec.kind is InputKind.USER_INPUT:
                self.values[node] = self._input(node)
            else:
                name = spec.target or ""
                found = self.program.state_dict.get(name, self.program.constants.get(name))
                self.values[node] = Fixed(found) if isinstance(found, Tensor) else found

    def _input(self, node: fx.Node) -> Any:
        given = node.meta.get("val")
        if not isinstance(given, Tensor):
            self.inputs.append((node.name, ()))
            return given
        if given.is_floating_point() and given.dtype != torch.float32:
            raise ArgumentError(f"Input {node.name!r} is of {given.dtype}; make the program of model.float().")
        shape = [_as_fixed(size) for size in given.shape]
        axes = [self._axis(size) for size in shape]
        if given.is_floating_point():
            fixed = [k for k, size in enumerate(shape) if isinstance(size, int)]
            if fixed and not (len(axes) == 2 and fixed == [0] and shape[0] == 1):
                axes[fixed[-1]] = FEATURES if shape[fixed[-1]] != 1 else ONE
        self.inputs.append((node.name, tuple(axes)))
        if not given.is_floating_point():
            return Integers(node.name, tuple(axes))
        size = next((int(n) for axis, n in zip(axes, shape, strict=True) if axis is FEATURES), 1)
        self.given[node.name] = self.graph.input(node.name, size)
        return Signal(self.given[node.name], tuple(axes))

    def _axis(self, size: int | SymInt) -> Axis:
        if isinstance(size, int):
            return ONE if size == 1 else Axis(size=size)
        return self.axis_of.setdefault(str(size), Axis())

    def _read_node(self, node: fx.Node) -> Any:
        target: Any = node.target
        try:
            if isinstance(size := node.meta.get("val"), SymInt):
                return size if isinstance(size := _as_fixed(size), int) else self._size(size)
            args = fx.map_arg(node.args, self.values.get)
            kwargs = fx.map_arg(node.kwargs, self.values.get)
            return self._apply(node, target, args, dict(kwargs))
        except (DoesNotFitError, ArgumentError) as error:
            raise ArgumentError(f"{_name(target)} cannot be exported: {str(error).rstrip('.')}.{_line(node)}") from None

    def _size(self, size: SymInt) -> Size:
        if str(size) not in self.axis_of:
            raise DoesNotFitError(f"it computes with sizes that are not fixed ({size})")
        return Size(self.axis_of[str(size)])

    def _apply(self, node: fx.Node, target: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        leaves = pytree.tree_leaves((args, kwargs))
        depends = any(isinstance(it, Signal | Integers | FinalState | FinalStates) for it in leaves)
        if getattr(target, "__name__", "") == "getitem":
            return args[0][args[1]]
        if target in DROPOUT:
            if args[2]:
                raise DoesNotFitError("the program was traced in training mode; call module.eval() first")
            return args[0]
        if target in MAKES_LIKE and isinstance(args[0], Signal):
            args, depends = (Fixed(torch.zeros(())), *args[1:]), False
        if not depends:
            return self._fixed(node, target, args, kwargs, leaves)
        if target in NOTHING:
            if isinstance(args[0], Signal) and not node.meta["val"].is_floating_point():
                raise DoesNotFitError("it rounds numbers")
            return args[0]
        if target is aten.embedding.default:
            return self._embedding(*args[:2])
        if target is aten.one_hot.default:
            return self._tokens(args[0], OneHot(args[1]), args[1])
        for table in (POINTWISE, SHAPES, LAYERS, RECURRENT):
            if target in table:
                operands = (self.graph, *self._pointwise_operands(table, args))
                try:
                    inspect.signature(table[target]).bind(*operands, **kwargs)
                except TypeError:
                    raise DoesNotFitError(f"it is called with {len(args)} arguments and {[*kwargs]}") from None
                return table[target](*operands, **kwargs)
        raise DoesNotFitError("no part of an exported model computes it")

    def _pointwise_operands(self, table: dict[Any, Callable[..., Any]], args: Any) -> Any:
        if table is not POINTWISE:
            return args
        return tuple(
            signal(self.graph, it) if isinstance(it, FinalState | FinalStates | Integers | Size) else it for it in args
        )

    def _embedding(self, weight: Any, tokens: Any) -> Signal:
        table = weights_of(weight)
        return self._tokens(tokens, Embedding(table), len(table))

    def _tokens(self, tokens: Any, part: Embedding | OneHot, count: int) -> Signal:
        if not isinstance(tokens, Integers):
            raise DoesNotFitError("its tokens are computed; they must be an input of the module, as they are")
        if tokens.name not in self.given:
            self.given[tokens.name] = self.graph.input(tokens.name, tokens=count)
        given = self.given[tokens.name]
        if given.tokens != count:
            raise DoesNotFitError(f"tokens {tokens.name!r} are among {given.tokens} elsewhere, and among {count} here")
        return Signal(self.graph.add(part, given), (*tokens.axes, FEATURES))

    def _fixed(self, node: fx.Node, target: Any, args: Any, kwargs: dict[str, Any], leaves: list[Any]) -> Any:
        """Compute what does not depend on the input."""
        if not isinstance(target, torch._ops.OpOverload) or torch.Tag.nondeterministic_seeded in target.tags:
            raise DoesNotFitError("it draws random numbers, or computes with sizes")
        sized = any(isinstance(it, Size) or (isinstance(it, Fixed) and it.free) for it in leaves)
        if sized and target.overloadpacket.__name__ not in MADE_OF_SIZES:
            raise DoesNotFitError("it computes numbers from the number of steps or sequences")

        def plain(it: Any) -> Any:
            return it.tensor if isinstance(it, Fixed) else 1 if isinstance(it, Size) else it

        args, kwargs = pytree.tree_map(plain, (args, kwargs))
        with torch.no_grad():
            made = target(*args, **kwargs)
        if not isinstance(made, Tensor):
            return (
                [Fixed(it) if isinstance(it, Tensor) else it for it in made] if isinstance(made, list | tuple) else made
            )
        shape = [_as_fixed(size) for size in node.meta["val"].shape]
        free = tuple((k, self._size(size).axis) for k, size in enumerate(shape) if isinstance(size, SymInt))
        if any(made.shape[k] != (1 if isinstance(size, SymInt) else size) for k, size in enumerate(shape)):
            raise DoesNotFitError("it computes numbers from the number of steps or sequences")
        return Fixed(made, free)

    def _check_sizes(self, output: Signal) -> None:
        """Check that time and batch are of any size: of one that is fixed or limited the program may have made use."""
        axes = [axis for _, own in self.inputs for axis in own] + [*output.axes]
        for axis in sorted(axes, key=lambda it: it.kind != "time"):
            if axis.kind in ("time", "batch") and axis.size not in (None, 1):
                raise ArgumentError(
                    f"The program's size of {axis} is fixed at {axis.size}: trace it with tidegate.export.program, or "
                    "with dynamic_shapes that leave it free."
                )
        for symbol, limits in self.program.range_constraints.items():
            if str(symbol) in self.axis_of and (limits.lower > SMALLEST or limits.upper < LARGEST):
                most = f"to {limits.upper}" if limits.upper < LARGEST else "on"
                raise ArgumentError(
                    f"The program is only for sizes of {self.axis_of[str(symbol)]} from {limits.lower} {most}. Trace "
                    "the module with tidegate.export.program; its code must not ask for its input's sizes."
                )


SMALLEST, LARGEST = 2, 2**31  # torch.export takes a free size to be at least 2, but the program to be right for 1
MAKES_LIKE = {
    aten.new_zeros.default, aten.new_ones.default, aten.new_full.default, aten.zeros_like.default,
    aten.ones_like.default,
}  # fmt: skip
"""Those that read only the kind of a tensor."""


def _as_fixed(size: int | SymInt) -> int | SymInt:
    """Return a size as a number, if it is fixed."""
    return int(size) if is_concrete_int(size) else size


def _reached(results: list[Any]) -> set[fx.Node]:
    found: set[fx.Node] = set()
    waiting = [it for it in results if isinstance(it, fx.Node)]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found


def _name(target: Any) -> str:
    return str(target).removesuffix(".default") if isinstance(target, torch._ops.OpOverload) else str(target)


def _line(node: fx.Node) -> str:
    """Return where an operator stands in the user's code, in words."""
    trace = node.meta.get("stack_trace") or ""
    found = re.findall(r'File "([^"]+)", line (\d+), in [^\n]*\n\s*([^\n]*)', trace)
    own = [it for it in found if not it[0].startswith(PACKAGES)] or found
    return f" It stands in {own[-1][0]}, line {own[-1][1]}: {own[-1][2]}" if own else ""
