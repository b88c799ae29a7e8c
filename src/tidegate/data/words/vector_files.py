"""The formats of files of word vectors, which are not trusted: each as a stream of words and their vectors."""

import gzip
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.data.array_files import BROKEN
from tidegate.data.lines import read_lines
from tidegate.data.tables.cell_values import NUMBER
from tidegate.errors import DataError, EncodingError
from tidegate.io.input_files import open_input
from tidegate.io.wording import quoted

HEADER = re.compile(r"[0-9]+ [0-9]+")
BINARY_HEADER = re.compile(rb"([0-9]{1,12}) ([0-9]{1,6}) ?\n")
FASTTEXT_MODEL = struct.pack("<i", 793712314)
LONGEST_LINE = 1 << 20  # bytes of a line, or of a word of a binary file, that may be unpacked to anything
GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)


class WordVector(NamedTuple):
    """A word of a file of vectors.

    Attributes:
        where: its place, for messages.
        word: the word.
        numbers: returns its vector (E,), float64 or float32.
    """

    where: str
    word: str
    numbers: Callable[[], NDArray[np.floating]]


def read_word_vectors(path: Path, size: int) -> Iterator[WordVector]:
    """Read the words of a file and their vectors of ``size`` numbers, in its format according to its name.

    * ``.bin``: word2vec's binary format; words that are not UTF-8 are left out, since no text can hold them.
    * ``.npy``: an array (V, E), with the words, one a line, in the file of the same name that ends in ``.txt``.
    * Any other: text; each line a word and its numbers, separated by single spaces, as of GloVe, fastText (``.vec``)
      and word2vec, whose first line of two whole numbers is skipped. A word may contain spaces, as some of GloVe's do,
      unless a number follows them.

    With ``.gz`` after it, a text or binary file may be compressed.

    Raises:
        DataError: the file is malformed or cut off, or its vectors have another size.
        EncodingError: a text file is not UTF-8.
    """
    kind = path.suffix.lower()
    packed = kind == ".gz"
    if (Path(path.stem).suffix.lower() if packed else kind) == ".bin":
        return _binary(path, size, packed=packed)
    if kind == ".npy":
        return _array(path, size)
    return _text(_unpacked_lines(path) if packed else read_lines(path), size)


def _text(lines: Iterator[tuple[str, str]], size: int) -> Iterator[WordVector]:
    for index, (where, line) in enumerate(lines):
        if index == 0 and HEADER.fullmatch(line.rstrip(" ")):
            continue
        word, *numbers = line.rstrip(" ").rsplit(" ", size)
        while numbers and not NUMBER.fullmatch(numbers[0]):  # too few numbers: this belongs to the word
            word = f"{word} {numbers.pop(0)}"
        count = len(numbers)
        while " " in word and NUMBER.fullmatch(word.rpartition(" ")[2]):  # too many numbers
            word, count = word.rpartition(" ")[0], count + 1
        if count != size:
            raise _another_size(where, f"{quoted(word, 40)} is followed by {count} numbers", count, size)

        def numbers_of(word: str = word, numbers: list[str] = numbers, where: str = where) -> NDArray[np.floating]:
            if not all(map(NUMBER.fullmatch, numbers)):
                raise DataError(f"{where}: {quoted(word, 40)} is not followed by numbers only.")
            return np.array(numbers, np.float64)

        yield WordVector(where, word, numbers_of)


def _unpacked_lines(path: Path) -> Iterator[tuple[str, str]]:
    with open_input(path) as raw, gzip.open(raw) as file:
        number = 0
        try:
            while line := file.readline(LONGEST_LINE):
                number += 1
                where = f"{path}, line {number}"
                if len(line) == LONGEST_LINE:
                    raise DataError(f"{where}: the line is longer than {LONGEST_LINE:,} bytes: is it a text file?")
                yield where, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise EncodingError(f"{path}, line {number}: this is not UTF-8 ({error.reason}).") from None
        except GZIP_ERRORS as error:
            raise DataError(f"{path} is not a complete gzip file ({error!s:.100}).") from error


def _binary(path: Path, size: int, *, packed: bool) -> Iterator[WordVector]:
    with ExitStack() as stack:
        raw = stack.enter_context(open_input(path))
        file: BinaryIO = stack.enter_context(gzip.open(raw)) if packed else raw  # type: ignore[assignment]
        try:
            yield from _binary_words(path, file, size, None if packed else path.stat().st_size)
        except GZIP_ERRORS as error:
            raise DataError(f"{path} is not a complete gzip file ({error!s:.100}).") from error


def _binary_words(path: Path, file: BinaryIO, size: int, bytes_there: int | None) -> Iterator[WordVector]:
    head = file.readline(64)
    if head.startswith(FASTTEXT_MODEL):
        raise DataError(f"{path} is a model of fastText: give its word vectors, the file of text that ends in .vec.")
    header = BINARY_HEADER.fullmatch(head)
    if not header:
        raise DataError(
            f"{path} should begin with a line of two numbers, as binary files of word2vec do: {quoted(head, 60)}."
        )
    count, given = int(header[1]), int(header[2])
    if given != size:
        raise _another_size(str(path), f"the vectors have {given} numbers", given, size)
    if bytes_there is not None and count * (4 * size + 2) > bytes_there:
        raise DataError(f"{path}: {count:,} vectors of {size} numbers are said to follow, but the file is shorter.")
    for n in range(count):
        where = f"{path}, vector {n + 1}"
        word = bytearray()
        while (one := file.read(1)) != b" ":
            if not one or len(word) == LONGEST_LINE:
                raise DataError(f"{where}: the file is cut off or malformed: no blank ends the word.")
            if one != b"\n" or word:  # some writers end each vector with a line feed
                word += one
        numbers = file.read(4 * size)
        if len(numbers) < 4 * size:
            raise DataError(f"{where}: the file is cut off.")
        try:
            decoded = word.decode()
        except UnicodeDecodeError:
            continue
        yield WordVector(where, decoded, lambda numbers=numbers: np.frombuffer(numbers, "<f4"))
    if file.read(2).strip(b"\n"):  # this also makes a compressed file check its sum
        raise DataError(f"{path}: more follows than the {count:,} vectors that its first line announces.")


def _array(path: Path, size: int) -> Iterator[WordVector]:
    words = path.with_suffix(".txt")
    if not words.exists():
        raise DataError(f"{path} holds numbers only: give its words, one a line, in a file {words}.")
    with open_input(path):
        pass
    try:
        table = np.load(path, mmap_mode="r")
    except BROKEN as error:
        what = (str(error) or type(error).__name__).partition("\n")[0]
        raise DataError(f"{path} is not a whole array of numbers ({what:.200}).") from error
    if table.dtype.kind != "f" or table.ndim != 2:
        raise DataError(f"{path} should be an array (words, size) of floats, but is {table.dtype} of {table.shape}.")
    if table.shape[1] != size:
        raise _another_size(str(path), f"the vectors have {table.shape[1]} numbers", table.shape[1], size)
    count = 0
    for n, (where, word) in enumerate(read_lines(words)):
        count = n + 1
        if count > len(table):
            break
        yield WordVector(where, word, lambda n=n: np.asarray(table[n]))
    if count != len(table):
        raise DataError(f"{words} should have a line for each of the {len(table):,} vectors of {path}.")


def _another_size(where: str, what: str, given: int, size: int) -> DataError:
    return DataError(
        f"{where}: {what}, but the embedding has {size}: choose --embedding-size {given}, or another file."
    )
