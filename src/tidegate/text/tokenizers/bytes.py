"""Bytes as units."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import UnknownUnitError
from tidegate.io.files import write_json
from tidegate.text.tokenizers.detokenize import Decoder, check_unit, check_units, shown
from tidegate.text.tokenizers.unicode import Normalize, normalize_text

PIECES = [bytes([value]) for value in range(256)]


@dataclass(frozen=True)
class ByteTokenizer:
    """Each of the 256 bytes is a unit, so no text is ever unknown.

    Attributes:
        normalize: "NFC" to compose the text before it is encoded, or None.
    """

    kind: ClassVar[str] = "bytes"
    name: ClassVar[str] = "byte"

    normalize: Normalize = None

    @property
    def vocabulary_size(self) -> int:
        """How many units there are: 256."""
        return len(PIECES)

    def encode(self, text: str, tally: Counter[str] | None = None) -> NDArray[np.int64]:
        """The UTF-8 bytes of a text, shape (N,).

        Args:
            text: the text; it is normalised first if these units ask for it.
            tally: left as it is, for no character is unknown.

        Raises:
            UnknownUnitError: the string has a lone surrogate, which UTF-8 cannot write.
        """
        return np.frombuffer(utf8(normalize_text(text, self.normalize)), np.uint8).astype(np.int64)

    def encode_stream(self, blocks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[NDArray[np.int64]]:
        """The units of a text that comes in blocks, in constant memory; as `encode` of the whole text."""
        return (self.encode(block, tally) for block in blocks)

    def decode(self, units: ArrayLike) -> str:
        """The text of some units, shape (N,); bytes that are not UTF-8 become U+FFFD.

        Raises:
            UnknownUnitError: a number is not a byte.
        """
        return check_units(units, self.vocabulary_size).astype(np.uint8).tobytes().decode("utf-8", "replace")

    def decoder(self) -> Decoder:
        """A decoder that is given one unit at a time and returns whole characters."""
        return Decoder(PIECES)

    def token_text(self, unit: int) -> str:
        r"""One unit for display: the ASCII character, or an escape such as ``\xe2``."""
        check_unit(unit, self.vocabulary_size)
        return shown(PIECES[unit])

    def save(self, folder: Path) -> Path:
        """Write ``vocabulary.json`` into a folder and return its path."""
        path = folder / "vocabulary.json"
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
        UnknownUnitError: the string has a lone surrogate.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnknownUnitError(
            f"The text has the lone surrogate U+{ord(text[error.start]):04X} at character {error.start:,}, which is "
            "not a character (often a byte that was not UTF-8, read by mistake): leave it out."
        ) from None
