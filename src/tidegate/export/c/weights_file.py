"""The weights of a model in C: a file, or data that are compiled in."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import torch

from tidegate.export.c.model_code import ModelCode

MAGIC, FORMAT, HEADER = b"TIDEGATE", 1, 64
PER_LINE = 10  # numbers on a line of C


def weights_digest(code: ModelCode) -> bytes:
    """Return the SHA-256 of the weights in the order in which the code reads them."""
    return hashlib.sha256(_numbers(code)).digest()


def weights_bytes(code: ModelCode) -> bytes:
    """Return the file: magic, format, count, digest of the numbers, then these, little-endian."""
    numbers = _numbers(code)
    head = MAGIC + struct.pack("<II", FORMAT, len(numbers) // 4) + weights_digest(code)
    return head.ljust(HEADER, b"\0") + numbers


def weights_source(code: ModelCode) -> str:
    """Return the weights as C: the bits of the numbers, which no way of writing decimals can change."""
    p, up = code.name, code.name.upper()
    words = [f"0x{word:08x}" for word in np.frombuffer(_numbers(code), "<u4").tolist()] or ["0"]
    lines = ",\n".join("  " + ", ".join(words[n : n + PER_LINE]) for n in range(0, len(words), PER_LINE))
    room = max(1, len(words))
    return f"""\
/* The weights of {p}.c: the bits of {len(words):,} numbers in float32. */
#include "{p}.h"

static const union {{
  uint32_t bits[{room}];
  float numbers[{room}];
}} weights = {{{{
{lines}
}}}};

void {p}_embedded({p}_model *model) {{ model->weights = weights.numbers; }}
""".replace(f"[{room}]", f"[{up}_WEIGHTS]" if _numbers(code) else "[1]")


def _numbers(code: ModelCode) -> bytes:
    return torch.cat([torch.zeros(0), *code.numbers]).numpy().astype("<f4").tobytes()
