"""Errors peeled, on texts whose errors are known by hand."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from tidegate.errors import ArgumentError
from tidegate.lens.predictions.mistakes import Mistakes, mistakes
from tidegate.lens.record.reading import Reading
from tidegate.lens.record.trace import Trace
from tidegate.text import ByteTokenizer, CharacterTokenizer, Tokenizer, WordTokenizer

TOKENIZER = CharacterTokenizer("\n abcdefghijklmnopqrstuvwxyz.,'\"_(MJ")
NOTHING = np.zeros(0, np.int64)


def reading_of(tokenizer: Tokenizer, text: str, p: list[float]) -> Reading:
    """A reading in which the model gave each unit some probability."""
    ids = tokenizer.encode(text)
    decoder = tokenizer.decoder()
    count = len(ids)
    guesses, guessed = np.zeros((count, 5), np.int64), np.zeros((count, 5), np.float32)
    trace = Trace({(0, 0): {"h": np.zeros((count, 1))}})
    log_p = np.log(np.array(p, np.float32))
    return Reading(ids, tuple(map(decoder.push, ids.tolist())), log_p, guesses, guessed, trace, Counter())


def peeled(text: str, p: list[float] | float = 0.01, training: str = "", **options: Any) -> Mistakes:
    values = np.broadcast_to(p, len(text)).tolist()
    return mistakes(
        reading_of(TOKENIZER, text, values), TOKENIZER, TOKENIZER.encode(training) if training else NOTHING, **options
    )


def named(found: Mistakes) -> list[str]:
    return [found.classes[k] if k >= 0 else "" for k in found.which.tolist()]


def alone(**options: Any) -> dict[str, Any]:
    """None of the oracles that can be left out but these."""
    return dict(orders=0, memory=(), rare=(), boost=()) | options


def test_an_error_is_less_than_one_half() -> None:
    found = peeled("abcd", [0.49, 0.5, 0.51, 1.0])
    assert (found.which >= 0).tolist() == [True, False, False, False]
    assert found.errors == 1
    assert peeled("abcd", [0.49, 0.5, 0.51, 1.0], threshold=0.6, boost=()).errors == 3


def test_ngrams_remove_errors_that_some_order_predicts() -> None:
    # After a, the letter is known from the one before a only: trigrams know, bigrams do not. q was never seen.
    training = "".join(np.random.default_rng(0).choice(["xab", "yac", "zad"], 300))
    found = peeled("xabyacq", training=training, **alone(orders=9))
    assert found.order.tolist() == [0, 2, 3, 0, 2, 3, 0]
    assert [it == "n-gram" for it in named(found)] == [False, True, True, False, True, True, False]
    bigrams = peeled("xabyacq", training=training, **alone(orders=2))
    assert bigrams.order.tolist() == [0, 2, 0, 0, 2, 0, 0]
    assert peeled("xab", 0.9, training=training, orders=9).order.tolist() == [0, 0, 0]  # no error, no order


def test_memory_takes_the_rest_of_a_word_that_stood_there() -> None:
    text = "Mary and Mary, not Mary"
    found = peeled(text.replace("y,", "y "), **alone(memory=(9, 10, 50)))
    # "Mary" begins at 0, 9 and 19.
    assert named(found)[9:13] == ["word start", "memory 9", "memory 9", "memory 9"]
    assert named(found)[19:] == ["word start", "memory 10", "memory 10", "memory 10"]
    assert "memory" not in "".join(named(found)[:9])
    shorter = peeled(text.replace("y,", "y "), **alone(memory=(8,)))
    assert "memory 8" not in named(shorter)
    comma = peeled(text, **alone(memory=(50,)))
    assert named(comma)[10:13] == ["left"] * 3  # "Mary," is another word
    by_letters = peeled(text, **alone(memory=(50,), word=r"\w+"))
    assert named(by_letters)[10:13] == ["memory 50"] * 3


def test_rare_words_are_counted_in_the_training_text() -> None:
    training = "the cat the cat the the the ca cats"
    found = peeled("the cat xy", training=training, **alone(rare=(0, 2, 4)))
    assert named(found) == [
        "word start",
        "left",
        "left",
        "punctuation",
        *["rare 2"] * 3,
        "punctuation",
        *["rare 0"] * 2,
    ]
    few = peeled("the", training=training, **alone(rare=(1,)), max_train=13)  # "e the ca cats"
    assert named(few) == ["rare 1"] * 3
    assert few.note == f"counted on the last 13 of {len(training)} training tokens"
    assert found.note is None


def test_words_begin_after_blanks_and_punctuation_is_beside_other_than_letters() -> None:
    found = peeled("ab 'cd_e'\nf", **alone())
    assert named(found) == [
        "word start", "left", "punctuation", "word start", "punctuation", "left", "left", "left", "punctuation",
        "punctuation", "word start",
    ]  # fmt: skip


def test_boosts_remove_errors_by_the_models_probability() -> None:
    found = peeled("abcdef", [0.9, 0.45, 0.35, 0.4, 0.12, 0.05], **alone(boost=(0.4, 0.3, 0.1)))
    assert named(found) == ["", "boost 0.4", "boost 0.3", "boost 0.4", "boost 0.1", "left"]


def test_counts_add_up_and_the_remaining_share_falls_to_zero() -> None:
    draw = np.random.default_rng(0)
    text = "".join(draw.choice(list("ab c.d'\n"), 63))
    training = "".join(draw.choice(list("ab c.d'\n"), 500))
    found = peeled(text, draw.random(63).tolist(), training)
    assert found.classes == (
        "n-gram", "memory 100", "memory 500", "memory 1000", "memory 5000", "rare 0", "rare 5", "word start",
        "punctuation", "boost 0.4", "boost 0.3", "boost 0.2", "boost 0.1", "left",
    )  # fmt: skip
    assert tuple(found.removed) == found.classes
    assert sum(found.removed.values()) == found.errors == np.count_nonzero(found.which >= 0)
    shares = list(found.remaining.values())
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0
    assert shares[0] == pytest.approx((found.errors - found.removed["n-gram"]) / 63)
    assert len(named(found)) == 63


def test_the_bytes_of_a_character_are_in_its_word() -> None:
    tokenizer = ByteTokenizer()
    reading = reading_of(tokenizer, "aä aä", [0.01] * 7)
    found = mistakes(reading, tokenizer, NOTHING, **alone(memory=(5,)))
    assert named(found)[4:] == ["word start", "memory 5", "memory 5"]
    kept = (getattr(reading, it)[1:2] for it in ("log_p", "guesses", "guessed"))
    part = Reading(reading.ids[1:2], ("",), *kept, trace=reading.trace, unknown=Counter())
    with pytest.raises(ArgumentError, match="no whole character"):
        mistakes(part, tokenizer, NOTHING)


def test_errors_of_words_go_to_the_oracles_of_words() -> None:
    words = WordTokenizer.train(["the the the the , , , cat cat dog dog hen\n"])
    training = words.encode("the the the the , , , cat cat dog dog hen\n")
    text = "the hen , yak\ncat the cat dog hen hen"
    reading = reading_of(words, text, [0.01] * 11)
    found = mistakes(reading, words, training, **alone(frequent=(1, 2), memory=(1, 2, 8), rare=(0, 1)))
    assert named(found) == [
        "frequent 1", "rare 1", "punctuation", "unknown", "line end",
        "left", "frequent 1", "memory 2", "left", "memory 8", "memory 1",
    ]  # fmt: skip
    assert found.classes == (
        "line end", "punctuation", "unknown", "frequent 1", "frequent 2", "memory 1", "memory 2", "memory 8",
        "rare 0", "rare 1", "left",
    )  # fmt: skip
    some = mistakes(reading, words, training[-4:], **alone(frequent=(), rare=(0,)))  # "dog", "dog", "hen", "<eos>"
    assert [it == "rare 0" for it in named(some)] == [it in ("the", "cat") for it in text.replace("\n", " . ").split()]


def test_ngrams_of_words_are_those_of_their_ids() -> None:
    words = WordTokenizer.train(["a b c d x y z\n"])
    draw = np.random.default_rng(0).choice(["x a b", "y a c", "z a d"], 300)
    found = mistakes(
        reading_of(words, "x a b y a c", [0.01] * 6), words, words.encode(" ".join(draw)), **alone(orders=3)
    )
    assert found.order.tolist() == [0, 2, 3, 0, 2, 3]


def test_the_losses_of_all_classes_are_the_loss_of_the_errors() -> None:
    p = [0.9, 0.3, 0.6, 0.01, 0.2, 0.45]
    found = peeled("ab cd,", p)
    losses = -np.log(p)
    assert sum(found.nats.values()) == pytest.approx(losses[np.array(p) < 0.5].sum() / 6)
    for name, nats in found.nats.items():
        assert nats == pytest.approx(losses[[it == name for it in named(found)]].sum() / 6)


def test_invalid_arguments_raise() -> None:
    class Tokens:
        kind = "bpe"

    with pytest.raises(ArgumentError, match="subwords"):
        mistakes(reading_of(TOKENIZER, "ab", [0.1, 0.1]), Tokens(), NOTHING)  # type: ignore[arg-type]
    for option, part in [
        (dict(orders=21), "orders=21"),
        (dict(threshold=0.0), "threshold=0.0"),
        (dict(max_train=0), "max_train=0"),
        (dict(memory=(500, 100)), "memory=.*rising"),
        (dict(memory=(0,)), "none below 1"),
        (dict(rare=(1, 1)), "rare=.*rising"),
        (dict(frequent=(0,)), "frequent=.*none below 1"),
        (dict(boost=(0.3, 0.4)), "boost=.*falling"),
        (dict(boost=(0.6,)), "none above 0.5"),
        (dict(word="("), "not a regular expression"),
    ]:
        with pytest.raises(ArgumentError, match=part):
            peeled("ab", **option)
