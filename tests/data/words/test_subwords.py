"""Character n-grams of words, beside scikit-learn's and the paper's example."""

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.subwords import Subwords, count_ngrams, ngrams, parse_lengths
from tidegate.errors import ArgumentError

WORDS = ["where", "banana", "ananas", "a", "être", "ﷺ", "x" * 30, "e\u0301te", "👍🏽", "<", "unk"]


def test_the_papers_example() -> None:
    """Bojanowski et al. 2017, section 3.2."""
    assert ngrams("where", range(3, 4)) == ["<wh", "whe", "her", "ere", "re>"]
    assert "her" not in ngrams("her", range(4, 7))
    assert "<her>" in ngrams("her", range(3, 7))


@pytest.mark.parametrize("lengths", [(3, 5), (2, 2), (2, 9)], ids=str)
@pytest.mark.parametrize("least", [1, 2])
def test_ngrams_and_their_counts_are_scikit_learns(lengths: tuple[int, int], least: int) -> None:
    found = CountVectorizer(analyzer="char", ngram_range=lengths, lowercase=False, min_df=least)
    matrix: Any = found.fit_transform([f"<{word}>" for word in WORDS])
    counts = (matrix.toarray() > 0).sum(0)
    expected = dict(zip(found.get_feature_names_out(), counts, strict=True))
    own = count_ngrams(WORDS, range(lengths[0], lengths[1] + 1))
    assert {ngram: count for ngram, count in own.items() if count >= least} == expected


def test_single_characters_are_those_of_the_word() -> None:
    assert ngrams("aba", range(1, 3)) == ["a", "b", "<a", "ab", "ba", "a>"]
    assert ngrams("<", range(1, 2)) == ["<"]


def test_ids_are_those_of_known_ngrams_also_of_one_that_looks_like_the_unknown_one() -> None:
    subwords = Subwords(Vocabulary.of({"<unk>": 2, "unk": 1, "ban": 4}), range(3, 6))
    assert subwords.vocabulary.entries == ["<unk>", "ban", "<unk>", "unk"]
    values, counts = subwords.ragged(["unk", None, "xyz", "banks", ""])
    np.testing.assert_array_equal(values, [3, 2, 1])
    np.testing.assert_array_equal(counts, [2, 0, 0, 1, 0])
    assert values.dtype == counts.dtype == np.int64
    assert Subwords(Vocabulary.of({"ban": 4}), range(3, 6)).ids("unk") == []


@pytest.mark.parametrize(("text", "lengths"), [("3-5", range(3, 6)), ("4", range(4, 5)), (" 1-20 ", range(1, 21))])
def test_lengths_are_read(text: str, lengths: range) -> None:
    assert parse_lengths(text) == lengths


@pytest.mark.parametrize("text", ["", "5-3", "0-3", "3-21", "3-", "3–5", "3,5", "a", "-3", "3-5-7", "٣-٥"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"subwords is '.*', but must be the shortest and the longest n-grams"):
        parse_lengths(text)
