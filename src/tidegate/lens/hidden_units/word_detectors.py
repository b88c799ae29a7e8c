"""Detectors and classes of words, for language models whose tokens are words.

The text is that of a word model: words and punctuation between single blanks, each line's end a newline.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tidegate.lens.hidden_units.character_classes import CHARACTER_CLASSES, CharacterClass, within
from tidegate.lens.hidden_units.detectors import DETECTORS, Detector, pattern
from tidegate.lens.hidden_units.text_structure import bracket_depth, in_quotes
from tidegate.text import Tokenizer
from tidegate.text.tokenizers.words import UNKNOWN

TOKEN = re.compile(r"\S+")
DETERMINERS = re.compile(
    "a|an|the|this|that|these|those|my|your|his|her|its|our|their|every|each|no|some|any", re.IGNORECASE
)
SENTENCE_END = re.compile(r"[.!?]+")


def detectors_of(tokenizer: Tokenizer) -> Mapping[str, Detector]:
    """Return the built-in detectors for a model's tokens."""
    return WORD_DETECTORS if tokenizer.kind == "words" else DETECTORS


def classes_of(tokenizer: Tokenizer) -> Mapping[str, CharacterClass]:
    """Return the classes by which the predictions of a model's tokens are broken down."""
    return WORD_CLASSES if tokenizer.kind == "words" else CHARACTER_CLASSES


def _quoted(text: str) -> NDArray[np.bool_]:
    # The Penn Treebank's quotes are `` and ''.
    return in_quotes(text.replace("``", ' "').replace("''", '" '))


def _words_since(text: str, sentences: bool) -> NDArray[np.int64]:
    """Count the words since the line began, or since the sentence did; at the mark that ends it the count is 0."""
    counts = np.zeros(len(text), np.int64)
    count, at = 0, 0
    for match in re.finditer(r"\n|\S+", text):
        counts[at : match.start()] = count
        at, word = match.start(), match[0]
        ends = word == "\n" or (sentences and SENTENCE_END.fullmatch(word) is not None)
        count = 0 if ends else count + 1
    counts[at:] = count
    return counts


def _kind(word: str) -> str:
    if not any(map(str.isalnum, word)):
        return "punctuation"
    return "number" if word[0].isdigit() else "word"


def _word(name: str, test: Callable[[str, str], bool]) -> Detector:
    """Return a yes/no detector: a word was just read that passes a test of it and the word before it."""

    def of(text: str) -> NDArray[np.bool_]:
        found = np.zeros(len(text), bool)
        before = ""
        for match in TOKEN.finditer(text):
            found[match.start() : match.end()] = test(match[0], before)
            before = match[0]
        return found

    return Detector(name, "yes/no", of)


WORD_DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        it.name: it
        for it in (
            Detector("quote", "yes/no", _quoted),
            Detector("bracket", "yes/no", lambda text: bracket_depth(text) > 0),
            Detector("depth", "count", bracket_depth),
            Detector("position", "count", lambda text: _words_since(text, sentences=False)),
            Detector("sentence", "count", lambda text: _words_since(text, sentences=True)),
            pattern("line end", r"\n"),
            _word("determiner", lambda word, _: DETERMINERS.fullmatch(word) is not None),
            _word(
                "after determiner", lambda word, before: DETERMINERS.fullmatch(before) is not None and word[0].isalnum()
            ),
            _word("number", lambda word, _: _kind(word) == "number"),
            _word("capital", lambda word, _: word[0].isupper()),
            _word("punctuation", lambda word, _: _kind(word) == "punctuation"),
            _word("unknown", lambda word, _: word == UNKNOWN),
        )
    }
)
"""The built-in detectors of words by name; each says what has just been read.

* quote, bracket, depth: as for characters (`DETECTORS`), also between the Penn Treebank's quotes.
* position: words since the line began (count). sentence: words since the sentence began, which ends at a mark of
  . ! or ? by itself, or with the line (count).
* line end: the line has just ended.
* determiner: the word is one, such as the, a, this, my. after determiner: the word before it was one, so that it is
  most often a noun or an adjective.
* number, capital: the word begins with a digit, or with a capital letter. punctuation: it has no letter or digit.
* unknown: the word is <unk>.
"""


WORD_CLASSES: Mapping[str, CharacterClass] = MappingProxyType(
    {
        "words": _word("words", lambda word, _: word != UNKNOWN and _kind(word) == "word"),
        "numbers": _word("numbers", lambda word, _: _kind(word) == "number"),
        "punctuation": WORD_DETECTORS["punctuation"],
        "unknown": WORD_DETECTORS["unknown"],
        "line ends": WORD_DETECTORS["line end"],
        "determiners": WORD_DETECTORS["determiner"],
        "after determiners": WORD_DETECTORS["after determiner"],
        "capitals": WORD_DETECTORS["capital"],
        "inside quotes": Detector("inside quotes", "yes/no", lambda text: within(_quoted(text))),
        "inside brackets": CHARACTER_CLASSES["inside brackets"],
    }
)
"""Classes of words by name. Every token is in one of: words, numbers, punctuation, unknown, line ends; the others
overlap with them."""
