"""What independent examples need: rows of files, encoded columns, batches of like length, vocabularies, samples."""

from tidegate.data.columns import Preprocessing
from tidegate.data.rows import Row
from tidegate.data.vocabulary import Vocabulary

__all__ = ["Preprocessing", "Row", "Vocabulary"]
