"""Decode tokens to text incrementally: whole characters, or words and the blanks between them."""

import codecs
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import UnknownTokenError


class Decoder:
    """Decode tokens one at a time, holding back the bytes of a character until it is complete.

    Bytes that belong to no character become U+FFFD, as in ``bytes.decode(errors="replace")``: what `push` and
    `flush` return, joined, is the text of all tokens.

    Args:
        pieces: the UTF-8 bytes of every token; a token may be part of a character, or several.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """Add one token.

        Args:
            token: its id.

        Returns:
            The characters that are now complete: often one, sometimes none or several.

        Raises:
            UnknownTokenError: no token has that id.
        """
        check_id(token, len(self._pieces))
        return self._decoder.decode(self._pieces[token])

    def flush(self) -> str:
        """End the text: incomplete characters are returned as U+FFFD."""
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text


class WordDecoder:
    """Decode words one at a time: a blank before each word that does not begin a line.

    Args:
        pieces: the text of every token; "\\n" ends a line.
        after: the text that the words continue.
    """

    def __init__(self, pieces: Sequence[str], after: str = "") -> None:
        self._pieces = pieces
        self._apart = bool(after) and not after[-1].isspace()

    def push(self, token: int) -> str:
        """Add one token; return its word, and the blank before it.

        Raises:
            UnknownTokenError: no token has that id.
        """
        check_id(token, len(self._pieces))
        piece = self._pieces[token]
        blank = " " if self._apart and piece != "\n" else ""
        self._apart = piece != "\n"
        return blank + piece

    def flush(self) -> str:
        """End the text: nothing is held back."""
        return ""


def check_id(token: int, size: int) -> None:
    """Refuse a token id outside the vocabulary."""
    if not 0 <= token < size:
        raise UnknownTokenError(f"Token {token} is not in the vocabulary, whose {size} tokens are 0 to {size - 1}.")


def check_ids(ids: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return token ids as an array; refuse ids outside the vocabulary.

    Args:
        ids: whole numbers, shape (N,).
        size: the vocabulary's size.

    Returns:
        The same, shape (N,), as int64.

    Raises:
        UnknownTokenError: a number is negative, or ``size`` or more, or not whole.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UnknownTokenError(
            f"Token ids should be whole numbers of shape (N,), but are {array.dtype} of shape {array.shape}."
        )
    for token in (int(array.min()), int(array.max())):
        check_id(token, size)
    return array.astype(np.int64)


def shown(piece: bytes) -> str:
    r"""Format a token's bytes for a table or a chart: what cannot be printed is escaped, as ``\n`` or ``\xe2``."""
    text = piece.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
