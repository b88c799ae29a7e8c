"""Look inside the tasks of other shapes: taggers, classifiers, translators, captioners, forecasters. Plain data out."""

from tidegate.lens.shapes.beam import BeamTree, Branch
from tidegate.lens.shapes.forecaster import ForecasterLook
from tidegate.lens.shapes.frames import Frames, pictures
from tidegate.lens.shapes.look import look_at
from tidegate.lens.shapes.steps import Choices, Look, Steps
from tidegate.lens.shapes.tagger import TaggerLook
from tidegate.lens.shapes.writer import WriterLook

__all__ = [
    "BeamTree",
    "Branch",
    "Choices",
    "ForecasterLook",
    "Frames",
    "Look",
    "Steps",
    "TaggerLook",
    "WriterLook",
    "look_at",
    "pictures",
]
