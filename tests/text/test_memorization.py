import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.errors import ArgumentError
from tidegate.text import longest_copy
from tidegate.text.corpus.memorization import _hashes

ids = st.lists(st.integers(0, 2), max_size=40)


def oracle(text: list[int], corpus: list[int]) -> tuple[int, int, int]:
    best = (0, 0, 0)
    for j in range(len(corpus)):
        for i in range(len(text)):
            length = 0
            while i + length < len(text) and j + length < len(corpus) and text[i + length] == corpus[j + length]:
                length += 1
            if length > best[0]:
                best = (length, i, j)
    return best


@given(ids, ids, st.integers(1, 50))
@example([], [], 1)
@example([0], [], 1)
@example([1], [0, 0, 1], 1)
@example([0, 1, 0, 1, 1], [1, 1, 0, 1], 2)
def test_agrees_with_trying_everything(text: list[int], corpus: list[int], chunk: int) -> None:
    assert longest_copy(text, np.array(corpus, np.uint8), chunk=chunk) == oracle(text, corpus)


def test_a_planted_copy_is_found_across_chunks() -> None:
    rng = np.random.default_rng(0)
    corpus = rng.integers(0, 60_000, 50_000).astype(np.uint16)
    text = rng.integers(0, 60_000, 2000)
    text[700:1500] = corpus[30_100:30_900]
    text[1500] = (int(corpus[30_900]) + 1) % 60_000
    text[699] = (int(corpus[30_099]) + 1) % 60_000
    for chunk in (100, 30_500, 1 << 20):
        assert longest_copy(text, corpus, chunk=chunk) == (800, 700, 30_100)
    assert longest_copy(corpus, corpus) == (50_000, 0, 0)


def test_thue_morse_which_defeats_the_hash_does_not_defeat_the_answer() -> None:
    """Polynomial hashes modulo 2**64 of a Thue-Morse word and its complement are equal from length 2048 on."""
    word = np.array([0], np.uint8)
    while len(word) < 2048:
        word = np.concatenate([word, 1 - word])
    assert _hashes(word.astype(np.int64), 2048) == _hashes(1 - word.astype(np.int64), 2048)
    corpus = np.concatenate([1 - word, [2], word[:-1]]).astype(np.uint8)
    length, in_text, in_corpus = longest_copy(word, corpus)
    assert (length, in_text, in_corpus) == (2047, 0, 2049)
    assert np.array_equal(word[:2047], corpus[2049:])


def test_ties_go_to_the_first() -> None:
    assert longest_copy([1, 2, 9, 3, 4], np.array([3, 4, 0, 1, 2])) == (2, 3, 0)
    assert longest_copy([1, 2, 9, 1, 2], np.array([0, 1, 2])) == (2, 0, 1)
    assert longest_copy([5], np.array([1, 2, 3])) == (0, 0, 0)


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match=r"shape \(N,\)"):
        longest_copy([[1]], np.array([1]))
    with pytest.raises(ArgumentError, match="which is 0"):
        longest_copy([1], np.array([1]), chunk=0)
