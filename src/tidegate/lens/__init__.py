"""Look inside: what a network remembers, for how long, and which unit does it. Plain data out, no drawing.

Read a text (`read`) or any sequence (`trace`) and keep every gate; find the unit that carries a property (`find_cells`)
and see what holding it does (`effect`, `edited_model`); measure how far back gradients reach (`gradient_flow`), what
mattered for a prediction (`what_mattered`), where a model is wrong and why (`mistakes`), how models differ (`compare`),
and where else the same units are on (`matches`). Every claim has a number and a control. Runs of other tasks than
language modelling are looked at with `tidegate.lens.shapes`.
"""

from tidegate.lens.attribution import Attribution, what_mattered
from tidegate.lens.classes import CHARACTER_CLASSES
from tidegate.lens.clipping import Clipping, clipping
from tidegate.lens.compare import Comparison, KnownLetters, compare, known_letters
from tidegate.lens.decay import Decay, decay_of
from tidegate.lens.detectors import DETECTORS, Detector, function, marked, pattern
from tidegate.lens.effect import ClassEffect, Effect, effect
from tidegate.lens.finder import Finding, Findings, find_cells
from tidegate.lens.gates import Saturation, saturation
from tidegate.lens.gradient_flow import Flow, gradient_flow, probe_flow
from tidegate.lens.interventions import Edit, clamp, cut, edited_model, force, swap
from tidegate.lens.jacobian import StepJacobians, step_jacobian
from tidegate.lens.match import Match, matches, select
from tidegate.lens.memory_time import MemoryTime, memory_time
from tidegate.lens.mistakes import Mistakes, mistakes
from tidegate.lens.named import Named
from tidegate.lens.overlay import FlowCurve, overlay
from tidegate.lens.reading import Reading, read
from tidegate.lens.residual import ResidualNetwork
from tidegate.lens.scalar import ScalarExample, scalar_example
from tidegate.lens.state_gradients import StateGradients, state_gradients
from tidegate.lens.trace import Trace, open_trace, trace
from tidegate.lens.twin import untrained
from tidegate.lens.writing import Written, write

__all__ = [
    "CHARACTER_CLASSES",
    "DETECTORS",
    "Attribution",
    "ClassEffect",
    "Clipping",
    "Comparison",
    "Decay",
    "Detector",
    "Edit",
    "Effect",
    "Finding",
    "Findings",
    "Flow",
    "FlowCurve",
    "KnownLetters",
    "Match",
    "MemoryTime",
    "Mistakes",
    "Named",
    "Reading",
    "ResidualNetwork",
    "Saturation",
    "ScalarExample",
    "StateGradients",
    "StepJacobians",
    "Trace",
    "Written",
    "clamp",
    "clipping",
    "compare",
    "cut",
    "decay_of",
    "edited_model",
    "effect",
    "find_cells",
    "force",
    "function",
    "gradient_flow",
    "known_letters",
    "marked",
    "matches",
    "memory_time",
    "mistakes",
    "open_trace",
    "overlay",
    "pattern",
    "probe_flow",
    "read",
    "saturation",
    "scalar_example",
    "select",
    "state_gradients",
    "step_jacobian",
    "swap",
    "trace",
    "untrained",
    "what_mattered",
    "write",
]
