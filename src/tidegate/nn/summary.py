"""A table of a model's layers with their parameters and the cost of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tidegate.drawing import table_html
from tidegate.engine import cost
from tidegate.nn.interop.cell_module import CellModule
from tidegate.nn.layered import Layered

HEAD = ("layer", "output shape", "parameters", "FLOPs/step", "bytes/step")


@dataclass(frozen=True)
class Row:
    """One module.

    Attributes:
        name: its name in the model, and its class.
        output_shape: the shape of its first output.
        parameters: its own and its children's, each counted once.
        flops: of one step of one sequence; None if not known.
        bytes: memory read and written by that step; None if not known.
    """

    name: str
    output_shape: tuple[int, ...] | None
    parameters: int
    flops: int | None
    bytes: int | None


@dataclass(frozen=True)
class Summary:
    """A model's layers; ``str()`` gives the table.

    Attributes:
        rows: one for each module that ran.
        parameters: of the whole model; shared ones count once.
        trainable: parameters that require a gradient.
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int

    @property
    def flops(self) -> int:
        """FLOPs per step of all rows whose cost is known."""
        return sum(row.flops or 0 for row in self.rows)

    @property
    def bytes(self) -> int:
        """Bytes per step of all rows whose cost is known."""
        return sum(row.bytes or 0 for row in self.rows)

    def __str__(self) -> str:
        head, *lines = [HEAD, *self._cells()]
        widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]

        def draw(line: tuple[str, ...]) -> str:
            cells = [
                text.ljust(w) if k < 2 else text.rjust(w) for k, (text, w) in enumerate(zip(line, widths, strict=True))
            ]
            return "  ".join(cells).rstrip()

        rule = "-" * len(draw(head))
        *body, foot = map(draw, lines)
        return "\n".join([draw(head), rule, *body, rule, foot, self._note()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the table."""
        return table_html(self._cells(), HEAD, caption=self._note())

    def _cells(self) -> list[tuple[str, ...]]:
        body = [
            (
                row.name,
                "-" if row.output_shape is None else str(list(row.output_shape)),
                f"{row.parameters:,}",
                "-" if row.flops is None else f"{row.flops:,}",
                "-" if row.bytes is None else f"{row.bytes:,}",
            )
            for row in self.rows
        ]
        return [*body, ("total", "", f"{self.parameters:,}", f"{self.flops:,}", f"{self.bytes:,}")]

    def _note(self) -> str:
        return f"trainable: {self.trainable:,}. FLOPs and bytes are of one step of one sequence."


def summary(model: nn.Module, *inputs: Any, **kwargs: Any) -> Summary:
    """Run the model once on example inputs and tabulate its layers.

    There is a row for each recurrent module of Tidegate and each module without children. FLOPs (two for each weight
    in a product) and bytes are known for the former, from the cell's Program, and for ``nn.Linear``.

    Args:
        model: any module.
        *inputs: positional arguments of its ``forward``.
        **kwargs: keyword arguments of its ``forward``.
    """
    rows: list[Row] = []
    seen: set[int] = set()
    hooks = []

    def watch(name: str, module: nn.Module) -> None:
        def record(module: nn.Module, _: Any, output: Any) -> None:
            if id(module) not in seen:  # a module that runs twice has one row
                seen.add(id(module))
                count = sum(p.numel() for p in module.parameters())
                flops, size = _cost(module)
                label = f"{name} ({_kind(module)})" if name else _kind(module)
                rows.append(Row(label, _shape(output), count, flops, size))

        hooks.append(module.register_forward_hook(record))

    for name, module in model.named_modules():
        if isinstance(module, CellModule) or not any(module.children()):
            watch(name, module)
    training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            model(*inputs, **kwargs)
    finally:
        for module, flag in training.items():
            module.training = flag
        for hook in hooks:
            hook.remove()
    parameters = list(model.parameters())
    return Summary(
        rows=tuple(rows),
        parameters=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
    )


def _kind(module: nn.Module) -> str:
    name = type(module).__name__
    return f"{name}: {module.cell.name}" if isinstance(module, Layered) and name == "Recurrent" else name


def _shape(output: Any) -> tuple[int, ...] | None:
    while isinstance(output, tuple | list) and not isinstance(output, PackedSequence) and output:
        output = output[0]
    if isinstance(output, PackedSequence):
        output = output.data
    return tuple(output.shape) if isinstance(output, Tensor) else None


def _cost(module: nn.Module) -> tuple[int | None, int | None]:
    if isinstance(module, Layered):
        costs = [
            module.layer_cost(layer) for layer in range(module.num_layers) for _ in range(1 + module.bidirectional)
        ]
        return sum(c.flops for c in costs), sum(c.step_bytes for c in costs)
    if isinstance(module, CellModule) and isinstance(module, nn.RNNCellBase):
        itemsize = next(module.parameters()).element_size()
        step = cost(
            module.cell, module.input_size, module.hidden_size, bias=module.bias, two_biases=True, itemsize=itemsize
        )
        return step.flops, step.step_bytes
    if isinstance(module, nn.Linear):
        bias = module.bias is not None
        size = sum(p.numel() for p in module.parameters()) + module.in_features + module.out_features
        return (2 * module.in_features + bias) * module.out_features, size * module.weight.element_size()
    return None, None
