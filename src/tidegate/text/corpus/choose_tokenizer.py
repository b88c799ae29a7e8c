"""Make the tokenizer of a corpus from its text."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.text.tokenizers.bpe import BPE
from tidegate.text.tokenizers.bytes import ByteTokenizer
from tidegate.text.tokenizers.characters import CharacterTokenizer
from tidegate.text.tokenizers.tokenizer import Tokenizer
from tidegate.text.tokenizers.unicode import Normalize
from tidegate.text.tokenizers.unknown import Unknown
from tidegate.text.tokenizers.words import WordTokenizer

TokenizerKind = Literal["characters", "bytes", "bpe", "words"]
DEFAULT_TOKENS = 4096


@dataclass(frozen=True)
class TokenizerOptions:
    """What a tokenizer is made with; see `tidegate.text.prepare_corpus`."""

    normalize: Normalize = None
    unknown: Unknown | None = None
    min_count: int = 1
    vocabulary_size: int | None = None
    word_pattern: str | None = None
    lowercase: bool = False
    end_of_line: bool = True

    __repr__ = brief_repr


def choose_tokenizer(
    kind: TokenizerKind, options: TokenizerOptions, counts: Counter[str], training: Callable[[], Iterator[str]]
) -> Tokenizer:
    """Make a tokenizer from a text.

    Args:
        kind: "characters", "bytes", "bpe" or "words".
        options: its options.
        counts: how often each character occurs in the whole text.
        training: the training part, in blocks: BPE and words are learned from it alone.

    Raises:
        ArgumentError: an option is out of range, or of another kind of tokenizer.
        DataError: the vocabulary would be empty.
    """
    if kind not in ("characters", "bytes", "bpe", "words"):
        raise ArgumentError(f"tokenizer is {kind!r}, but must be 'characters', 'bytes', 'bpe' or 'words'.")
    _refuse_options_of_others(kind, options)
    if kind == "bytes":
        return ByteTokenizer(options.normalize)
    if kind == "bpe":
        size = DEFAULT_TOKENS if options.vocabulary_size is None else options.vocabulary_size
        return BPE.train(training(), size, normalize=options.normalize)
    if kind == "words":
        return WordTokenizer.train(
            training(),
            vocabulary_size=options.vocabulary_size,
            min_count=options.min_count,
            unknown=options.unknown or "replace",
            end_of_line=options.end_of_line,
            pattern=options.word_pattern,
            lowercase=options.lowercase,
            normalize=options.normalize,
        )
    return CharacterTokenizer.from_counts(
        counts, min_count=options.min_count, unknown=options.unknown or "error", normalize=options.normalize
    )


def _refuse_options_of_others(kind: TokenizerKind, options: TokenizerOptions) -> None:
    default = TokenizerOptions()
    if kind != "words":
        for name in ("word_pattern", "lowercase", "end_of_line"):
            if getattr(options, name) != getattr(default, name):
                raise ArgumentError(f"{name} is for tokenizer='words', but tokenizer is {kind!r}: leave it out.")
    if kind not in ("bpe", "words") and options.vocabulary_size is not None:
        raise ArgumentError(
            f"vocabulary_size is for tokenizer='bpe' or 'words', but tokenizer is {kind!r}: leave it out."
        )
    if kind not in ("characters", "words") and (options.min_count, options.unknown) != (1, None):
        raise ArgumentError(
            f"min_count and unknown are for tokenizer='characters' or 'words': with tokenizer={kind!r} nothing is "
            "unknown, so leave them out."
        )
