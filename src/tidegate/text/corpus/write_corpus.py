"""Write a stream of text as an array on disk."""

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from tidegate.errors import CorpusTooSmallError, DataError
from tidegate.io.arrays import write_array_header
from tidegate.text.corpus.splits import SMALLEST
from tidegate.text.tokenizers.tokenizer import Tokenizer
from tidegate.text.tokenizers.words import BLANK


def take(blocks: Iterator[str], count: int | None) -> Iterator[str]:
    """Yield the first ``count`` characters of a text that comes in blocks; all of them if it is None."""
    for block in blocks:
        if count is None:
            yield block
            continue
        yield block[:count]
        count -= min(count, len(block))
        if not count:
            return


def cuts_at_blanks(blocks: Iterator[str], cuts: tuple[int, int]) -> tuple[int, int]:
    """Move each cut behind the next blank, so that it divides no word; to the end of the text if there is none."""
    found: list[int] = []
    offset = 0
    for block in blocks:
        while len(found) < len(cuts) and (blank := BLANK.search(block, max(0, cuts[len(found)] - 1 - offset))):
            found.append(offset + blank.end())
        offset += len(block)
    first, second, *_ = [*found, offset, offset]
    return first, second


def encode_parts(
    text: Iterator[str], cuts: tuple[int, int, int], tokenizer: Tokenizer, tally: Counter[str], file: BinaryIO
) -> tuple[tuple[int, int], int]:
    """Write the token ids of a text as one array in NumPy's format, in constant memory.

    Args:
        text: the text, in blocks.
        cuts: where training, validation and test part end, in characters. No token crosses a cut.
        tokenizer: how to encode it.
        tally: counts the characters that were replaced or dropped.
        file: where to write; it must be empty, and open for seeking.

    Returns:
        Where training and validation part end, in tokens, and the number of tokens.

    Raises:
        DataError: the text is shorter or longer than the last of ``cuts``.
        UnknownTokenError: as ``tokenizer.encode``.
        CorpusTooSmallError: training or validation part has fewer than two tokens.
    """
    dtype = np.min_scalar_type(tokenizer.vocabulary_size - 1)
    write_array_header(file, dtype, (0,))
    start = file.tell()
    ends: list[int] = []
    reader = _Reader(text)
    for count in (cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1]):
        for array in tokenizer.encode_stream(reader.take(count), tally):
            file.write(array.astype(dtype).tobytes())
        ends.append((file.tell() - start) // dtype.itemsize)
    if reader.taken != cuts[2] or any(reader.take(1)):
        raise DataError("The text files changed while they were being read: prepare the corpus again.")
    parts = {"training": ends[0]}
    if cuts[1] > cuts[0]:  # else training and validation are the same text
        parts["validation"] = ends[1] - ends[0]
    for name, count in parts.items():
        if count < SMALLEST:
            raise CorpusTooSmallError(
                f"The {name} part has {count} {tokenizer.name}{'' if count == 1 else 's'} once encoded, but needs at "
                f"least {SMALLEST}: give more text."
            )
    file.seek(0)
    write_array_header(file, dtype, (ends[2],))
    if file.tell() != start:
        raise AssertionError("NumPy's header for the final length is longer than the first one.")
    return (ends[0], ends[1]), ends[2]


class _Reader:
    """A text that comes in blocks, read a given number of characters at a time."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks, self._held, self.taken = blocks, "", 0

    def take(self, count: int) -> Iterator[str]:
        while count:
            block = self._held or next(self._blocks, "")
            if not block:
                return
            piece, self._held = block[:count], block[count:]
            count -= len(piece)
            self.taken += len(piece)
            yield piece
