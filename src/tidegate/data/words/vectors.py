"""Pretrained word vectors: those of the training part's words, and of further words that only the file knows."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.data.frames import single_precision
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.data.words.vector_files import WordVector, read_word_vectors
from tidegate.errors import DataError
from tidegate.io.wording import quoted

LONGEST_WORD = 1000  # characters


class WordVectors(NamedTuple):
    """Vectors for a vocabulary.

    Attributes:
        table: (V + X, E) float32, of the vocabulary's words and of X further ones.
        found: number of the vocabulary's words that the file has.
        further: the X words that only the file knows.
    """

    table: NDArray[np.float32]
    found: int
    further: list[str]


def read_vectors(path: Path, words: Vocabulary, size: int, *, further: int = 0, lowercase: bool = False) -> WordVectors:
    """Read the vectors of some words; words that the file lacks get small random vectors.

    A word is looked up unchanged, else in lower case; where words are converted to lower case, then those of the file
    are, too. The first of several vectors counts.

    Args:
        path: the file, see `tidegate.data.words.vector_files.read_word_vectors`.
        words: the vocabulary.
        size: E, the length of a vector.
        further: how many words to take that are only in the file: its first ones.
        lowercase: whether words are converted to lower case.

    Raises:
        DataError: the file is malformed, its vectors have another size or numbers that are not finite; or it has none
            of the words.
        EncodingError: a text file is not UTF-8.
    """
    table = np.random.default_rng(0).normal(0, 0.1, (len(words), size)).astype(np.float32)
    wanted: dict[str, list[int]] = {}
    for number, word in enumerate(words.entries):
        for form in dict.fromkeys((word, word.lower())):
            wanted.setdefault(form, []).append(number)
    exactness: dict[int, int] = {}  # of the words found: 2 unchanged, 1 in lower case, 0 if the file's is converted
    more: dict[str, NDArray[np.float32]] = {}
    for entry in read_word_vectors(path, size):
        folded = entry.word.lower() if lowercase else entry.word
        known = wanted.get(entry.word)
        for n in known or wanted.get(folded, ()):
            exact = 0 if not known else 1 + (words[n] == entry.word)
            if exact > exactness.get(n, -1):
                table[n], exactness[n] = _checked(entry), exact
        new = folded not in wanted and folded not in more and folded != UNKNOWN and 0 < len(folded) <= LONGEST_WORD
        if new and len(more) < further:
            more[folded] = _checked(entry)
    if not exactness:
        raise DataError(f"{path} has a vector for none of the {len(words):,} words of the training part.")
    return WordVectors(np.concatenate([table, *(it[None] for it in more.values())]), len(exactness), list(more))


def _checked(entry: WordVector) -> NDArray[np.float32]:
    found = single_precision(entry.numbers())
    if not np.isfinite(found).all():
        raise DataError(f"{entry.where}: the vector of {quoted(entry.word, 40)} holds nan or inf: leave the line out.")
    return found
