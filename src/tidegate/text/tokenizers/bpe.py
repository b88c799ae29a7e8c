"""Byte-level byte-pair encoding (Sennrich et al. 2016; on bytes: Radford et al. 2019), by the `tokenizers` package."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, DataError, RunFolderError
from tidegate.io.files import field, read_json, replacing
from tidegate.io.optional import needed
from tidegate.text.tokenizers.bytes import utf8
from tidegate.text.tokenizers.detokenize import Decoder, check_id, check_ids, shown
from tidegate.text.tokenizers.unicode import Normalize, normalize_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LONGEST_PIECE = 1 << 16


@dataclass(frozen=True, eq=False)
class BPE:
    """A token is a frequent run of bytes, built by merging the most frequent pair of tokens again and again.

    All 256 bytes are tokens too, so no text is unknown. The text is first split into words as in GPT-2, and no token
    crosses a border of words.

    Attributes:
        vocabulary: the id of every token, which is written with one printable character per byte, as in GPT-2.
        merges: pairs of tokens to merge, in order.
        normalize: "NFC" to compose the text before it is encoded, or None.
    """

    kind: ClassVar[str] = "bpe"
    name: ClassVar[str] = "token"

    vocabulary: dict[str, int]
    merges: list[tuple[str, str]]
    normalize: Normalize = None

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if sorted(self.vocabulary.values()) != list(range(len(self.vocabulary))):
            raise DataError("The tokens of a vocabulary must be numbered 0, 1, 2, ... without gap or repetition.")
        letters = byte_letters()
        if any(not token or not set(token) <= letters.keys() for token in self.vocabulary):
            raise DataError("The vocabulary has a token that is not written in the byte-level alphabet.")
        if not letters.keys() <= self.vocabulary.keys():
            raise DataError("The vocabulary lacks some of the 256 single bytes.")
        for left, right in self.merges:
            if not {left, right, left + right} <= self.vocabulary.keys():
                raise DataError(f"The merge of {left!r} and {right!r} uses a token outside the vocabulary.")
        _ = self._tokenizer

    @classmethod
    def train(cls, blocks: Iterable[str], vocabulary_size: int, *, normalize: Normalize = None) -> "BPE":
        """Train on a text that comes in blocks.

        Args:
            blocks: the text, already normalised if ``normalize`` is given.
            vocabulary_size: number of tokens, at least 256; a short text may yield fewer.
            normalize: as for the class.

        Returns:
            The tokenizer.

        Raises:
            ArgumentError: ``vocabulary_size`` is under 256.
            MissingDependencyError: the package `tokenizers` is not installed.
        """
        if vocabulary_size < 256:
            raise ArgumentError(f"vocabulary_size is {vocabulary_size}, but must be at least 256, one for each byte.")
        bytewise = _import_tokenizers()
        tokenizer = _byte_level(bytewise.models.BPE())
        trainer = bytewise.trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            initial_alphabet=sorted(byte_letters()),
            special_tokens=[],
            show_progress=False,
        )
        tokenizer.train_from_iterator(cut_at_words(blocks), trainer)
        model = json.loads(tokenizer.to_str())["model"]
        return cls(model["vocab"], [(left, right) for left, right in model["merges"]], normalize)

    @property
    def vocabulary_size(self) -> int:
        """Size of the vocabulary."""
        return len(self.vocabulary)

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        bytewise = _import_tokenizers()
        tokenizer = _byte_level(bytewise.models.BPE(vocab=self.vocabulary, merges=self.merges))
        if self.normalize:
            tokenizer.normalizer = bytewise.normalizers.NFC()
        return tokenizer

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of each token."""
        letters = byte_letters()
        ordered = sorted(self.vocabulary, key=self.vocabulary.__getitem__)
        return [bytes(letters[letter] for letter in token) for token in ordered]

    def encode(self, text: str, tally: Counter[str] | None = None) -> NDArray[np.int64]:
        """Encode a text as token ids, shape (N,).

        Args:
            text: the text; it is normalised first if the tokenizer does so.
            tally: not changed: no character is unknown.

        Raises:
            UnknownTokenError: the string has a lone surrogate, which UTF-8 cannot write.
        """
        parts = list(self.encode_stream([normalize_text(text, self.normalize)], tally))
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def encode_stream(self, blocks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[NDArray[np.int64]]:
        """Encode a text that comes in blocks, in constant memory; the same as `encode` of the whole text.

        The text is cut between words, which no token crosses. Only in a run of over 65,536 characters without a space
        or newline does the result depend on where the blocks end.
        """
        for piece in cut_at_words(blocks):
            utf8(piece)
            yield np.array(self._tokenizer.encode(piece).ids, np.int64)

    def decode(self, ids: ArrayLike) -> str:
        """Decode token ids, shape (N,); bytes that are not UTF-8 become U+FFFD.

        Raises:
            UnknownTokenError: a number is outside the vocabulary.
        """
        chosen = check_ids(ids, self.vocabulary_size).tolist()
        return b"".join([self.pieces[token] for token in chosen]).decode("utf-8", "replace")

    def unknown_note(self, tally: Counter[str]) -> str:
        """Return nothing: no text is unknown."""
        return ""

    def decoder(self, after: str = "") -> Decoder:
        """Return a decoder that takes one token at a time and returns whole characters."""
        return Decoder(self.pieces)

    def token_text(self, token: int) -> str:
        r"""Format one token for display; bytes that are no whole character are escaped, as ``\xe2``."""
        check_id(token, self.vocabulary_size)
        return shown(self.pieces[token])

    def save(self, folder: str | Path) -> Path:
        """Write ``tokenizer.json`` (the format of `tokenizers`) into a folder and return its path."""
        path = Path(folder, "tokenizer.json")
        with replacing(path) as file:
            file.write(self._tokenizer.to_str(pretty=True).encode())
        return path


def load_bpe(path: Path) -> BPE:
    """Read a ``tokenizer.json`` that `BPE.save` wrote.

    Only its vocabulary, merges and normaliser are used.

    Args:
        path: the file.

    Returns:
        The tokenizer.

    Raises:
        RunFolderError: it is missing, truncated, altered, or not a byte-level BPE.
    """
    record = read_json(path, version="1.0", added_tokens=[])
    model = field(record, path, "model", dict)
    words = field(record, path, "pre_tokenizer", dict)
    normalizer = record.get("normalizer")
    if (
        model.get("type") != "BPE"
        or (words.get("type"), words.get("add_prefix_space"), words.get("use_regex")) != ("ByteLevel", False, True)
        or normalizer not in (None, {"type": "NFC"})
    ):
        raise RunFolderError(f"{path} is not a byte-level BPE as Tidegate writes it: make the run again.")
    vocabulary = field(model, path, "vocab", dict)
    merges = field(model, path, "merges", list)
    if any(type(number) is not int for number in vocabulary.values()):
        raise RunFolderError(f"{path}: the vocabulary should number each token with a whole number.")
    if any(not isinstance(m, list) or list(map(type, m)) != [str, str] for m in merges):
        raise RunFolderError(f"{path}: each merge should be two tokens.")
    try:
        return BPE(vocabulary, [(left, right) for left, right in merges], "NFC" if normalizer else None)
    except DataError as error:
        raise RunFolderError(f"{path} was altered: {error}") from error


def cut_at_words(blocks: Iterable[str]) -> Iterator[str]:
    """Cut a text that comes in blocks where a word ends, so that each piece is tokenised as in the whole text.

    GPT-2's pattern always begins a new word at a space or newline that follows something else.
    """
    held = ""
    for block in blocks:
        text = held + block
        start = 0
        while len(text) - start > LONGEST_PIECE:
            cut = _last_word_end(text, start, start + LONGEST_PIECE) or start + LONGEST_PIECE
            yield text[start:cut]
            start = cut
        held = text[start:]
    if held:
        yield held


def _last_word_end(text: str, start: int, stop: int) -> int:
    """Find the last index in (start, stop] of a space or newline that follows neither; 0 if there is none."""
    while stop > start:
        stop = max(text.rfind(" ", start + 1, stop + 1), text.rfind("\n", start + 1, stop + 1))
        if stop > start and not text[stop - 1].isspace():
            return stop
        stop -= 1
    return 0


def byte_letters() -> dict[str, int]:
    """GPT-2's printable character for each byte: its own if it has one in Latin-1, else one from U+0100 on."""
    own = {chr(b): b for b in (*range(33, 127), *range(161, 173), *range(174, 256))}
    rest = sorted(set(range(256)) - set(own.values()))
    return own | {chr(256 + i): byte for i, byte in enumerate(rest)}


def _byte_level(model: Any) -> "Tokenizer":
    tokenizers = _import_tokenizers()
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


def _import_tokenizers() -> Any:
    return needed("tokenizers", "Byte-pair encoding needs")
