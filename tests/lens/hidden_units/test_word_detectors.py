"""Detectors and classes of words: what each says of a small text, word by word."""

import numpy as np
import pytest

from tidegate.lens import effect, find_cells, set_to
from tidegate.lens.hidden_units.character_classes import members
from tidegate.lens.hidden_units.detectors import DETECTORS, per_token
from tidegate.lens.hidden_units.word_detectors import WORD_CLASSES, WORD_DETECTORS, detectors_of
from tidegate.lens.record.reading import pieces_of, read
from tidegate.text import CharacterTokenizer, LanguageModel, LanguageModelConfig, WordTokenizer

TEXT = "He said `` The old <unk> ( a dog ) ran 3 miles . '' Why ?\nIn 1989 its end ."
TOKENIZER = WordTokenizer.train([TEXT * 2])
PIECES = pieces_of(TOKENIZER, TOKENIZER.encode(TEXT))


def words_where(detector: str) -> list[str]:
    values = per_token(WORD_DETECTORS[detector], PIECES)
    return [piece.strip(" ") for piece, value in zip(PIECES, values, strict=True) if value == 1]


@pytest.mark.parametrize(
    ("detector", "expected"),
    [
        ("determiner", ["The", "a", "its"]),
        ("after determiner", ["old", "dog", "end"]),
        ("number", ["3", "1989"]),
        ("capital", ["He", "The", "Why", "In"]),
        ("punctuation", ["``", "(", ")", ".", "''", "?", "."]),
        ("unknown", ["<unk>"]),
        ("line end", ["\n"]),
        ("bracket", ["(", "a", "dog"]),
        ("quote", ["``", "The", "old", "<unk>", "(", "a", "dog", ")", "ran", "3", "miles", "."]),
    ],
)
def test_a_detector_holds_at_these_words(detector: str, expected: list[str]):
    assert words_where(detector) == expected


def test_positions_are_counted_in_words():
    counts = {name: per_token(WORD_DETECTORS[name], PIECES).tolist() for name in ("position", "sentence")}
    assert counts["position"] == [*range(1, 18), 0, 1, 2, 3, 4, 5]
    assert counts["sentence"] == [*range(1, 14), 0, 1, 2, 0, 0, 1, 2, 3, 4, 0]


def test_every_word_is_in_one_of_the_main_classes():
    main = ("words", "numbers", "punctuation", "unknown", "line ends")
    found = np.stack([members(WORD_CLASSES[name], name, PIECES) for name in main])
    np.testing.assert_array_equal(found.sum(0), 1)


def test_models_of_words_are_searched_for_words():
    assert detectors_of(TOKENIZER) is WORD_DETECTORS
    assert detectors_of(CharacterTokenizer("ab")) is DETECTORS
    model = LanguageModel(LanguageModelConfig(TOKENIZER.vocabulary_size, hidden_size=4, embedding_size=3))
    ids = TOKENIZER.encode(f"{TEXT}\n" * 20)
    found = find_cells(model, TOKENIZER, ids, twins=1, shifts=1)
    assert {"determiner", "sentence", "unknown"} <= set(found.found)
    changed = effect(model, TOKENIZER, ids[:200], set_to(0, "h", 1, 0.5), controls=1)
    assert changed.prediction_name == "word"
    assert changed.classes["unknown"].count == (ids[:200] == TOKENIZER.encode("<unk>")[0]).sum()
    assert read(model, TOKENIZER, TEXT).text == TEXT
