"""Entries of a table of keys in order, the format of LevelDB, in which checkpoints have their index."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.convert.tensorflow_files.crc32c import masked_crc32c
from tidegate.convert.tensorflow_files.wire_format import MessageError, varint

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER, TRAILER = 48, 5  # bytes: at the end of the file, and of each block
MOST, LONGEST = 1_000_000, 10_000  # entries; bytes of a key


def entries(table: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Iterate over the keys and values of a table.

    Raises:
        MessageError: it is cut off, altered, or compressed.
    """
    if len(table) < FOOTER or bytes(table[-8:]) != MAGIC:
        raise MessageError("it does not end as an index does: it is cut off, or no index of a checkpoint")
    footer = table[-FOOTER:]
    _, _, at = _place(footer, 0)
    start, size, _ = _place(footer, at)
    count = 0
    for _, value in _block(table, start, size):
        place = _place(value, 0)
        for key, entry in _block(table, *place[:2]):
            count += 1
            if count > MOST:
                raise MessageError(f"there are more than {MOST:,} entries")
            yield key, entry


def _place(data: memoryview, at: int) -> tuple[int, int, int]:
    """Return where a block begins, its size, and where that ends."""
    start, at = varint(data, at)
    size, at = varint(data, at)
    return start, size, at


def _block(table: memoryview, start: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    end = start + size
    if end + TRAILER > len(table):
        raise MessageError("a block lies beyond its end")
    if int.from_bytes(table[end + 1 : end + TRAILER], "little") != masked_crc32c(table[start : end + 1]):
        raise MessageError("the checksum of a block is another: it is altered")
    if table[end]:
        raise MessageError("it is compressed, as no checkpoint of TensorFlow is")
    block = table[start:end]
    restarts = 4 * (1 + int.from_bytes(block[-4:], "little"))
    if restarts > size:
        raise MessageError("a block is shorter than it says")
    block, at, key = block[:-restarts], 0, b""
    while at < len(block):
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        if shared > len(key) or shared + own > LONGEST or own + length > len(block) - at:
            raise MessageError("an entry is longer than its block")
        key = key[:shared] + bytes(block[at : at + own])
        yield key, block[at + own : at + own + length]
        at += own + length
