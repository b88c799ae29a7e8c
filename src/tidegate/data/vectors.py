"""Word vectors from a text file, as GloVe and word2vec write them."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.data.rows import read_lines
from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import DataError

HEADER = re.compile(r"\d+ \d+")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)


def read_vectors(path: Path, words: Vocabulary, size: int) -> tuple[NDArray[np.float32], int]:
    """The vectors of the words that a file has, and small random ones for the others.

    Each line is a word and ``size`` numbers, divided by single spaces; a first line of two whole numbers (word2vec) is
    passed over. A word may hold spaces, as some of GloVe's do, unless what follows them is a number. It is taken as it
    stands, else in small letters.

    Args:
        path: the file.
        words: for which words.
        size: E, how many numbers a vector must have.

    Returns:
        (V, E), and for how many words there was a vector.

    Raises:
        DataError: a line has another number of numbers, or something that is no finite number; or no word was found.
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
        while numbers and not NUMBER.fullmatch(numbers[0]):  # too few of them, so that this belongs to the word
            word = f"{word} {numbers.pop(0)}"
        count = len(numbers)
        while " " in word and NUMBER.fullmatch(word.rpartition(" ")[2]):  # more numbers than there should be
            word, count = word.rpartition(" ")[0], count + 1
        if count != size:
            raise DataError(
                f"{where}: {word!r:.40} is followed by {count} numbers, but the embedding has {size}: choose "
                f"--embedding-size {count}, or another file."
            )
        for n in wanted.get(word, ()):
            if n in exact:
                continue
            try:
                table[n] = np.array(numbers, np.float32)
            except ValueError:
                raise DataError(f"{where}: not all that follows {word!r:.40} are numbers.") from None
            if not np.isfinite(table[n]).all():
                raise DataError(f"{where}: the vector of {word!r:.40} holds nan or inf: leave the line out.")
            found.add(n)
            if words[n] == word:
                exact.add(n)
    if not found:
        raise DataError(f"{path} has a vector for none of the {len(words):,} words of the training part.")
    return table, len(found)
