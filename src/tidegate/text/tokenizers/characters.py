"""Characters (Unicode code points) as tokens."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, DataError
from tidegate.io.files import write_json
from tidegate.text.tokenizers import unknown as unknown_tokens
from tidegate.text.tokenizers.detokenize import Decoder, check_id, check_ids, shown
from tidegate.text.tokenizers.unicode import Normalize, normalize_text
from tidegate.text.tokenizers.unknown import Unknown

REPLACEMENT = "\ufffd"


@dataclass(frozen=True)
class CharacterTokenizer:
    """Each Unicode code point of the vocabulary is a token.

    Attributes:
        characters: the vocabulary; the id of a character is its index in this string.
        unknown: what to do with a character outside it: "error" raises an error that names the characters; "replace"
            replaces it by U+FFFD, which must then be in the vocabulary; "drop" leaves it out.
        normalize: "NFC" to compose the text before it is encoded, or None.

    Raises:
        DataError: the vocabulary is empty, or has a character twice, or a lone surrogate.
        ArgumentError: ``unknown`` is something else, or is "replace" without U+FFFD in the vocabulary.
    """

    kind: ClassVar[str] = "characters"
    name: ClassVar[str] = "character"

    characters: str
    unknown: Unknown = "error"
    normalize: Normalize = None

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if not self.characters:
            raise DataError("The vocabulary is empty: give a text with at least one character.")
        if len(set(self.characters)) < len(self.characters):
            twice = [c for c, count in Counter(self.characters).items() if count > 1]
            raise DataError(f"The vocabulary has {name_character(twice[0])} twice: each may occur once.")
        if any(0xD800 <= ord(c) <= 0xDFFF for c in self.characters):
            raise DataError("The vocabulary has a surrogate code point, which is not a character.")
        if self.unknown not in get_args(Unknown):
            raise ArgumentError(f"unknown is {self.unknown!r}, but must be 'error', 'replace' or 'drop'.")
        if self.unknown == "replace" and REPLACEMENT not in self.characters:
            raise ArgumentError("unknown='replace' needs U+FFFD in the vocabulary: add it.")

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        *,
        min_count: int = 1,
        unknown: Unknown = "error",
        normalize: Normalize = None,
    ) -> "CharacterTokenizer":
        """Choose the vocabulary: every character counted at least ``min_count`` times, in code point order.

        Args:
            counts: how often each character occurs in the corpus.
            min_count: rarer characters are unknown.
            unknown: as for the class; with "replace", U+FFFD is added to the vocabulary.
            normalize: as for the class.

        Returns:
            The tokenizer.

        Raises:
            ArgumentError: ``min_count`` is over 1 and ``unknown`` is "error", so that the corpus itself would be
                refused; or ``min_count`` is not positive.
            DataError: no character is left.
        """
        if min_count < 1:
            raise ArgumentError(f"min_count is {min_count}, but must be at least 1.")
        if min_count > 1 and unknown == "error":
            raise ArgumentError(
                f"min_count={min_count} makes rare characters unknown, and unknown='error' would then refuse the "
                "corpus itself: choose unknown='replace' or unknown='drop'."
            )
        kept = {character for character, count in counts.items() if count >= min_count}
        if not kept:
            raise DataError(f"No character occurs {min_count} times or more, so the vocabulary would be empty.")
        if unknown == "replace":
            kept.add(REPLACEMENT)
        return cls("".join(sorted(kept)), unknown, normalize)

    @property
    def vocabulary_size(self) -> int:
        """Size of the vocabulary."""
        return len(self.characters)

    @cached_property
    def _points(self) -> NDArray[np.uint32]:
        return code_points(self.characters)

    @cached_property
    def _pieces(self) -> list[bytes]:
        return [character.encode() for character in self.characters]

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        """Token id of each code point, -1 if there is none; the last entry is for all larger code points."""
        table = np.full(int(self._points.max()) + 2, -1, np.int64)
        table[self._points] = np.arange(self.vocabulary_size)
        return table

    def encode(self, text: str, tally: Counter[str] | None = None) -> NDArray[np.int64]:
        """Encode a text as token ids.

        Args:
            text: the text; it is normalised first if the tokenizer does so.
            tally: counts each character that was replaced or dropped.

        Returns:
            Token ids, shape (N,).

        Raises:
            UnknownTokenError: ``unknown`` is "error" and there are unknown characters; the message names them.
        """
        points = code_points(normalize_text(text, self.normalize))
        ids = self._table.take(points, mode="clip")

        def count(missing: NDArray[np.bool_]) -> Counter[str]:
            values, counts = np.unique(points[missing], return_counts=True)
            return Counter({chr(v): int(n) for v, n in zip(values.tolist(), counts, strict=True)})

        return unknown_tokens.known_ids(
            ids,
            count,
            self.unknown,
            int(self._table[ord(REPLACEMENT)]) if self.unknown == "replace" else -1,
            tally,
            lambda found: unknown_tokens.refusal(found, len(points), self.vocabulary_size, self.name, name_character),
        )

    def encode_stream(self, blocks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[NDArray[np.int64]]:
        """Encode a text that comes in blocks, in constant memory; the same as `encode` of the whole text."""
        return (self.encode(block, tally) for block in blocks)

    def decode(self, ids: ArrayLike) -> str:
        """Decode token ids, shape (N,).

        Raises:
            UnknownTokenError: a number is outside the vocabulary.
        """
        return self._points[check_ids(ids, self.vocabulary_size)].astype("<u4").tobytes().decode("utf-32-le")

    def unknown_note(self, tally: Counter[str]) -> str:
        """Describe the characters that `encode` counted as unknown; empty if there are none."""
        done = "replaced by U+FFFD" if self.unknown == "replace" else "dropped"
        return unknown_tokens.note(tally, self.name, done, name_character)

    def decoder(self, after: str = "") -> Decoder:
        """Return a decoder that takes one token at a time."""
        return Decoder(self._pieces)

    def token_text(self, token: int) -> str:
        """Format one token for display: the character, or its escape if it cannot be printed."""
        check_id(token, self.vocabulary_size)
        return shown(self._pieces[token])

    def save(self, folder: str | Path) -> Path:
        """Write ``vocabulary.json`` into a folder and return its path."""
        path = Path(folder, "vocabulary.json")
        record = {
            "format": "tidegate vocabulary",
            "version": 1,
            "kind": self.kind,
            "size": self.vocabulary_size,
            "unknown": self.unknown,
            "normalize": self.normalize,
            "characters": self.characters,
        }
        write_json(path, record)
        return path


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a string, shape (N,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32, copy=False)


def name_character(character: str) -> str:
    """A character for a message, such as ``'é' U+00E9``."""
    return f"{character!r} U+{ord(character):04X}"
