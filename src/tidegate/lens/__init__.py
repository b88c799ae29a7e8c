"""Look inside trained networks: what they remember, for how long, and in which hidden unit. Results are plain data.

Record gates and states of a text (`read`, `write`) or of any sequence (`trace`); find the hidden unit that tracks a
property of a text (`find_cells`) and ablate it (`effect`, `intervened_model`); measure how far back gradients reach
(`gradient_flow`), which tokens mattered for a prediction (`what_mattered`), which oracles would avoid a model's errors
(`mistakes`), how models differ (`compare`), and where else the same hidden units are on (`matches`). Findings come with
controls. Runs of tasks other than language modelling are looked at with `tidegate.lens.tasks.look_at`.
"""

from tidegate.lens.hidden_units.detectors import DETECTORS, Detector
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.hidden_units.pattern_search import matches, select
from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import ablate, clamp, intervened_model, set_to, swap
from tidegate.lens.memory.clipping import clipping
from tidegate.lens.memory.gradient_flow import gradient_flow
from tidegate.lens.memory.memory_time import memory_time
from tidegate.lens.memory.state_gradients import state_gradients
from tidegate.lens.memory.step_jacobian import step_jacobian
from tidegate.lens.predictions.attribution import what_mattered
from tidegate.lens.predictions.compare import compare, known_letters
from tidegate.lens.predictions.mistakes import mistakes
from tidegate.lens.record.gates import saturation
from tidegate.lens.record.reading import read
from tidegate.lens.record.trace import open_trace, trace
from tidegate.lens.record.writing import write

__all__ = [
    "DETECTORS",
    "Detector",
    "ablate",
    "clamp",
    "clipping",
    "compare",
    "effect",
    "find_cells",
    "gradient_flow",
    "intervened_model",
    "known_letters",
    "matches",
    "memory_time",
    "mistakes",
    "open_trace",
    "read",
    "saturation",
    "select",
    "set_to",
    "state_gradients",
    "step_jacobian",
    "swap",
    "trace",
    "what_mattered",
    "write",
]
