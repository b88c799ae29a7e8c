"""The columns of a tagger's examples."""

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Preprocessing
from tidegate.tasks.layers import input_kind
from tidegate.tasks.subword_options import subword_kinds
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.scores import UNSEEN


def column_kinds(config: TagConfig, preprocessing: Preprocessing) -> dict[str, ColumnKind]:
    """Return what the columns hold."""
    level = preprocessing.text("input")
    usual = ColumnKind("i8", below=len(preprocessing.vocabulary("labels")), length="inputs")
    tags = usual._replace(lowest=UNSEEN if config.unseen == "wrong" else 0)
    found = {"inputs": input_kind(preprocessing)._replace(shortest=1), "tags": tags}
    if level != "frames":
        found["usual"] = usual
    if level == "words" and config.character_hidden_size:
        found["characters"] = ColumnKind("i8", below=len(preprocessing.vocabulary("characters")))
        found["spelling"] = ColumnKind("i8", length="inputs", counts="characters")
    return found | subword_kinds(config, preprocessing)
