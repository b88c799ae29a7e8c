"""Look inside: what a network remembers, for how long, and which unit does it. Plain data out, no drawing.

Read a text (`read`) or any sequence (`trace`) and keep every gate; find the unit that carries a property (`find_cells`)
and see what holding it does (`effect`, `intervened_model`); measure how far back gradients reach (`gradient_flow`), what
mattered for a prediction (`what_mattered`), where a model is wrong and why (`mistakes`), how models differ (`compare`),
and where else the same units are on (`matches`). Every claim has a number and a control. Runs of other tasks than
language modelling are looked at with `tidegate.lens.tasks`.
"""

from tidegate.lens.hidden_units.character_classes import CHARACTER_CLASSES
from tidegate.lens.hidden_units.controls import untrained
from tidegate.lens.hidden_units.detectors import DETECTORS, Detector, function, marked, pattern
from tidegate.lens.hidden_units.finder import Finding, Findings, find_cells
from tidegate.lens.hidden_units.pattern_search import Match, matches, select
from tidegate.lens.interventions.edits import Intervention, ablate, clamp, intervened_model, set_to, swap
from tidegate.lens.interventions.effect import ClassEffect, Effect, effect
from tidegate.lens.memory.clipping import Clipping, clipping
from tidegate.lens.memory.decay import Decay, decay_of
from tidegate.lens.memory.gradient_flow import Flow, gradient_flow, probe_flow
from tidegate.lens.memory.memory_time import MemoryTime, memory_time
from tidegate.lens.memory.state_gradients import StateGradients, state_gradients
from tidegate.lens.memory.step_jacobian import StepJacobians, step_jacobian
from tidegate.lens.overlay import FlowCurve, overlay
from tidegate.lens.predictions.attribution import Attribution, what_mattered
from tidegate.lens.predictions.compare import Comparison, KnownLetters, compare, known_letters
from tidegate.lens.predictions.mistakes import Mistakes, mistakes
from tidegate.lens.record.gates import Saturation, saturation
from tidegate.lens.record.labelled_array import Named
from tidegate.lens.record.reading import Reading, read
from tidegate.lens.record.trace import Trace, open_trace, trace
from tidegate.lens.record.writing import Written, write
from tidegate.lens.residual import ResidualNetwork
from tidegate.lens.scalar import ScalarExample, scalar_example

__all__ = [
    "CHARACTER_CLASSES",
    "DETECTORS",
    "Attribution",
    "ClassEffect",
    "Clipping",
    "Comparison",
    "Decay",
    "Detector",
    "Effect",
    "Finding",
    "Findings",
    "Flow",
    "FlowCurve",
    "Intervention",
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
    "ablate",
    "clamp",
    "clipping",
    "compare",
    "decay_of",
    "effect",
    "find_cells",
    "function",
    "gradient_flow",
    "intervened_model",
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
    "set_to",
    "state_gradients",
    "step_jacobian",
    "swap",
    "trace",
    "untrained",
    "what_mattered",
    "write",
]
