"""Character n-grams of words as an option of tasks: fitted, and encoded for words outside the vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Preprocessing
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.subwords import Subwords, count_ngrams, parse_lengths
from tidegate.errors import ArgumentError, DataError
from tidegate.train.options import RecurrentConfig, option

NGRAMS, COUNTS = "subwords", "subword_counts"
"""Columns: the n-grams of an example's words outside the vocabulary, in a row, and how many of them each word has."""
MIN_COUNT, DROPOUT = 3, 0.3


@dataclass(frozen=True, repr=False)
class SubwordConfig(RecurrentConfig):
    """Recurrent layers that may read words with their character n-grams.

    Raises:
        ArgumentError: a value is out of range, or one about n-grams is given without `subwords`.
    """

    subwords: str | None = option(
        None, "Add the vectors of words' n-grams of M-N characters, as in 3-5.", absent=None, unset="none"
    )
    subword_min_count: int = option(
        MIN_COUNT, "N-grams of fewer words have no vector.", absent=MIN_COUNT, min=1, panel="Data", advanced=True
    )
    subword_dropout: float = option(
        DROPOUT, "Fraction of words' n-grams left out in training.", absent=DROPOUT, min=0, below=1, advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.subwords is not None:
            parse_lengths(self.subwords)
            return
        for name, default in {"subword_min_count": MIN_COUNT, "subword_dropout": DROPOUT}.items():
            if getattr(self, name) != default:
                raise ArgumentError(
                    f"{name} is {getattr(self, name)}, but without subwords there are no n-grams. Give subwords, too."
                )


def fit_subwords(config: SubwordConfig, level: str, words: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """Fit the vocabulary of n-grams, if any are wanted; return it as preprocessing, with notes for the user.

    Args:
        config: the model config.
        level: what the steps are.
        words: all distinct words of the training part, also those that its vocabulary leaves out.

    Raises:
        ArgumentError: the steps are not words.
        DataError: no n-gram occurs in enough words.
    """
    if config.subwords is None:
        return {}, []
    if level != "words":
        raise ArgumentError(
            f"subwords is {config.subwords!r}, but steps are {level}: only words have n-grams. Leave it out."
        )
    lengths, least = parse_lengths(config.subwords), config.subword_min_count
    counts = count_ngrams(words, lengths)
    entries = Vocabulary.of(counts, min_count=least).entries
    if len(entries) == 1:
        raise DataError(
            f"No n-gram of {config.subwords} characters occurs in {least} words of the training part: choose a lower "
            "--subword-min-count, or leave --subwords out."
        )
    note = (
        f"{len(entries) - 1:,} n-grams of {config.subwords} characters, of {len(counts):,} seen; words outside the "
        "vocabulary are read by their n-grams"
    )
    return {"subwords": entries}, [note]


def subwords_of(config: SubwordConfig, preprocessing: Preprocessing) -> Subwords | None:
    """Return the fitted n-grams; None if the model has none."""
    if config.subwords is None:
        return None
    return Subwords(preprocessing.vocabulary("subwords"), parse_lengths(config.subwords))


def encode_subwords(
    config: SubwordConfig, preprocessing: Preprocessing, words: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Encode the n-grams of an example's words outside the vocabulary: two columns; none if the model has no n-grams.

    Those of words in the vocabulary are in the model, which keeps each word's once.
    """
    found = subwords_of(config, preprocessing)
    if found is None:
        return {}
    known = preprocessing.vocabulary("words")
    return dict(zip((NGRAMS, COUNTS), found.ragged([None if it in known else it for it in words]), strict=True))


def subword_kinds(config: SubwordConfig, preprocessing: Preprocessing) -> dict[str, ColumnKind]:
    """Return what the columns of `encode_subwords` hold."""
    found = subwords_of(config, preprocessing)
    if found is None:
        return {}
    return {
        NGRAMS: ColumnKind("i8", below=len(found), lowest=1),
        COUNTS: ColumnKind("i8", length="inputs", counts=NGRAMS),
    }
