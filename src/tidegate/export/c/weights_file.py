"""The file of a model's weights: a head with what it is, then the numbers in the order in which the code reads them."""

from __future__ import annotations

import hashlib
import struct

import torch

from tidegate.export.c.model_code import ModelCode

MAGIC, VERSION, HEADER = b"TIDEGATE", 1, 64


def weights_bytes(code: ModelCode) -> bytes:
    """Return the file: magic, version, count, digest of the numbers, then these, little-endian."""
    numbers = torch.cat([torch.zeros(0), *code.numbers]).numpy().astype("<f4").tobytes()
    head = MAGIC + struct.pack("<II", VERSION, len(numbers) // 4) + hashlib.sha256(numbers).digest()
    return head.ljust(HEADER, b"\0") + numbers
