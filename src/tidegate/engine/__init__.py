"""How a cell runs over time. `run` is the one entry; everything about time is in this package."""

from tidegate.engine.batch_invariance import batch_invariant
from tidegate.engine.call import Backend, Call, Prepared, Result, Stepping
from tidegate.engine.dispatch import BACKENDS
from tidegate.engine.explain.explain import explain
from tidegate.engine.explain.explanation import Explanation, Peaks
from tidegate.engine.masks import draw_masks
from tidegate.engine.program.cost import Cost, cost
from tidegate.engine.program.program import Program, Value, program
from tidegate.engine.record import Record
from tidegate.engine.run import run
from tidegate.engine.stepping import stepping
from tidegate.engine.weights import Weights, negate_gate

__all__ = [
    "BACKENDS",
    "Backend",
    "Call",
    "Cost",
    "Explanation",
    "Peaks",
    "Prepared",
    "Program",
    "Record",
    "Result",
    "Stepping",
    "Value",
    "Weights",
    "batch_invariant",
    "cost",
    "draw_masks",
    "explain",
    "negate_gate",
    "program",
    "run",
    "stepping",
]
