"""Character n-grams of words, which also words outside a vocabulary have (Bojanowski et al. 2017).

The n-grams of a word are the distinct ones of ``<word>``: of *where*, those of 3 characters are ``<wh``, ``whe``,
``her``, ``ere`` and ``re>``. So the word *her* has ``<he`` and ``er>``, which *where* lacks.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import ArgumentError
from tidegate.io.wording import quoted

LONGEST = 20  # characters


def parse_lengths(text: str) -> range:
    """Parse ``3-5``, the lengths of n-grams in characters, or ``4`` for one length.

    Raises:
        ArgumentError: it is neither, or not from 1 to 20 characters.
    """
    found = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", text.strip())
    shortest, longest = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= shortest <= longest <= LONGEST:
        raise ArgumentError(
            f"subwords is {quoted(text, 40)}, but must be the shortest and the longest n-grams, in characters (1 to "
            f"{LONGEST}), as in 3-5."
        )
    return range(shortest, longest + 1)


def ngrams(word: str, lengths: range) -> list[str]:
    """Return the distinct n-grams of ``<word>``; neither bracket is one by itself."""
    marked = f"<{word}>"
    found = (marked[at : at + n] for n in lengths if n > 1 for at in range(len(marked) - n + 1))
    return list(dict.fromkeys([*(word if 1 in lengths else ""), *found]))


def count_ngrams(words: Iterable[str], lengths: range) -> Counter[str]:
    """Count the words in which each n-gram occurs."""
    return Counter(ngram for word in words for ngram in ngrams(word, lengths))


class Subwords:
    """The n-grams of words as numbers.

    Args:
        vocabulary: the n-grams; the first entry stands for all others, which are left out of words.
        lengths: of n-grams, in characters.
    """

    def __init__(self, vocabulary: Vocabulary, lengths: range) -> None:
        self.vocabulary, self.lengths = vocabulary, lengths

    def __len__(self) -> int:
        return len(self.vocabulary)

    def ids(self, word: str) -> list[int]:
        """Return the ids of the known n-grams of a word."""
        return [n for n in map(self.vocabulary.number, ngrams(word, self.lengths)) if n != self.vocabulary.unknown]

    def ragged(self, words: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the n-grams of words, in a row, and the number of those of each word: (sum of counts,) and (W,).

        Args:
            words: words; None has no n-grams.
        """
        found = [[] if word is None else self.ids(word) for word in words]
        counts = np.fromiter(map(len, found), np.int64, len(found))
        return np.fromiter((n for own in found for n in own), np.int64, counts.sum()), counts
