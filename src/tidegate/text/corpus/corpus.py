"""The corpus: an encoded text on disk, with parts for training, validation and test."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, DataError, RunFolderError
from tidegate.io.arrays import open_array
from tidegate.io.files import field, read_json
from tidegate.io.wording import quoted
from tidegate.text.corpus.splits import SplitKind, check_splits, split_kind
from tidegate.text.tokenizers.tokenizer import Tokenizer, load_tokenizer

CORPUS = {"format": "tidegate corpus", "version": 1}
HASHED_AT_ONCE = 1 << 24


@dataclass(frozen=True, eq=False)
class Corpus:
    """An encoded text on disk.

    Attributes:
        folder: the folder.
        tokenizer: the tokenizer.
        array: all token ids, shape (N,), of the smallest unsigned type; memory-mapped and read-only.
        splits: fractions of the text's characters for training, validation and test; "files": each part has its own
            files; None: not split.
        bounds: where the training part and the validation part end in ``array``.
        digest: SHA-256 of the vocabulary, the bounds and the array: corpora with the same digest train alike.
        lines: what `report` returns.
    """

    folder: Path
    tokenizer: Tokenizer
    array: NDArray[np.unsignedinteger]
    splits: SplitKind
    bounds: tuple[int, int]
    digest: str
    lines: tuple[str, ...]

    __repr__ = brief_repr

    @cached_property
    def train(self) -> NDArray[np.unsignedinteger]:
        """The training part."""
        return self._checked(self.array[: self.bounds[0]])

    @cached_property
    def validation(self) -> NDArray[np.unsignedinteger]:
        """The validation part, which follows the training part; all of the text if it was not split."""
        return self._checked(self.array if self.splits is None else self.array[self.bounds[0] : self.bounds[1]])

    @cached_property
    def test(self) -> NDArray[np.unsignedinteger]:
        """The test part, which follows the validation part; it may be empty."""
        return self._checked(self.array[self.bounds[1] :])

    def _checked(self, part: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        size = self.tokenizer.vocabulary_size
        if size <= np.iinfo(part.dtype).max:
            for start in range(0, len(part), HASHED_AT_ONCE):
                if (largest := int(part[start : start + HASHED_AT_ONCE].max())) >= size:
                    raise RunFolderError(
                        f"{self.folder / 'corpus.npy'} holds the token {largest}, but the vocabulary has {size}: the "
                        "file was altered; prepare the corpus again, and start a new run."
                    )
        return part

    @property
    def split_kind(self) -> str:
        """How the text was split, such as "contiguous 90/5/5"."""
        return split_kind(self.splits)

    def report(self) -> list[str]:
        """Describe what was read and how it was encoded and split, in lines for a person."""
        return list(self.lines)

    def verify(self) -> None:
        """Read everything again and compare it with the digest.

        Raises:
            DataError: the array, its bounds or the vocabulary has changed since it was prepared.
        """
        path = vocabulary_file(self.folder)
        try:
            found = digest_of(path.read_bytes(), self.array, self.bounds)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}: prepare the corpus again.") from error
        if found != self.digest:
            raise DataError(
                f"The corpus in {self.folder} has changed since it was prepared (its digest is {found[:12]}..., but "
                f"was {self.digest[:12]}...): prepare it again, and start a new run."
            )


def vocabulary_file(folder: Path) -> Path:
    """Return the path of a corpus's vocabulary file."""
    path = folder / "tokenizer.json"
    return path if path.exists() else folder / "vocabulary.json"


def digest_of(vocabulary: bytes, array: NDArray[np.unsignedinteger], bounds: tuple[int, int]) -> str:
    """Compute the SHA-256 of the data, in constant memory.

    Args:
        vocabulary: the bytes of the vocabulary file.
        array: all token ids, shape (N,).
        bounds: where the training and validation parts end.

    Returns:
        64 hexadecimal digits.
    """
    head = [hashlib.sha256(vocabulary).hexdigest(), array.dtype.str, len(array), *bounds]
    digest = hashlib.sha256(json.dumps(head).encode())
    for start in range(0, len(array), HASHED_AT_ONCE):
        digest.update(array[start : start + HASHED_AT_ONCE].tobytes())
    return digest.hexdigest()


def open_corpus(folder: str | Path) -> Corpus:
    """Open a corpus that `prepare_corpus` made.

    Args:
        folder: its folder, with ``corpus.json``, ``corpus.npy`` and ``vocabulary.json`` or ``tokenizer.json``.

    Returns:
        The corpus. Its digest is not recomputed, which would read it whole: `Corpus.verify` does that.

    Raises:
        RunFolderError: a file is missing, truncated, altered or another program's, or they do not fit together.
    """
    folder = Path(folder)
    path = folder / "corpus.json"
    record = read_json(path, **CORPUS)
    length, digest = field(record, path, "length", int), field(record, path, "digest", str)
    bounds, lines = field(record, path, "bounds", list), field(record, path, "report", list)
    if [type(b) for b in bounds] != [int, int] or not 0 < bounds[0] <= bounds[1] <= length:
        raise RunFolderError(f"{path}: 'bounds' should be two increasing positions in the text, but is {bounds}.")
    if not all(isinstance(line, str) for line in lines):
        raise RunFolderError(f"{path}: 'report' should be a list of lines.")
    splits = _read_splits(record, path)
    if splits is None and bounds != [length, length]:
        raise RunFolderError(f"{path}: 'bounds' is {bounds}, but the corpus was not split: the file was altered.")
    tokenizer = load_tokenizer(folder)
    array = _open_array(folder / "corpus.npy", length, np.min_scalar_type(tokenizer.vocabulary_size - 1))
    return Corpus(folder, tokenizer, array, splits, (bounds[0], bounds[1]), digest, tuple(lines))


def _read_splits(record: dict[str, Any], path: Path) -> SplitKind:
    splits = record.get("splits")
    if splits is None and "splits" in record:
        return None
    if splits == "files":
        return "files"
    if not isinstance(splits, list) or [type(part) for part in splits] != [float] * 3:
        raise RunFolderError(f"{path}: 'splits' should be three fractions, \"files\" or null, but is {quoted(splits)}.")
    found = (splits[0], splits[1], splits[2])
    try:
        check_splits(found)
    except ArgumentError as error:
        raise RunFolderError(f"{path} was altered: {error}") from error
    return found


def _open_array(path: Path, length: int, dtype: np.dtype[Any]) -> NDArray[np.unsignedinteger]:
    array = open_array(path, "prepare the corpus again")
    if array.shape != (length,) or array.dtype != dtype:
        raise RunFolderError(
            f"{path} should hold {length} tokens of type {dtype}, as corpus.json and the vocabulary say, but holds "
            f"shape {array.shape}: prepare the corpus again."
        )
    return array
