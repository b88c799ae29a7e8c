"""Bytes as tokens."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import UnknownTokenError
from tidegate.io.files import write_json
from tidegate.text.tokenizers.detokenize import Decoder, check_id, check_ids, shown
from tidegate.text.tokenizers.unicode import Normalize, normalize_text

PIECES = [bytes([value]) for value in range(256)]


@dataclass(frozen=True)
class ByteTokenizer:
    """Each of the 256 bytes is a token, so no text is unknown.

    Attributes:
        normalize: "NFC" to compose the text before it is encoded, or None.
    """

    kind: ClassVar[str] = "bytes"
    name: ClassVar[str] = "byte"

    normalize: Normalize = None

    @property
    def vocabulary_size(self) -> int:
        """Size of the vocabulary: 256."""
        return len(PIECES)

    def encode(self, text: str, tally: Counter[str] | None = None) -> NDArray[np.int64]:
        """Encode a text as UTF-8 bytes, shape (N,).

        Args:
            text: the text; it is normalised first if the tokenizer does so.
            tally: not changed: no character is unknown.

        Raises:
            UnknownTokenError: the string has a lone surrogate, which UTF-8 cannot write.
        """
        return np.frombuffer(utf8(normalize_text(text, self.normalize)), np.uint8).astype(np.int64)

    def encode_stream(self, blocks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[NDArray[np.int64]]:
        """Encode a text that comes in blocks, in constant memory; the same as `encode` of the whole text."""
        return (self.encode(block, tally) for block in blocks)

    def decode(self, ids: ArrayLike) -> str:
        """Decode token ids, shape (N,); bytes that are not UTF-8 become U+FFFD.

        Raises:
            UnknownTokenError: a number is not a byte.
        """
        return check_ids(ids, self.vocabulary_size).astype(np.uint8).tobytes().decode("utf-8", "replace")

    def unknown_note(self, tally: Counter[str]) -> str:
        """Return nothing: no text is unknown."""
        return ""

    def decoder(self, after: str = "") -> Decoder:
        """Return a decoder that takes one token at a time and returns whole characters."""
        return Decoder(PIECES)

    def token_text(self, token: int) -> str:
        r"""Format one token for display: the ASCII character, or an escape such as ``\xe2``."""
        check_id(token, self.vocabulary_size)
        return shown(PIECES[token])

    def save(self, folder: str | Path) -> Path:
        """Write ``vocabulary.json`` into a folder and return its path."""
        path = Path(folder, "vocabulary.json")
        record = {
            "format": "tidegate vocabulary",
            "version": 1,
            "kind": self.kind,
            "size": self.vocabulary_size,
            "normalize": self.normalize,
        }
        write_json(path, record)
        return path


def utf8(text: str) -> bytes:
    """A text's UTF-8 bytes.

    Raises:
        UnknownTokenError: the string has a lone surrogate.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnknownTokenError(
            f"The text has the lone surrogate U+{ord(text[error.start]):04X} at character {error.start:,}, which is "
            "not a character (often a byte that was not UTF-8, read by mistake): leave it out."
        ) from None
