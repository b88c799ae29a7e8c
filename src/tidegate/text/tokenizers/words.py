"""Words as tokens."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, DataError
from tidegate.io.files import write_json
from tidegate.io.optional import needed
from tidegate.io.wording import quoted
from tidegate.text.tokenizers import unknown as unknown_tokens
from tidegate.text.tokenizers.detokenize import WordDecoder, check_id, check_ids, shown
from tidegate.text.tokenizers.unicode import Normalize, normalize_text
from tidegate.text.tokenizers.unknown import Unknown

UNKNOWN, END = "<unk>", "<eos>"
LONGEST_WORD = 1 << 16
SECONDS = 10.0  # for the words of one block: a pattern may take exponential time, also one from a run folder
BLANK = re.compile(r"\s")


@dataclass(frozen=True, eq=False)
class WordTokenizer:
    r"""Each word of the vocabulary is a token; so is the end of a line, `<eos>`.

    By default a word is what stands between blanks (``str.split``), as in the files of the Penn Treebank and of
    WikiText, whose punctuation stands apart. The words `<unk>` and `<eos>` of such a file are these tokens themselves.

    Attributes:
        words: the vocabulary, the most frequent word first; the id of a word is its index.
        unknown: what to do with a word outside it: "replace" reads it as `<unk>`, which must then be in the vocabulary;
            "error" raises an error that names the words; "drop" leaves it out.
        pattern: a regular expression whose matches are the words, such as ``\w+|[^\w\s]``, by the package `regex`.
            Default: what stands between blanks.
        lowercase: whether words are read in lower case.
        normalize: "NFC" to compose the text before it is encoded, or None.

    Raises:
        DataError: the vocabulary is empty, has a word twice, or an empty word or one with a blank.
        ArgumentError: ``unknown`` is something else, or is "replace" without `<unk>`; or the pattern is none.
    """

    kind: ClassVar[str] = "words"
    name: ClassVar[str] = "word"

    words: Sequence[str]
    unknown: Unknown = "replace"
    pattern: str | None = None
    lowercase: bool = False
    normalize: Normalize = None

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if not self.words:
            raise DataError("The vocabulary is empty: give a text with at least one word.")
        if len(self._ids) < len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise DataError(f"The vocabulary has {quoted(twice)} twice: each word may occur once.")
        for word in self.words:
            _check_word(word)
        if self.unknown not in get_args(Unknown):
            raise ArgumentError(f"unknown is {self.unknown!r}, but must be 'error', 'replace' or 'drop'.")
        if self.unknown == "replace" and UNKNOWN not in self._ids:
            raise ArgumentError(f"unknown='replace' needs {UNKNOWN} in the vocabulary: add it.")
        if self.pattern is not None:
            _compiled(self.pattern)

    @classmethod
    def train(
        cls,
        blocks: Iterable[str],
        *,
        vocabulary_size: int | None = None,
        min_count: int = 1,
        unknown: Unknown = "replace",
        end_of_line: bool = True,
        pattern: str | None = None,
        lowercase: bool = False,
        normalize: Normalize = None,
    ) -> "WordTokenizer":
        """Choose the vocabulary: the most frequent words of a text that comes in blocks.

        Args:
            blocks: the text, already normalised if ``normalize`` is given.
            vocabulary_size: number of tokens, `<unk>` and `<eos>` included. Default: all words.
            min_count: rarer words are unknown.
            unknown: as for the class; with "replace", `<unk>` is added to the vocabulary.
            end_of_line: whether the end of a line is a token, `<eos>`; else lines run on.
            pattern: as for the class.
            lowercase: as for the class.
            normalize: as for the class.

        Returns:
            The tokenizer.

        Raises:
            ArgumentError: a number is out of range; or rare words are to be left out and ``unknown`` is "error", so
                that the text itself would be refused.
            DataError: no word is left, or a word is too long.
        """
        if min_count < 1:
            raise ArgumentError(f"min_count is {min_count}, but must be at least 1.")
        if unknown == "error" and (min_count > 1 or vocabulary_size is not None):
            raise ArgumentError(
                "min_count and vocabulary_size make rare words unknown, and unknown='error' would then refuse the text "
                "itself: choose unknown='replace' or unknown='drop'."
            )
        counts: Counter[str] = Counter()
        split = _splitter(pattern, lowercase, end_of_line)
        for text in cut_at_blanks(blocks):
            counts.update(split(text))
        for word in counts:
            _check_word(word)
        if not end_of_line:
            counts.pop(END, None)
        always = {UNKNOWN} if unknown == "replace" else set()
        always |= {END} if end_of_line else set()
        if vocabulary_size is not None and vocabulary_size <= len(always):
            raise ArgumentError(
                f"vocabulary_size is {vocabulary_size}, but must be over {len(always)}: it includes "
                f"{' and '.join(sorted(always))}."
            )
        ordered = sorted(counts.items(), key=lambda it: (-it[1], it[0]))
        kept = [word for word, count in ordered if count >= min_count and word not in always]
        if not kept:
            raise DataError(f"No word occurs {min_count} times or more, so the vocabulary would be empty.")
        if vocabulary_size is not None:
            kept = kept[: vocabulary_size - len(always)]
        # The most frequent first, also <unk>: adaptive softmax and readers of the file rely on the order.
        if UNKNOWN in always:
            known = sum(counts[word] for word in kept) + (counts[END] if end_of_line else 0)
            counts[UNKNOWN] = counts.total() - known
        return cls(
            tuple(sorted([*kept, *always], key=lambda word: (-counts[word], word))),
            unknown,
            pattern,
            lowercase,
            normalize,
        )

    @property
    def vocabulary_size(self) -> int:
        """Size of the vocabulary."""
        return len(self.words)

    @property
    def end_of_line(self) -> bool:
        """Whether the end of a line is a token."""
        return END in self._ids

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def _split(self) -> Callable[[str], list[str]]:
        return _splitter(self.pattern, self.lowercase, self.end_of_line)

    def encode(self, text: str, tally: Counter[str] | None = None) -> NDArray[np.int64]:
        """Encode a text as token ids.

        Args:
            text: the text; it is normalised first if the tokenizer does so.
            tally: counts each word that was read as `<unk>` or dropped.

        Returns:
            Token ids, shape (N,).

        Raises:
            UnknownTokenError: ``unknown`` is "error" and there are unknown words; the message names them.
        """
        words = self._split(normalize_text(text, self.normalize))
        ids = np.fromiter((self._ids.get(word, -1) for word in words), np.int64, len(words))
        return unknown_tokens.known_ids(
            ids,
            lambda missing: Counter(words[place] for place in np.flatnonzero(missing).tolist()),
            self.unknown,
            self._ids.get(UNKNOWN, -1),
            tally,
            lambda found: unknown_tokens.refusal(found, len(words), self.vocabulary_size, self.name, name_word),
        )

    def encode_stream(self, blocks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[NDArray[np.int64]]:
        """Encode a text that comes in blocks, in constant memory; the same as `encode` of the whole text.

        Raises:
            DataError: a word has over 65,536 characters.
        """
        return (self.encode(block, tally) for block in cut_at_blanks(blocks))

    def unknown_note(self, tally: Counter[str]) -> str:
        """Describe the words that `encode` counted as unknown; empty if there are none."""
        done = f"read as {UNKNOWN}" if self.unknown == "replace" else "dropped"
        return unknown_tokens.note(tally, self.name, done, name_word)

    def decode(self, ids: ArrayLike) -> str:
        """Decode token ids, shape (N,): words joined by single blanks, `<eos>` as a newline.

        Raises:
            UnknownTokenError: a number is outside the vocabulary.
        """
        decoder = self.decoder()
        return "".join([decoder.push(token) for token in check_ids(ids, self.vocabulary_size).tolist()])

    def decoder(self, after: str = "") -> WordDecoder:
        """Return a decoder that takes one token at a time; ``after`` is the text that its words continue."""
        return WordDecoder(self._pieces, after)

    @cached_property
    def _pieces(self) -> list[str]:
        return ["\n" if word == END else word for word in self.words]

    def token_text(self, token: int) -> str:
        """Format one token for display: the word."""
        check_id(token, self.vocabulary_size)
        return shown(self.words[token].encode("utf-8", "surrogatepass"))

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
            "pattern": self.pattern,
            "lowercase": self.lowercase,
            "words": list(self.words),
        }
        write_json(path, record)
        return path


def name_word(word: str) -> str:
    """A word for a message: quoted, and not too long."""
    return quoted(word, 40)


def cut_at_blanks(blocks: Iterable[str]) -> Iterator[str]:
    """Cut a text that comes in blocks at line ends, or where there are none at blanks.

    Raises:
        DataError: a word has over 65,536 characters: the text has no blanks between its words.
    """
    held = ""
    for block in blocks:
        text = held + block
        cut = text.rfind("\n") + 1 or _last_blank(text) + 1
        if cut:
            yield text[:cut]
        held = text[cut:]
        if len(held) > LONGEST_WORD and len(held) - _last_blank(held) > LONGEST_WORD:
            raise DataError(
                f"There are over {LONGEST_WORD:,} characters without a blank, from {held[:20]!r} on: words are found "
                "between blanks. For a text that has none, choose --tokenizer characters or bpe."
            )
    if held:
        yield held


def _last_blank(text: str) -> int:
    return next((at for at in range(len(text) - 1, -1, -1) if text[at].isspace()), -1)


def _check_word(word: str) -> None:
    if not word or BLANK.search(word):
        raise DataError(
            f"{quoted(word)} is not a word: a word has at least one character, and no blank. Choose another pattern of "
            "words, such as \\w+|[^\\w\\s]."
        )


def _splitter(pattern: str | None, lowercase: bool, end_of_line: bool) -> Callable[[str], list[str]]:
    """Return a function that splits a text into words, and the ends of its lines."""

    def split(text: str) -> list[str]:
        text = text.lower() if lowercase else text
        if pattern is None:
            return (text.replace("\n", f" {END} ") if end_of_line else text).split()
        if not end_of_line:
            return _matches(pattern, text)
        words: list[str] = []
        for n, line in enumerate(text.split("\n")):
            words += [END] * (n > 0)
            words += _matches(pattern, line)
        return words

    return split


def _matches(pattern: str, text: str) -> list[str]:
    try:
        return [match[0] for match in _compiled(pattern).finditer(text, timeout=SECONDS)]
    except TimeoutError as error:
        raise DataError(
            f"The pattern of words {quoted(pattern)} took over {SECONDS:.0f} s on {len(text):,} characters: choose one "
            "with fewer ways to match, such as \\w+|[^\\w\\s]."
        ) from error


@lru_cache(maxsize=8)
def _compiled(pattern: str) -> Any:
    regex = needed("regex", "A pattern of words needs")
    try:
        return regex.compile(f"{UNKNOWN}|{pattern}")  # so that a text with <unk> can be read again
    except regex.error as error:
        raise ArgumentError(f"The pattern of words {quoted(pattern)} is no regular expression: {error}.") from error
