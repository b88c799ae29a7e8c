"""The result of a cell's function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, init=False)
class Step:
    """What one step computes: every new state by name, and the gate activations to record.

    Attributes:
        states: the new states.
        gates: named values inside the step, recorded on demand.
    """

    states: dict[str, Any]
    gates: dict[str, Any]

    def __init__(self, *, gates: dict[str, Any] | None = None, **states: Any):
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "gates", {} if gates is None else gates)
