"""What a backend is given and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from torch import Tensor

from tidegate.cells import Cell
from tidegate.drawing.brief import brief_repr
from tidegate.engine.explain.explanation import BackendPlan
from tidegate.engine.record import Record
from tidegate.engine.weights import Weights


@dataclass(frozen=True)
class Call:
    """One run of a cell over time with checked arguments: T steps, B sequences, I input features, H hidden units.

    Attributes:
        cell: the cell.
        x: (T, B, I).
        weights: the weights of this layer and direction.
        state: the initial states (B, H), in the order of ``cell.states``.
        lengths: (B,) int64, each in 0..T; None if all sequences have T steps.
        reset: (T, B) bool; where true, no state passes between steps t-1 and t, in either direction. None for no reset.
        reverse: read each sequence from its last valid step down to step 0.
        record: the gates and states to record besides the output.
        masks: per-step masks (T, B, H) by name.
        mask_gradients: the masks whose gradients are wanted.
        batch_invariant: whether what is computed of a sequence must not depend on its batch, see
            `tidegate.batch_invariant`.
        oracle: runs a call on the reference backend, for derivatives that a backend has no kernel for.
    """

    cell: Cell
    x: Tensor
    weights: Weights
    state: tuple[Tensor, ...]
    lengths: Tensor | None = None
    reset: Tensor | None = None
    reverse: bool = False
    record: Record | None = None
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    mask_gradients: tuple[str, ...] = ()
    batch_invariant: bool = False
    oracle: Callable[[Call], Result] | None = None

    __repr__ = brief_repr

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.weights.hidden_size(self.cell)

    def tensors(self) -> list[Tensor]:
        """List all tensors that are computed with: all but lengths and resets."""
        return [self.x, *self.weights.tensors(), *self.state, *self.masks.values()]


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        output: (T, B, R), the first state at every step; zeros past a sequence's length.
        state: the final states (B, ·): at the last valid step (step 0 if reversed); the initial state where a
            length is 0. In half precision they are in float32.
        record: the recorded values by name, (ceil(T / every), B, ·); zeros past a sequence's length.
        backend: the name of the backend that ran it.
    """

    output: Tensor
    state: tuple[Tensor, ...]
    record: dict[str, Tensor]
    backend: str

    __repr__ = brief_repr


NO_MASKS: Mapping[str, Tensor] = MappingProxyType({})


class Stepping(Protocol):
    """A cell that is run one step at a time."""

    @property
    def state(self) -> Sequence[Tensor]:
        """The states (B, ·) after the last step, in the order of ``cell.states``; writing to them sets the state.

        In half precision they are in float32.
        """
        ...

    def step(self, x: Tensor, masks: Mapping[str, Tensor] = NO_MASKS) -> Tensor:
        """Run one more step on x (B, I), contiguous and of the weights' dtype, and return the output (B, R).

        Masks are (B, H), by name; those left out have the values with which this was prepared. The output may be memory
        that the step after the next overwrites.
        """
        ...


class Prepared(Protocol):
    """A call that is prepared, to be run on other inputs and states of the same sizes."""

    def run(self, x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]] | None:
        """Return the output (T, B, R) and the final states (B, ·); None if this cannot be done now: `Backend.run` can.

        Args:
            x: (T, B, I), without gradients, as are the states.
            state: the initial states (B, ·).
        """
        ...


class Backend(ABC):
    """A way to run a cell over time.

    Attributes:
        name: its name in ``backend=`` and in results.
        half_precision: whether it computes calls in half precision itself: "never" (it is given them in float32),
            "asked" (only if it was asked for; otherwise it is given float32), or "always". It is then given input,
            weights and masks in the output's dtype and states as they are, perhaps in float32. Single steps
            (`stepping`) are always given in float32, but for `multiplies_bfloat16`.
        batch_invariant: whether it can compute a sequence so that its batch makes no difference, to the bit.
        runs_stacks: whether `run_stack` may be called.
        runs_side_by_side: whether two of its calls on a GPU may be faster on two streams than one after the other.
    """

    name: str
    half_precision: Literal["never", "asked", "always"] = "never"
    batch_invariant: bool = False
    runs_stacks: bool = False
    runs_side_by_side: bool = False

    @abstractmethod
    def unsupported(self, call: Call) -> list[str]:
        """List the reasons why this backend cannot run a call; an empty list if it can."""

    @abstractmethod
    def run(self, call: Call) -> Result:
        """Run a checked call."""

    def multiplies_bfloat16(self) -> bool:
        """Whether calls in bfloat16, or under its autocast, are multiplied in bfloat16 and all else is in float32.

        It is then given the input in bfloat16, states and masks in float32, and weights as they are.
        """
        return False

    def not_by_default(self, call: Call) -> list[str]:
        """List the reasons why this backend runs a call that it supports only if it is asked for."""
        del call
        return []

    def run_stack(self, calls: Sequence[Call]) -> Result | None:
        """Run all layers and directions of a module at once; None to have them run one after another.

        Args:
            calls: checked calls, layer by layer, forward before reverse. Above the first layer the input has only the
                right shape; its values are the output of the layer below.

        Returns:
            The output of the last layer (T, B, directions * R), and the final states (layers * directions, B, ·).
        """
        del calls
        return None

    def laid_out(self, call: Call) -> Call:
        """Return a call with the same result whose weights need no copies, for runs that share them."""
        return call

    def stepping(self, call: Call) -> Stepping | None:
        """Prepare a checked call of one step to be run again and again; None if that is no faster than `run`."""
        del call
        return None

    def prepared(self, call: Call) -> Prepared | None:
        """Prepare a checked call without derivatives, whose weights do not change; None if that is no faster."""
        del call
        return None

    def stepping_in_int8(self, call: Call) -> Stepping | None:
        """As `stepping`, with the weights rounded to int8 (`tidegate.engine.int8`); None if this backend has none."""
        del call
        return None

    def note(self, call: Call) -> str:
        """Say in a few words what runs a checked call, for `tidegate.engine.explain`."""
        del call
        return ""

    def explain(self, call: Call, *, training: bool) -> BackendPlan | None:
        """Describe how `run` would run a checked call, without running it; None if there is nothing to describe."""
        del call, training
        return None

    def matrix_product(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return the backend's own matrix product, with which the machine's peak is measured; None if it has none."""
        return None
