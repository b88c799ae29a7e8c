"""The lines of text files, each with its place for messages."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tidegate.errors import DataError, EncodingError
from tidegate.io.input_files import open_input

BLOCK = 1 << 20
GZIP = b"\x1f\x8b"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    r"""Read the lines of a UTF-8 file, each with its place, without line ends and without a byte order mark.

    A line ends with ``\n`` or ``\r\n``; in a file that has no ``\n`` at all, with ``\r``.

    Raises:
        EncodingError: a line is not UTF-8; the message names the file and the line.
        DataError: the file cannot be read, or is a pipe.
    """
    with open_input(path) as file:
        try:
            for number, line in enumerate(_raw_lines(file), 1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise _not_utf8(path, number, line, error) from None
                yield f"{path}, line {number}", text
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    if any(b"\n" in block for block in iter(lambda: file.read(BLOCK), b"")):
        file.seek(0)
        yield from (line.removesuffix(b"\n").removesuffix(b"\r") for line in file)
        return
    file.seek(0)
    held = b""
    for block in iter(lambda: file.read(BLOCK), b""):
        *lines, last = block.split(b"\r")
        if lines:
            yield held + lines[0]
            yield from lines[1:]
            held = b""
        held += last
    if held:
        yield held


def _not_utf8(path: Path, number: int, line: bytes, error: UnicodeDecodeError) -> EncodingError:
    hint = (
        "If it is text in another encoding (Latin-1, Windows-1252, EUC-KR): convert it first, for example with "
        "`iconv -f LATIN1 -t UTF-8`."
    )
    if number == 1 and line.startswith(UTF_16):
        hint = "It begins like UTF-16: convert it first, for example with `iconv -f UTF-16 -t UTF-8`."
    if number == 1 and line.startswith(GZIP):
        hint = "It is compressed (gzip): unpack it first."
    return EncodingError(f"{path}, line {number}: byte 0x{line[error.start]:02X} is not UTF-8 ({error.reason}). {hint}")
