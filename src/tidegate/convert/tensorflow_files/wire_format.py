"""Fields of a message of protocol buffers, from its bytes."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.errors import DataError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}
Value = int | memoryview


class MessageError(DataError):
    """Bytes are no message."""


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Iterate over the fields of a message: each one's number, and a whole number or bytes.

    Raises:
        MessageError: it is cut off, or no message.
    """
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(message, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = varint(message, at)
        elif wire in SIZES:
            size = SIZES[wire]
        else:
            raise MessageError(f"a field of the kind {wire} is not known")
        if size > len(message) - at:
            raise MessageError("a field is longer than what it is in")
        piece, at = message[at : at + size], at + size
        yield number, piece if wire == BYTES else int.from_bytes(piece, "little")


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return a whole number of variable length, up to 64 bits, and where it ends.

    Raises:
        MessageError: it does not end.
    """
    value = 0
    for n in range(10):
        if at + n >= len(data):
            break
        byte = data[at + n]
        value |= (byte & 127) << 7 * n
        if byte < 128:
            return value & (1 << 64) - 1, at + n + 1
    raise MessageError("a number does not end")


def number(value: Value) -> int:
    """Return a field that should be a whole number, which is signed.

    Raises:
        MessageError: it is none.
    """
    if not isinstance(value, int):
        raise MessageError("a field is no whole number")
    return value - (1 << 64) if value >> 63 else value


def content(value: Value) -> memoryview:
    """Return a field that should be bytes.

    Raises:
        MessageError: it is none.
    """
    if isinstance(value, int):
        raise MessageError("a field is a whole number")
    return value


def text(value: Value) -> str:
    """Return a field that should be text.

    Raises:
        MessageError: it is none.
    """
    return bytes(content(value)).decode("utf-8", "replace")
