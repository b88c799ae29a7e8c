"""Checksums of TensorFlow's files: CRC-32C, masked.

The register is linear in the data: many pieces are run through it side by side and put together afterwards.
"""

from __future__ import annotations

import functools

import numpy as np

POLYNOMIAL, ONES, MASK = 0x82F63B78, 0xFFFFFFFF, 0xA282EAD8


def masked_crc32c(data: bytes | memoryview) -> int:
    """Return the checksum of bytes as TensorFlow stores it."""
    found = crc32c(data)
    return ((found >> 15 | found << 17) + MASK) & ONES


def crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C (Castagnoli) of bytes."""
    given = np.frombuffer(data, np.uint8)
    pieces = 1 << max(0, (len(given).bit_length() - 4) // 2)  # as many as each has bytes, nearly
    length = -(-len(given) // pieces)
    padded = np.concatenate([np.zeros(pieces * length - len(given), np.uint8), given]).reshape(pieces, length)
    register = np.zeros(pieces, np.uint32)  # zeros in front leave an empty register as it is
    for column in padded.T:
        register = TABLE[(register ^ column) & 255] ^ (register >> 8)
    while len(register) > 1:
        register = _apply(_zeros(length), register[0::2]) ^ register[1::2]
        length *= 2
    start = _apply(_zeros(len(given)), np.array([ONES], np.uint32))
    return int(start[0] ^ register[0]) ^ ONES


def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return table


TABLE = _table()


@functools.lru_cache(1000)
def _zeros(count: int) -> np.ndarray:
    """Return what a number of zero bytes makes of each bit of the register, (32,)."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    step, found = TABLE[bits & 255] ^ (bits >> 8), bits
    while count:
        if count & 1:
            found = _apply(step, found)
        step = _apply(step, step)
        count >>= 1
    return found


def _apply(images: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return values of the register under a linear map that is given by the images of its bits."""
    found = np.zeros_like(values)
    for bit in range(32):
        found ^= np.where(values >> np.uint32(bit) & 1, images[bit], np.uint32(0))
    return found
