"""What the values of a traced program are: which of their axes counts time, sequences and features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import Pool, PoolKind

Kind = Literal["time", "batch", "features", "one"]
NAMES: dict[Kind | None, str] = {
    "time": "time", "batch": "the batch", "features": "features", "one": "an axis of size 1", None: "time or the batch",
}  # fmt: skip


class DoesNotFitError(Exception):
    """An operator does something that no part does; the message says what, without its name and place."""


class Axis:
    """What a dimension counts.

    Whether one of an input's free sizes is that of time or of the batch is known once a layer reads it; until then the
    axes that an operator lines up are remembered to be one.

    Args:
        kind: "one" is a size of 1, which stands for a batch of one sequence or a single feature; None if it is unknown.
        size: its size, if that is fixed.
    """

    def __init__(self, kind: Kind | None = None, size: int | None = None):
        self._kind: Kind | None = kind
        self._size = size
        self._same: Axis | None = None
        self._padded = False

    def __repr__(self) -> str:
        return NAMES[self.kind]

    @property
    def _root(self) -> Axis:
        found = self
        while found._same is not None:
            found = found._same
        return found

    @property
    def kind(self) -> Kind | None:
        """What it counts, as far as it is known."""
        return self._root._kind

    @property
    def size(self) -> int | None:
        """Its size, if that is fixed."""
        return self._root._size

    @property
    def padded(self) -> bool:
        """Whether the steps that it counts are not all valid."""
        return self._root._padded

    def pad(self) -> None:
        """Note that sequences have lengths."""
        self._root._padded = True

    def is_same(self, other: Axis) -> bool:
        """Whether both are known to be of one size."""
        return self._root is other._root

    def be(self, kind: Literal["time", "batch"]) -> None:
        """Note what it counts.

        Raises:
            DoesNotFitError: it counts something else.
        """
        root = self._root
        if root._kind == "one" and kind == "time":
            raise DoesNotFitError("it is given a single step; trace the module with an example of two or more")
        if root._kind is None:
            root._kind = kind
        elif root._kind not in (kind, "one"):
            raise DoesNotFitError(f"it reads {self} as {kind}")

    def joined(self, other: Axis) -> Axis:
        """Return the axis of a result of which two operands have these.

        Raises:
            DoesNotFitError: they count different things.
        """
        a, b = self._root, other._root
        if a is b or b._kind == "one":
            return a
        if a._kind == "one":
            return b
        if a._kind != b._kind and (None not in (a._kind, b._kind) or "features" in (a._kind, b._kind)):
            raise DoesNotFitError(f"it lines up {self} with {other}")
        if a._kind != "features":
            keep, gone = (a, b) if a._kind is not None else (b, a)
            keep._size, keep._padded, gone._same = keep._size or gone._size, keep._padded or gone._padded, keep
            return keep
        return a


FEATURES, ONE = Axis("features"), Axis("one", 1)


@dataclass(frozen=True)
class Signal:
    """A value that depends on the input.

    Attributes:
        value: in the graph.
        axes: of the traced tensor. There is none for features where there is one number for a step.
        zeros_before: steps of zeros that were put before the first, for a convolution to read.
        steps_after: steps after the last, which a convolution made of zeros.
    """

    value: Value
    axes: tuple[Axis, ...]
    zeros_before: int = 0
    steps_after: int = 0

    def plain(self) -> Signal:
        """Return it, if it has no steps but those of the input.

        Raises:
            DoesNotFitError: it has.
        """
        if self.zeros_before or self.steps_after:
            raise DoesNotFitError("only a convolution can read steps that were added to a sequence")
        return self

    def axis(self, dim: int) -> int:
        """Return the position of a dimension."""
        return dim % len(self.axes)

    def pooled(self, graph: Graph, kind: PoolKind, dim: int) -> Signal:
        """Return one vector for the whole sequence.

        Raises:
            DoesNotFitError: the dimension does not count steps, or not all of them are valid.
        """
        k = self.axis(dim)
        axis = self.axes[k]
        if axis.kind != "time":
            raise DoesNotFitError(f"it is over {axis}, not over the steps of a sequence")
        if axis.padded:
            raise DoesNotFitError("it reads steps past the lengths; take the final state of a layer: h[-1]")
        return Signal(graph.add(Pool(kind), self.value), (*self.axes[:k], *self.axes[k + 1 :]))

    def is_features(self, dim: int) -> bool:
        """Whether a dimension counts features."""
        kinds = [it.kind for it in self.axes]
        k = self.axis(dim)
        return kinds[k] == "features" or (kinds[k] == "one" and self.value.size == 1 and "features" not in kinds)

    def expect_features(self, dim: int) -> None:
        """Check that a dimension counts features.

        Raises:
            DoesNotFitError: it does not.
        """
        if not self.is_features(dim):
            raise DoesNotFitError(f"it is over {self.axes[self.axis(dim)]}, not over the features of a step")

    def with_features(self, value: Value, dim: int = -1) -> Signal:
        """Return another value with these axes, of which one counts its features."""
        k = self.axis(dim)
        return Signal(value, (*self.axes[:k], FEATURES, *self.axes[k + 1 :]))


@dataclass(frozen=True)
class Fixed:
    """A tensor that does not depend on the input.

    Attributes:
        tensor: of size 1 in those dimensions whose size is not fixed, along which all numbers are the same.
        free: the axes of those dimensions, by their position.
    """

    tensor: Tensor
    free: tuple[tuple[int, Axis], ...] = ()
    __repr__ = brief_repr

    def row(self, size: int) -> Tensor:
        """Return the vector (size,) of which all others along the first dimensions are copies.

        Raises:
            DoesNotFitError: they are not.
        """
        rows = self.tensor.expand(*self.tensor.shape[:-1], size).reshape(-1, size)
        if not bool((rows == rows[:1]).all()):
            raise DoesNotFitError(
                "it is given fixed numbers that differ from sequence to sequence or from step to step"
            )
        return rows[0].detach().float()


@dataclass(frozen=True)
class Integers:
    """An input of whole numbers: tokens or lengths, which is known once it is used."""

    name: str
    axes: tuple[Axis, ...]


@dataclass(frozen=True)
class Size:
    """The size of an axis, which is not fixed."""

    axis: Axis


@dataclass(frozen=True)
class FinalState:
    """A final state of a layer, (B, ·).

    Attributes:
        layer: the layer's output.
        number: of the cell's states.
        reverse: whether it is that of the first step.
        batch: the axis of the batch.
    """

    layer: Value
    number: int
    reverse: bool
    batch: Axis

    def signal(self, graph: Graph) -> Signal:
        """Return it as a value of the graph.

        Raises:
            DoesNotFitError: it is a state that a layer does not return at every step.
        """
        if self.number:
            raise DoesNotFitError("it reads a state of a layer that is not its output, such as the c of an LSTM")
        return Signal(graph.add(Pool("first" if self.reverse else "last"), self.layer), (self.batch, FEATURES))


@dataclass(frozen=True)
class FinalStates:
    """Final states of several layers and directions, (layers * directions, B, ·)."""

    states: tuple[FinalState, ...]
