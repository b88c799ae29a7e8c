"""A file of ONNX as the message that it is, after its parts are counted: two bytes may become a hundred in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size
from tidegate.io.optional import needed

MOST_PARTS = 3_000_000  # fields of messages within one another; a network unrolled over 10,000 steps has fewer
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5  # kinds of fields on the wire
FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}


def read_model(path: Path) -> Any:
    """Return the ``ModelProto`` of a file.

    Raises:
        DataError: it is cut off, altered, or has more than `MOST_PARTS` parts.
        MissingDependencyError: onnx is not installed.
    """
    onnx = needed("onnx", "Files of ONNX need")
    from google.protobuf.message import DecodeError

    check_declared_size(path, "the file", path.stat().st_size)
    content = path.read_bytes()
    _check_parts(content, onnx.ModelProto.DESCRIPTOR, path)
    try:
        return onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise DataError(
            f"{path} is not a whole file of ONNX ({str(error)[:200]}): it is cut off or altered."
        ) from error


def _check_parts(content: bytes, descriptor: Any, path: Path) -> None:
    """Walk over all messages of a file without making any."""
    waiting, parts = [(0, len(content), descriptor)], 0
    while waiting:
        at, end, message = waiting.pop()
        inner = {number: field.message_type for number, field in message.fields_by_number.items()}
        while at < end:
            tag, at = _varint(content, at, end, path)
            parts += 1
            if parts > MOST_PARTS:
                raise DataError(f"{path} has more than {MOST_PARTS:,} parts, which is more than is read.")
            kind = tag & 7
            if kind == VARINT:
                _, at = _varint(content, at, end, path)
                continue
            size, at = _varint(content, at, end, path) if kind == LENGTH else (FIXED.get(kind, -1), at)
            if size < 0 or at + size > end:
                raise DataError(f"{path} is not a whole file of ONNX: it is cut off or altered near byte {at:,}.")
            if kind == LENGTH and inner.get(tag >> 3) is not None:
                waiting.append((at, at + size, inner[tag >> 3]))
            at += size


def _varint(content: bytes, at: int, end: int, path: Path) -> tuple[int, int]:
    """Return the number that begins at a byte, and where the next begins."""
    value = 0
    for n in range(10):
        if at + n >= end:
            break
        byte = content[at + n]
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return value, at + n + 1
    raise DataError(f"{path} is not a whole file of ONNX: it is cut off or altered near byte {at:,}.")
