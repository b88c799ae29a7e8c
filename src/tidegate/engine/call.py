"""What a backend is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.record import Record
from tidegate.engine.weights import Weights


@dataclass(frozen=True)
class Call:
    """One run of a cell over time, its arguments checked; sizes T steps, B sequences, I inputs, H units.

    Attributes:
        cell: the equations.
        x: (T, B, I).
        weights: of this layer and direction.
        state: the initial states (B, H), in the order of ``cell.states``.
        lengths: (B,) int64, each 0..T, or None: all T.
        reset: (T, B) bool, or None: no state crosses from step t-1 to t (or back) where true.
        reverse: read each sequence from its last valid step down to 0.
        record: what to keep besides the output.
        masks: per-step masks (T, B, H) by name.
        mask_gradients: the masks whose gradient is wanted.
        oracle: runs a call on the reference, for derivatives that a backend has no kernel for.
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
    oracle: Callable[[Call], Result] | None = None

    def tensors(self) -> list[Tensor]:
        """All that it computes with, which is all but lengths and resets."""
        w = self.weights
        optional = (w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr)
        return [
            self.x,
            *[t for t in optional if t is not None],
            *w.p.values(),
            *self.state,
            *self.masks.values(),
        ]


@dataclass(frozen=True)
class Result:
    """What a run gives.

    Attributes:
        output: (T, B, R), the first state at every step; zeros past a sequence's length.
        state: the final states (B, ·): at the last valid step (step 0 if reversed); the initial state where a
            length is 0.
        record: the kept values by name, (ceil(T / every), B, ·); zeros past a sequence's length.
        backend: the name of the backend that made it.
    """

    output: Tensor
    state: tuple[Tensor, ...]
    record: dict[str, Tensor]
    backend: str


class Stepping(Protocol):
    """A cell between two steps, for whoever takes one step at a time."""

    @property
    def state(self) -> Sequence[Tensor]:
        """The states (B, ·) after the last step, in the order of ``cell.states``; writing to them sets the state."""
        ...

    def step(self, x: Tensor) -> Tensor:
        """The output (B, R) after one more step on x (B, I), contiguous and of the weights' dtype."""
        ...


class Backend(Protocol):
    """A way to run a cell over time.

    It may also have ``explain(call, *, training)``, which says how it would run a call as a `BackendPlan`, and
    ``product()``, which gives its matrix product of two tensors, or None, for measuring the machine's peak.
    """

    @property
    def name(self) -> str:
        """Its name in ``backend=`` and in results."""
        ...

    def unsupported(self, call: Call) -> list[str]:
        """The reasons why it cannot run this call; empty if it can."""
        ...

    def run(self, call: Call) -> Result:
        """Run it."""
        ...
