"""A traced program as a graph, and how it is run on one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.traced.traced_values import Axis


@dataclass(frozen=True)
class Traced:
    """A program as a graph, and how its inputs and its output are laid out.

    Attributes:
        program: the program.
        graph: what it computes.
        inputs: of each input in order its axes, and its value in the graph; None for lengths.
        place: of the output among those of the program.
        output: the output's axes.
    """

    program: ExportedProgram
    graph: Graph
    inputs: tuple[tuple[tuple[Axis, ...], Value | None], ...]
    place: int
    output: tuple[Axis, ...]

    __repr__ = brief_repr

    @property
    def batch_first(self) -> bool:
        """Whether its input has sequences before steps."""
        kinds = _kinds(self.inputs[0][0])
        return "batch" in kinds and kinds.index("batch") < kinds.index("time")

    def run(self, sequences: Sequence[Tensor]) -> Tensor:
        """Return what the program itself gives for one sequence.

        Args:
            sequences: one for each input of the graph: tokens (T,), or frames (T, size).

        Returns:
            (T, outputs), or (1, outputs) of a program with one vector for the whole sequence.
        """
        given = dict(zip(self.graph.inputs, sequences, strict=True))
        steps = len(sequences[0])
        leaves = [
            torch.full([axis.size or 1 for axis in axes], steps) if value is None else _laid_out(axes, given[value])
            for axes, value in self.inputs
        ]
        form = self.program.call_spec.in_spec
        assert form is not None
        args, kwargs = pytree.tree_unflatten(leaves, form)
        try:
            with torch.no_grad():
                made = pytree.tree_leaves(self.program.module()(*args, **kwargs))[self.place]
        except (AssertionError, RuntimeError) as error:  # what torch.export noted about sizes
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ArgumentError(f"The program does not run for {steps} steps: {why}") from None
        return _one_sequence(self.output, made)


def _kinds(axes: Sequence[Axis]) -> list[str]:
    """Return what axes count. Where no layer has told time from batch, nothing depends on it: the last is time."""
    found = [axis.kind for axis in axes]
    unknown = [k for k, kind in enumerate(found) if kind is None]
    last = unknown[-1] if unknown and "time" not in found else None
    return [kind or ("time" if k == last else "batch") for k, kind in enumerate(found)]


def _laid_out(axes: Sequence[Axis], x: Tensor) -> Tensor:
    """Lay one sequence, (T,) or (T, size), out as an input."""
    kinds = _kinds(axes)
    sizes = dict(time=x.shape[0], features=x.shape[-1])
    if kinds.index("time") > [*kinds, "features"].index("features"):
        x = x.t()
    x = x.reshape([sizes.get(kind, 1) for kind in kinds])
    return x.expand([-1 if kind in sizes else axis.size or 1 for kind, axis in zip(kinds, axes, strict=True)])


def _one_sequence(axes: Sequence[Axis], y: Tensor) -> Tensor:
    """Return the first sequence of an output, (T, size) or (1, size)."""
    kinds = _kinds(axes)
    for k in reversed(range(len(kinds))):
        if kinds[k] in ("batch", "one"):
            y = y.select(k, 0)
    left = [kind for kind in kinds if kind in ("time", "features")]
    if left == ["time"]:
        return y[:, None]
    return y.t() if left == ["features", "time"] else y.reshape(-1, y.shape[-1] if left else 1)
