"""Look inside trained models of all tasks but language modelling: taggers, classifiers, translators, and others."""

from tidegate.lens.tasks.beam_tree import BeamTree, Branch
from tidegate.lens.tasks.classifier import ClassifierLook
from tidegate.lens.tasks.forecaster import ForecasterLook
from tidegate.lens.tasks.look_at import look_at
from tidegate.lens.tasks.outcomes import Outcome, Outcomes, held_out_outcomes
from tidegate.lens.tasks.pictures import Frames, pictures
from tidegate.lens.tasks.reasons.what_decided import Reasons, what_decided
from tidegate.lens.tasks.regressor import RegressorLook
from tidegate.lens.tasks.seq2seq import WriterLook
from tidegate.lens.tasks.tagger import TaggerLook
from tidegate.lens.tasks.task_look import ExampleLook, TextLook, task_look
from tidegate.lens.tasks.units.find_units import find_units
from tidegate.lens.tasks.units.subject import ReadSequence, Scored, StepLabel, Subject
from tidegate.lens.tasks.units.unit_effect import UnitEffect, unit_effect
from tidegate.lens.tasks.units.unit_examples import UnitExample, unit_examples
from tidegate.lens.tasks.views import Choices, Look, Steps

__all__ = [
    "BeamTree",
    "Branch",
    "Choices",
    "ClassifierLook",
    "ExampleLook",
    "ForecasterLook",
    "Frames",
    "Look",
    "Outcome",
    "Outcomes",
    "ReadSequence",
    "Reasons",
    "RegressorLook",
    "Scored",
    "StepLabel",
    "Steps",
    "Subject",
    "TaggerLook",
    "TextLook",
    "UnitEffect",
    "UnitExample",
    "WriterLook",
    "find_units",
    "held_out_outcomes",
    "look_at",
    "pictures",
    "task_look",
    "unit_effect",
    "unit_examples",
    "what_decided",
]
