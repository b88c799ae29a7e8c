"""What each built-in detector is in words, which properties are alike, and whose prediction each should help."""

from collections.abc import Mapping
from typing import NamedTuple


class Property(NamedTuple):
    """A detector in words.

    Attributes:
        title: a heading.
        words: ends "the unit is high ..." or "the unit rises ...".
        family: at most one highlight for each of these.
        concerns: the class of tokens whose prediction should suffer without a unit that tracks it. It is fixed here: of
            all classes one always suffers most.
        tokens: what they are called.
    """

    title: str
    words: str
    family: str
    concerns: str
    tokens: str


CHARACTERS: Mapping[str, Property] = {
    "quote": Property("Quotes", "inside quotes", "quote", "closing quotes", "closing quotes"),
    "string": Property("Strings", "inside strings", "quote", "closing quotes", "closing quotes"),
    "docstring": Property("Docstrings", "inside docstrings", "docstring", "inside quotes", "characters inside quotes"),
    "bracket": Property("Brackets", "inside brackets", "bracket", "closing brackets", "closing brackets"),
    "depth": Property(
        "Depth of brackets", "with the number of open brackets", "bracket", "closing brackets", "closing brackets"
    ),
    "comment": Property("Comments", "inside comments", "comment", "newline", "newlines"),
    "position": Property("Position in the line", "with the length of the line so far", "line", "newline", "newlines"),
    "newline": Property("Beginnings of lines", "at the beginning of a line", "line", "blanks", "blanks"),
    "indentation": Property("Indentation", "with the indentation of the line", "indentation", "blanks", "blanks"),
    "indented": Property("Indented lines", "in indented lines", "indentation", "blanks", "blanks"),
    "word": Property("Position in the word", "with the length of the word so far", "word", "letters", "letters"),
    "digit": Property("Digits", "after a digit", "digit", "digits", "digits"),
    "capital": Property("Capital letters", "before a capital letter", "capital", "letters", "letters"),
}
WORDS: Mapping[str, Property] = {
    "quote": Property("Quotes", "inside quotes", "quote", "inside quotes", "words inside quotes"),
    "bracket": Property("Brackets", "inside brackets", "bracket", "inside brackets", "words inside brackets"),
    "depth": Property(
        "Depth of brackets", "with the number of open brackets", "bracket", "inside brackets", "words inside brackets"
    ),
    "position": Property(
        "Position in the line", "with the number of words in the line so far", "line", "line ends", "ends of lines"
    ),
    "sentence": Property(
        "Position in the sentence",
        "with the number of words in the sentence so far",
        "sentence",
        "punctuation",
        "punctuation marks",
    ),
    "line end": Property("Ends of lines", "at the end of a line", "line", "capitals", "words with a capital letter"),
    "determiner": Property(
        "Determiners", "after a determiner such as “the”", "determiner", "after determiners", "words after a determiner"
    ),
    "after determiner": Property(
        "After determiners", "on the word after a determiner", "after", "words", "ordinary words"
    ),
    "number": Property("Numbers", "on numbers", "number", "words", "ordinary words"),
    "capital": Property(
        "Capital letters", "on words with a capital letter", "capital", "capitals", "capitalised words"
    ),
    "punctuation": Property("Punctuation", "on punctuation", "punctuation", "words", "ordinary words"),
    "unknown": Property("Unknown words", "on words outside the vocabulary", "unknown", "unknown", "unknown words"),
}


def property_of(detector: str, kind: str) -> Property:
    """Return a built-in detector in words; ``kind`` is that of the tokenizer."""
    return (WORDS if kind == "words" else CHARACTERS)[detector]
