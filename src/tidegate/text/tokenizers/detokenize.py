"""From units back to text: whole characters only, however the bytes are cut."""

import codecs
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import UnknownUnitError


class Decoder:
    """Turn units into text one at a time, holding back the bytes of a character until it is whole.

    Bytes that can belong to no character become U+FFFD, as in ``bytes.decode(errors="replace")``: what `push` and
    `flush` return, joined, is the text of all units at once.

    Args:
        pieces: the UTF-8 bytes of every unit; a unit may be a part of a character, or several.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, unit: int) -> str:
        """Add one unit.

        Args:
            unit: its number.

        Returns:
            The characters that are now complete: often one, sometimes none or several.

        Raises:
            UnknownUnitError: there is no unit of that number.
        """
        check_unit(unit, len(self._pieces))
        return self._decoder.decode(self._pieces[unit])

    def flush(self) -> str:
        """End the text: what is still held back can no longer become a character and is returned as U+FFFD."""
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text


def check_unit(unit: int, size: int) -> None:
    """Refuse a unit's number outside the vocabulary, negative ones too."""
    if not 0 <= unit < size:
        raise UnknownUnitError(f"Unit {unit} is not in the vocabulary, whose {size} units are 0 to {size - 1}.")


def check_units(units: ArrayLike, size: int) -> NDArray[np.int64]:
    """Tokenizer as an array, refused if one is outside the vocabulary.

    Args:
        units: whole numbers, shape (N,).
        size: the vocabulary's size.

    Returns:
        The same, shape (N,), as int64.

    Raises:
        UnknownUnitError: a number is negative, or ``size`` or more, or not whole.
    """
    array = np.asarray(units)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UnknownUnitError(
            f"Tokenizer should be whole numbers of shape (N,), but are {array.dtype} of shape {array.shape}."
        )
    for unit in (int(array.min()), int(array.max())):
        check_unit(unit, size)
    return array.astype(np.int64)


def shown(piece: bytes) -> str:
    r"""A unit's bytes for a table or a chart: what cannot be printed is escaped, as ``\n`` or ``\xe2``."""
    text = piece.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
