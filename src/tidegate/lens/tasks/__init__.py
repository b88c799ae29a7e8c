"""Look inside the tasks of other shapes: taggers, classifiers, translators, captioners, forecasters. Plain data out."""

from tidegate.lens.tasks.beam_tree import BeamTree, Branch
from tidegate.lens.tasks.forecaster import ForecasterLook
from tidegate.lens.tasks.look_at import look_at
from tidegate.lens.tasks.pictures import Frames, pictures
from tidegate.lens.tasks.seq2seq import WriterLook
from tidegate.lens.tasks.tagger import TaggerLook
from tidegate.lens.tasks.views import Choices, Look, Steps

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
