"""Pretrained word vectors from a text file, in the format of GloVe and word2vec."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.data.frames import single_precision
from tidegate.data.lines import read_lines
from tidegate.data.tables.cell_values import NUMBER
from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import DataError

HEADER = re.compile(r"[0-9]+ [0-9]+")


def read_vectors(path: Path, words: Vocabulary, size: int) -> tuple[NDArray[np.float32], int]:
    """Read the vectors of some words; words that the file lacks get small random vectors.

    Each line is a word and ``size`` numbers, separated by single spaces; a first line of two whole numbers (word2vec)
    is skipped. A word may contain spaces, as some of GloVe's do, unless a number follows them. Words are looked up
    unchanged, else in lower case.

    Args:
        path: the file.
        words: the vocabulary.
        size: E, the length of a vector.

    Returns:
        (V, E), and the number of words found.

    Raises:
        DataError: a line has another number of numbers, or one that is not finite; or no word was found.
        EncodingError: the file is not UTF-8.
    """
    table = np.random.default_rng(0).normal(0, 0.1, (len(words), size)).astype(np.float32)
    wanted: dict[str, list[int]] = {}
    for number, word in enumerate(words.entries):
        for form in dict.fromkeys((word, word.lower())):
            wanted.setdefault(form, []).append(number)
    exact: set[int] = set()
    found: set[int] = set()
    for index, (where, line) in enumerate(read_lines(path)):
        if index == 0 and HEADER.fullmatch(line.rstrip(" ")):
            continue
        word, *numbers = line.rstrip(" ").rsplit(" ", size)
        while numbers and not NUMBER.fullmatch(numbers[0]):  # too few numbers: this belongs to the word
            word = f"{word} {numbers.pop(0)}"
        count = len(numbers)
        while " " in word and NUMBER.fullmatch(word.rpartition(" ")[2]):  # too many numbers
            word, count = word.rpartition(" ")[0], count + 1
        if count != size:
            raise DataError(
                f"{where}: {word!r:.40} is followed by {count} numbers, but the embedding has {size}: choose "
                f"--embedding-size {count}, or another file."
            )
        for n in wanted.get(word, ()):
            if n in exact:
                continue
            if not all(map(NUMBER.fullmatch, numbers)):
                raise DataError(f"{where}: {word!r:.40} is not followed by numbers only.")
            table[n] = single_precision(np.array(numbers, np.float64))
            if not np.isfinite(table[n]).all():
                raise DataError(f"{where}: the vector of {word!r:.40} holds nan or inf: leave the line out.")
            found.add(n)
            if words[n] == word:
                exact.add(n)
    if not found:
        raise DataError(f"{path} has a vector for none of the {len(words):,} words of the training part.")
    return table, len(found)
