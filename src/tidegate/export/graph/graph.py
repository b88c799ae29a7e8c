"""A model as values that are computed one from another, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import torch

from tidegate.errors import ArgumentError
from tidegate.export.graph.parts import Layer, Numbers, Part, Pointwise, Pool


@dataclass(frozen=True, eq=False)
class Value:
    """A value of a model: numbers for every step, or for the whole sequence.

    Attributes:
        name: an identifier, unique in the model.
        size: its numbers for a step.
        part: what computes it; None for an input of the model.
        of: the operands of that.
        tokens: the number of tokens, for an input of tokens: whole numbers, one for a step (its size is 1).
        whole: whether it is one vector for the whole sequence.
        place: where the part is in the module.
    """

    name: str
    size: int
    part: Part | None = None
    of: tuple[Value, ...] = ()
    tokens: int | None = None
    whole: bool = False
    place: str = ""

    def __repr__(self) -> str:
        """Name, part and operands."""
        given = "input" if self.part is None else type(self.part).__name__
        return f"<{self.name} ({self.size}): {given}({', '.join(it.name for it in self.of)})>"


@dataclass
class Graph:
    """A model: inputs, the values computed from them in order, and those that it returns.

    Attributes:
        inputs: what is given at every step.
        values: the others, each after its operands.
        outputs: which of them are returned, by name.
    """

    inputs: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)

    def input(self, name: str, size: int = 1, *, tokens: int | None = None) -> Value:
        """Add an input: a frame of ``size`` numbers at every step, or one of a number of tokens."""
        made = Value(self._free(name), size, tokens=tokens)
        self.inputs.append(made)
        return made

    def add(self, part: Part, *of: Value, place: str = "") -> Value:
        """Add what a part computes from values.

        Raises:
            ArgumentError: it does not take values of these sizes.
        """
        where = type(part).__name__ + (f" at {place!r}" if place else "")
        try:
            size = part.size(*[it.size for it in of])
        except ArgumentError as error:
            raise ArgumentError(f"{where}: {error}.") from None
        kinds = {it.whole for it in of if not isinstance(it.part, Numbers)}
        if len(kinds) > 1:
            raise ArgumentError(f"{where}: it is given a vector of the whole sequence and one of each step.")
        whole = isinstance(part, Pool) or kinds == {True}
        made = Value(self._free(type(part).__name__.lower()), size, part, of, whole=whole, place=place)
        self.values.append(made)
        return made

    def apply(self, operation: str, *of: Value | float, place: str = "") -> Value:
        """Add a pointwise operation of values and numbers."""
        operands = [it if isinstance(it, Value) else self.add(Numbers(torch.tensor([it]))) for it in of]
        return self.add(Pointwise(operation), *operands, place=place)

    @property
    def output(self) -> Value:
        """The output, of a model that has one."""
        (only,) = self.outputs.values()
        return only

    @property
    def reads_backwards(self) -> bool:
        """Whether a layer reads sequences from their end, so that the model has no single step."""
        return any(isinstance(it.part, Layer) and it.part.reverse for it in self.values)

    def layers(self) -> list[Value]:
        """The values that are recurrent layers."""
        return [it for it in self.values if isinstance(it.part, Layer)]

    def _free(self, name: str) -> str:
        taken = {it.name for it in (*self.inputs, *self.values)}
        return next(found for n in count() if (found := f"{name}{n}" if n else name) not in taken)
