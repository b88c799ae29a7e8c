"""Tokenizers: characters, bytes, byte pairs or words as tokens."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import RunFolderError, TidegateError
from tidegate.io.files import field, read_json
from tidegate.io.wording import quoted
from tidegate.text.tokenizers.bpe import BPE, load_bpe
from tidegate.text.tokenizers.bytes import ByteTokenizer
from tidegate.text.tokenizers.characters import CharacterTokenizer
from tidegate.text.tokenizers.detokenize import Decoder, WordDecoder
from tidegate.text.tokenizers.unicode import Normalize
from tidegate.text.tokenizers.unknown import Unknown
from tidegate.text.tokenizers.words import WordTokenizer

__all__ = [
    "BPE",
    "ByteTokenizer",
    "CharacterTokenizer",
    "Decoder",
    "Tokenizer",
    "Unknown",
    "WordDecoder",
    "WordTokenizer",
    "load_tokenizer",
]


class Tokenizer(Protocol):
    """The protocol of the tokenizers: text to token ids and back.

    They are `CharacterTokenizer`, `ByteTokenizer`, `BPE` and `WordTokenizer`.

    Attributes:
        kind: "characters", "bytes", "bpe" or "words".
        name: name of a token: "character", "byte", "token" or "word", as in "nats per character".
    """

    kind: ClassVar[str]
    name: ClassVar[str]

    @property
    def vocabulary_size(self) -> int:
        """Size of the vocabulary."""
        ...

    @property
    def normalize(self) -> Normalize:
        """The normalisation of text before it is encoded."""
        ...

    def encode(self, text: str, tally: Counter[str] | None = None) -> NDArray[np.int64]:
        """Encode a text as token ids, shape (N,); ``tally`` counts the unknown that were replaced or dropped."""
        ...

    def encode_stream(self, blocks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[NDArray[np.int64]]:
        """Encode a text that comes in blocks, in constant memory; the same as `encode` of the whole text."""
        ...

    def decode(self, ids: ArrayLike) -> str:
        """Decode token ids, shape (N,)."""
        ...

    def unknown_note(self, tally: Counter[str]) -> str:
        """Describe in one line what `encode` counted as unknown; empty if there is nothing."""
        ...

    def decoder(self, after: str = "") -> Decoder | WordDecoder:
        """Return a decoder that takes one token at a time; words continue the text ``after`` with a blank."""
        ...

    def token_text(self, token: int) -> str:
        """Format one token for display."""
        ...

    def save(self, folder: str | Path) -> Path:
        """Write the vocabulary to a folder; return the path of the file."""
        ...


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """Load the tokenizer that `save` wrote to a folder.

    Args:
        folder: a run or corpus folder with ``vocabulary.json`` (characters, bytes, words) or ``tokenizer.json`` (BPE).

    Returns:
        The tokenizer.

    Raises:
        RunFolderError: neither file exists, or both do, or it is truncated, altered or of another program.
        MissingDependencyError: it is a BPE and the package `tokenizers` is not installed.
    """
    path, bpe_path = Path(folder, "vocabulary.json"), Path(folder, "tokenizer.json")
    if path.exists() and bpe_path.exists():
        raise RunFolderError(f"{folder} has both vocabulary.json and tokenizer.json: only one can be the run's.")
    if bpe_path.exists():
        return load_bpe(bpe_path)
    record = read_json(path, format="tidegate vocabulary", version=1)
    normalize, kind, size = record.get("normalize"), record.get("kind"), field(record, path, "size", int)
    try:
        if normalize not in (None, "NFC"):
            raise RunFolderError(f"{path}: 'normalize' should be null or \"NFC\", but is {normalize!r}.")
        if kind == "bytes":
            tokenizer = ByteTokenizer(normalize)
        elif kind == "characters":
            unknown: Unknown = record.get("unknown")  # type: ignore[assignment]
            tokenizer = CharacterTokenizer(field(record, path, "characters", str), unknown, normalize)
        elif kind == "words":
            tokenizer = _load_words(record, path, normalize)
        else:
            raise RunFolderError(f'{path}: \'kind\' should be "characters", "bytes" or "words", but is {quoted(kind)}.')
    except RunFolderError:
        raise
    except TidegateError as error:
        raise RunFolderError(f"{path} was altered: {error}") from error
    if tokenizer.vocabulary_size != size:
        raise RunFolderError(
            f"{path} says it has {size} tokens, but has {tokenizer.vocabulary_size}: the file was altered."
        )
    return tokenizer


def _load_words(record: dict[str, Any], path: Path, normalize: Normalize) -> WordTokenizer:
    words, pattern = field(record, path, "words", list), record.get("pattern")
    if not all(isinstance(word, str) for word in words):
        raise RunFolderError(f"{path}: 'words' should be a list of words.")
    if not isinstance(pattern, str | None):
        raise RunFolderError(f"{path}: 'pattern' should be a regular expression or null, but is {quoted(pattern)}.")
    unknown: Unknown = record.get("unknown")  # type: ignore[assignment]
    return WordTokenizer(tuple(words), unknown, pattern, field(record, path, "lowercase", bool), normalize)
