"""What a run makes of its held-out examples: which are wrong, how sure it was, and what it takes for what."""

from tidegate.lens.tasks.outcomes.confusion import Cell, Confusion, LabelScore
from tidegate.lens.tasks.outcomes.one_pass import TRYING, HeldOut, held_out_outcomes
from tidegate.lens.tasks.outcomes.outcome import Answers, Outcome, Outcomes

__all__ = [
    "TRYING",
    "Answers",
    "Cell",
    "Confusion",
    "HeldOut",
    "LabelScore",
    "Outcome",
    "Outcomes",
    "held_out_outcomes",
]
