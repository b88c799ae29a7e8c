"""Altered copies of a file, as accidents and ill will make them; the same seed gives the same copy."""

import random
import re
from collections.abc import Sequence

BYTES = (0x00, 0x01, 0x0A, 0x0D, 0x20, 0x22, 0x2C, 0x7F, 0x80, 0xC3, 0xFE, 0xFF)
NUMBERS = (b"0", b"-1", b"-0", b"1e999", b"NaN", b"Infinity", b"2147483648", b"9223372036854775808", b"1" * 400)
PIECES = (
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\t",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"null",
    b"<unk>",
    b"# a = b",
    b"=",
)
NUMBER = re.compile(rb"\d+")


def mutated(whole: bytes, seed: int, pieces: Sequence[bytes] = PIECES) -> bytes:
    """Return ``whole`` after one to four random changes.

    Args:
        whole: the bytes of a valid file.
        seed: selects the changes.
        pieces: what may be put in besides single bytes.
    """
    draw = random.Random(seed)
    found = bytearray(whole)
    for _ in range(draw.randint(1, 4)):
        draw.choice(CHANGES)(found, draw, pieces)
    return bytes(found)


def _place(found: bytearray, draw: random.Random) -> slice:
    """A stretch of the file: short as a rule."""
    start = draw.randint(0, len(found))
    return slice(start, min(len(found), start + min(draw.choice((1, 2, 4, 8, 64, 1024)), len(found))))


def _flip(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    if found:
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)


def _replace(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    if found:
        found[draw.randrange(len(found))] = draw.choice(BYTES)


def _delete(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    del found[_place(found, draw)]


def _repeat(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    place = _place(found, draw)
    found[place] = found[place] * draw.choice((2, 3, 50))


def _move(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    place = _place(found, draw)
    taken = bytes(found[place])
    del found[place]
    start = draw.randint(0, len(found))
    found[start:start] = taken


def _insert(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    start = draw.randint(0, len(found))
    found[start:start] = draw.choice(pieces)


def _truncate(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    del found[draw.randint(0, len(found)) :]


def _number(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    there = list(NUMBER.finditer(found))
    if there:
        place = draw.choice(there)
        found[place.start() : place.end()] = draw.choice(NUMBERS)


def _binary_number(found: bytearray, draw: random.Random, pieces: Sequence[bytes]) -> None:
    """A length or an offset of a binary format, changed to the ends of its range."""
    width = draw.choice((2, 4, 8))
    start = draw.randint(0, max(0, len(found) - width))
    value = draw.choice(
        (0, 1, (1 << 8 * width) - 1, 1 << 8 * width - 1, (1 << 8 * width - 1) - 1, draw.randrange(1 << 16))
    )
    found[start : start + width] = value.to_bytes(width, draw.choice(("little", "big")))


CHANGES = (_flip, _flip, _replace, _delete, _repeat, _move, _insert, _truncate, _number, _binary_number)
