"""The page's screens: plain data for the JavaScript modules of the same names in ``page/screens/``."""

from tidegate.serve.screens.cells import CELLS
from tidegate.serve.screens.cut import CUT
from tidegate.serve.screens.errors import ERRORS
from tidegate.serve.screens.gates import GATES
from tidegate.serve.screens.highlights import HIGHLIGHTS
from tidegate.serve.screens.match import MATCH
from tidegate.serve.screens.memory import MEMORY
from tidegate.serve.screens.outcomes import OUTCOMES
from tidegate.serve.screens.read import READ
from tidegate.serve.screens.screen import Screen
from tidegate.serve.screens.steps import STEPS
from tidegate.serve.screens.tasks.reasons import REASONS
from tidegate.serve.screens.tasks.units import UNITS
from tidegate.serve.screens.training import TRAINING
from tidegate.serve.screens.why import WHY
from tidegate.serve.screens.write import WRITE

__all__ = ["SCREENS", "Screen"]

SCREENS: tuple[Screen, ...] = (
    HIGHLIGHTS,
    READ,
    CELLS,
    GATES,
    MEMORY,
    CUT,
    WHY,
    ERRORS,
    MATCH,
    STEPS,
    OUTCOMES,
    UNITS,
    REASONS,
    TRAINING,
    WRITE,
)
