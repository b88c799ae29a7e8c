"""The columns of a tagger's examples."""

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Preprocessing
from tidegate.tasks.layers import input_kind


def column_kinds(preprocessing: Preprocessing, *, spelled: bool) -> dict[str, ColumnKind]:
    """Return what the columns hold.

    Args:
        preprocessing: the fitted preprocessing.
        spelled: whether the model reads the characters of words.
    """
    level = preprocessing.text("input")
    tags = ColumnKind("i8", below=len(preprocessing.vocabulary("labels")), length="inputs")
    found = {"inputs": input_kind(preprocessing)._replace(shortest=1), "tags": tags}
    if level != "frames":
        found["usual"] = tags
    if level == "words" and spelled:
        found["characters"] = ColumnKind("i8", below=len(preprocessing.vocabulary("characters")))
        found["spelling"] = ColumnKind("i8", length="inputs", counts="characters")
    return found
