"""Readings side by side, against sums by hand and models read separately."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens import read
from tidegate.lens.predictions.compare import characters, compare, known_letters
from tidegate.lens.record.reading import Reading
from tidegate.lens.record.trace import Trace
from tidegate.text import ByteTokenizer, CharacterTokenizer
from tidegate.text.model import LanguageModel, LanguageModelConfig


def reading_of(pieces: list[str], log_p: list[float], right: list[bool] | None = None) -> Reading:
    """As a model of some units might have read; what it guessed was unit 0, or 1 where it was wrong."""
    count = len(pieces)
    guesses = np.zeros((count, 5), np.int64)
    guesses[:, 0] = 0 if right is None else ~np.array(right)
    trace = Trace({(0, 0): {"h": np.zeros((count, 1))}})
    guessed = np.zeros((count, 5), np.float32)
    ids, surprises = np.zeros(count, np.int64), np.array(log_p, np.float32)
    return Reading(ids, tuple(pieces), surprises, guesses, guessed, trace, Counter())


def model_of(size: int, seed: int) -> LanguageModel:
    torch.manual_seed(seed)
    return LanguageModel(LanguageModelConfig(size, hidden_size=5), backend="reference").eval()


def test_a_tokens_log_p_is_spread_and_a_characters_bytes_are_added_up() -> None:
    tokens = reading_of(["ab", "", "ä", "cde"], [-3.0, -1.0, -0.5, -0.75])
    np.testing.assert_allclose(characters(tokens), [-1.5, -1.5, -1.5, -0.25, -0.25, -0.25])
    begun = reading_of(["a", "b", ""], [-1, -2, -4])  # the last character is not whole
    np.testing.assert_allclose(characters(begun), [-1, -6])


@pytest.mark.parametrize("seed", range(3))
def test_the_total_is_that_of_the_tokens(seed: int) -> None:
    draw = np.random.default_rng(seed)
    pieces = ["x" * int(n) for n in draw.integers(0, 8, 300)] + ["x"]
    reading = reading_of(pieces, (-draw.exponential(size=301)).tolist())
    assert math.fsum(characters(reading)) == pytest.approx(math.fsum(reading.log_p.tolist()), rel=1e-14)
    assert len(characters(reading)) == len(reading.text)


def test_characters_and_bytes_of_real_models() -> None:
    text = "ab\näba ä" * 9
    by_character = read(model_of(5, 0), CharacterTokenizer("\n abä"), text)
    by_byte = read(model_of(256, 1), ByteTokenizer(), text)
    found = compare({"characters": by_character, "bytes": by_byte})
    assert found.text == text
    assert found.log_p.shape == (2, len(text))
    np.testing.assert_array_equal(found.log_p[0], by_character.log_p)
    at = [k for k, it in enumerate(text) if it == "ä"][1]
    before = len(text[:at].encode())
    assert found.log_p[1, at] == pytest.approx(by_byte.log_p[before : before + 2].sum(dtype=np.float64))
    assert found.losses["bytes"] == pytest.approx(by_byte.loss * len(by_byte) / len(text))
    np.testing.assert_allclose(found.difference[1], found.log_p[1] - found.log_p[0])
    assert not found.difference[0].any()


def test_spans_are_where_the_difference_is_largest() -> None:
    rows = np.full((3, 63), -1.0)
    rows[1, 10:13] += 0.5  # better by 1.5
    rows[1, 40:43] -= 2  # worse by 6
    rows[2, 41:44] += 1  # better by 3
    made = {name: reading_of(["x"] * 63, row.tolist()) for name, row in zip("abc", rows, strict=True)}
    found = compare(made, spans=3, width=3).spans
    assert [(it.name, it.start, it.stop, it.difference) for it in found] == [
        ("b", 40, 43, -6),
        ("c", 41, 44, 3),
        ("b", 10, 13, 1.5),
    ]
    assert compare(made, spans=50, width=99).spans[0].text == "x" * 63
    assert compare({"a": made["a"], "d": made["a"]}).spans == ()
    draw = np.random.default_rng(0)
    some = -draw.exponential(size=63)
    other = some.copy()
    other[:9] -= draw.exponential(size=9)
    two = {"a": reading_of(["x"] * 63, some.tolist()), "b": reading_of(["x"] * 63, other.tolist())}
    assert all(it.start < 9 for it in compare(two, spans=99, width=3).spans)


def brute_spans(difference: NDArray[np.float64], width: int) -> list[tuple[int, float]]:
    sums = {k: difference[k : k + width].sum() for k in range(len(difference) - width + 1)}
    kept: list[int] = []
    for k in sorted(sums, key=lambda it: -abs(sums[it])):
        if all(abs(k - other) >= width for other in kept):
            kept.append(k)
    return [(k, sums[k]) for k in kept]


@pytest.mark.parametrize("width", [1, 5, 20])
def test_spans_of_one_reading_are_picked_as_by_hand(width: int) -> None:
    draw = np.random.default_rng(width)
    a, b = (reading_of(["x"] * 63, (-draw.exponential(size=63)).tolist()) for _ in range(2))
    found = compare({"a": a, "b": b}, spans=99, width=width)
    expected = brute_spans(found.difference[1], width)
    assert [it.start for it in found.spans] == [it[0] for it in expected]
    np.testing.assert_allclose([it.difference for it in found.spans], [it[1] for it in expected], rtol=1e-9, atol=1e-9)


def test_known_letters_by_hand() -> None:
    text = "ab abc, ab_"
    right = [False, True, True, False, True, False, True, True, True, True, True]
    log_p = [-1.0, -2, -9, -3, -4, -5, -9, -9, -5, -6, -8]
    found = known_letters(reading_of(list(text), log_p, right), most=2)
    assert found.known.tolist() == [0, 1, 2]
    assert found.letters.tolist() == [3, 3, 2]
    np.testing.assert_allclose(found.right, [1 / 3, 1, 1 / 2])
    np.testing.assert_allclose(found.losses, [3, 4, 6.5])
    longer = known_letters(reading_of(list(text), log_p, right), most=3, pattern=r"\S+")
    assert longer.letters.tolist() == [3, 3, 2, 1]
    none = known_letters(reading_of(list("a b"), [-1.0] * 3, [True] * 3), most=1)
    assert none.letters.tolist() == [2, 0]
    assert np.isnan(none.right[1])


def test_a_letter_may_be_the_third_guess() -> None:
    reading = reading_of(list("abc ab"), [-1.0] * 6)
    place = [0, 2, 3, 0, 1, 4]  # of the actual token among the guesses
    guesses = np.array([[0 if k == at else k + 1 for k in range(5)] for at in place])
    found = known_letters(replace(reading, guesses=guesses), most=2)
    np.testing.assert_allclose(found.right, [1 / 2, 0, 0])
    np.testing.assert_allclose(found.among_three, [1, 1 / 2, 0])


def test_a_letter_of_two_bytes_is_right_if_both_are() -> None:
    pieces, right = ["", "ä", "", "ä", "b"], [True, True, True, False, True]
    found = known_letters(reading_of(pieces, [-1.0] * 5, right), most=2)
    np.testing.assert_allclose(found.right, [1, 0, 1])
    np.testing.assert_allclose(found.losses, [2, 2, 1])


def test_readings_that_cannot_be_compared_raise() -> None:
    a, b = reading_of(["a", "b", "c"], [-1.0] * 3), reading_of(["a", "x", "c"], [-1.0] * 3)
    more: dict[str, Any] = dict.fromkeys("abcde", a)
    with pytest.raises(ArgumentError, match="at character 1 one read 'bc', the other 'xc'"):
        compare({"a": a, "b": b})
    with pytest.raises(ArgumentError, match="at character 2 one read 'c', the other ''"):
        compare({"a": a, "b": reading_of(["ab"], [-1.0])})
    for readings in ({"a": a}, more):
        with pytest.raises(ArgumentError, match="2 to 4"):
            compare(readings)
    with pytest.raises(ArgumentError, match="width=0"):
        compare({"a": a, "b": a}, width=0)
    with pytest.raises(ArgumentError, match="longer than a character"):
        known_letters(reading_of(["a", "bc"], [-1.0] * 2))
    with pytest.raises(ArgumentError, match="no whole character"):
        characters(reading_of(["", ""], [-1.0] * 2))
