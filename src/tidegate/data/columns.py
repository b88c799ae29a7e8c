"""The examples of a run, encoded on disk: columns of rows of different lengths, in parts."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged_array import Column, RaggedWriter, open_ragged
from tidegate.data.sources import PARTS
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.data.words.cutting import Cutting
from tidegate.drawing.brief import brief_repr
from tidegate.errors import CorpusTooSmallError, DataError, RunFolderError
from tidegate.io.arrays import open_array, write_array
from tidegate.io.files import field, read_json, replacing, write_json
from tidegate.io.wording import quoted

FOLDER, RECORD = "examples", {"format": "tidegate examples", "version": 1}
FILE = "examples.json"
VECTORS = "vectors.npy"
T = TypeVar("T")
Encoded = Mapping[str, NDArray[Any]]
"""One example: for each column its steps, (L, ...)."""


class Preprocessing:
    """What was fitted on the training part to encode the data: vocabularies, sizes, choices.

    Args:
        values: plain JSON values by name; vocabularies are lists of strings.
        path: the file they came from, for messages.
    """

    def __init__(self, values: Mapping[str, Any], path: Path | None = None) -> None:
        self.values, self.path = dict(values), path or Path(FILE)
        self._vocabularies: dict[str, Vocabulary] = {}
        self._checked: set[str] = set()
        self._cutting: Cutting | None = None

    def vocabulary(self, name: str) -> Vocabulary:
        """Return a vocabulary by name.

        Raises:
            RunFolderError: it is missing, or not a list of different strings.
        """
        if name not in self._vocabularies:
            entries = field(self.values, self.path, name, list)
            own = entries[entries[:1] == [UNKNOWN] :]
            if not all(isinstance(entry, str) for entry in entries) or len(set(own)) < len(own):
                raise RunFolderError(f"{self.path}: {name!r} should be different strings: the file was altered.")
            self._vocabularies[name] = Vocabulary(entries)
        return self._vocabularies[name]

    def number(self, name: str) -> int:
        """Return a whole number by name.

        Raises:
            RunFolderError: it is missing or something else.
        """
        return field(self.values, self.path, name, int)

    def text(self, name: str) -> str:
        """Return a string by name.

        Raises:
            RunFolderError: it is missing or something else.
        """
        return field(self.values, self.path, name, str)

    def numbers(self, name: str, count: int | None = None) -> list[float]:
        """Return a list of finite numbers by name, of ``count`` if that is given.

        Raises:
            RunFolderError: it is missing or something else.
        """
        found = field(self.values, self.path, name, list)
        if count is not None and len(found) != count:
            raise RunFolderError(
                f"{self.path}: {name!r} has {len(found)} numbers, but should have {count}: it was altered."
            )
        if not all(type(it) in (int, float) and np.isfinite(it) for it in found):
            raise RunFolderError(f"{self.path}: {name!r} should be numbers: the file was altered.")
        return found

    def mapping(self, name: str, kind: type[T], *, least: int = 0) -> dict[str, T]:
        """Return a mapping from strings to at least ``least`` values of one type, by name.

        Raises:
            RunFolderError: it is missing or something else.
        """
        found = field(self.values, self.path, name, dict)
        if name not in self._checked:
            if len(found) < least or not all(type(it) is kind for it in found.values()):
                raise RunFolderError(
                    f"{self.path}: {name!r} should hold {kind.__name__}s by name: the file was altered."
                )
            self._checked.add(name)
        return found

    def cutting(self) -> Cutting:
        """Return how texts are cut into words: at blanks in runs that do not say.

        Raises:
            RunFolderError: it is something else.
        """
        if self._cutting is None:
            try:
                found = self.mapping("cutting", list) if "cutting" in self.values else {}
                self._cutting = Cutting.from_record(found)
            except ValueError as error:
                raise RunFolderError(f"{self.path}: 'cutting' {error}: the file was altered.") from error
        return self._cutting


@dataclass(frozen=True, eq=False)
class Part:
    """The examples for training, validation or test.

    Attributes:
        columns: by name; all have as many rows.
    """

    columns: Mapping[str, Column]

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def rows(self, indices: Iterable[int]) -> dict[str, list[NDArray[Any]]]:
        """Return some examples, by column."""
        chosen = [int(n) for n in indices]
        return {name: [column[n] for n in chosen] for name, column in self.columns.items()}


@dataclass(frozen=True, eq=False)
class Examples:
    """All examples of a run.

    Attributes:
        folder: the run folder.
        preprocessing: what was fitted on the training part.
        parts: train, validation, test; the last two may be empty.
        split_kind: how the data were split, in words.
        notes: what was read and chosen, in lines for a person.
        digest: SHA-256 of the data and the preprocessing.
    """

    folder: Path
    preprocessing: Preprocessing
    parts: Mapping[str, Part]
    split_kind: str
    notes: tuple[str, ...]
    digest: str

    __repr__ = brief_repr

    def report(self) -> list[str]:
        """Describe what was read and chosen, in lines for a person."""
        return list(self.notes)

    def vectors(self) -> NDArray[np.float32] | None:
        """Load the pretrained word vectors, one for each entry of the vocabulary; None if there are none."""
        path = self.folder / FOLDER / VECTORS
        return np.array(open_array(path, "start a new run")) if path.exists() else None

    def verify(self) -> None:
        """Read everything again and compare it with the digest.

        Raises:
            DataError: the examples have changed since they were prepared.
        """
        if _digest(self.folder / FOLDER, self.preprocessing.values) != self.digest:
            raise DataError(f"The examples in {self.folder} have changed since they were prepared: start a new run.")


class ExamplesWriter:
    """Write the parts of a run's examples; to be used in a ``with`` block.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: dict[str, int] = dict.fromkeys(PARTS, 0)
        self._stack = ExitStack()
        self._columns: dict[tuple[str, str], RaggedWriter] = {}

    def __enter__(self) -> "ExamplesWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def add(self, part: str, example: Encoded) -> None:
        """Add an example to a part."""
        for name, row in example.items():
            if (part, name) not in self._columns:
                writer = RaggedWriter(self.folder / FOLDER, f"{part}.{name}")
                self._columns[part, name] = self._stack.enter_context(writer)
            self._columns[part, name].add(row)
        self.counts[part] += 1

    def part(self, part: str) -> Part:
        """Open a part that was written; nothing can be added afterwards."""
        self._stack.close()
        names = [name for p, name in self._columns if p == part]
        return Part({name: open_ragged(self.folder / FOLDER, f"{part}.{name}") for name in names})

    def add_vectors(self, table: NDArray[np.float32]) -> None:
        """Add word vectors, one for each entry of the vocabulary."""
        with replacing(self.folder / FOLDER / VECTORS) as file:
            write_array(file, table)

    def finish(self, preprocessing: Preprocessing, split_kind: str, notes: Sequence[str]) -> Examples:
        """Close the columns and write ``examples.json``: this completes the examples.

        Raises:
            CorpusTooSmallError: there are no training examples.
        """
        if not self.counts["train"]:
            raise CorpusTooSmallError("There are no training examples: give more data.")
        self._stack.close()
        columns = {part: [name for p, name in self._columns if p == part] for part in PARTS}
        counted = ", ".join(f"{self.counts[part]:,} for {part}" for part in PARTS if self.counts[part])
        record = {
            **RECORD,
            "facts": preprocessing.values,
            "columns": columns,
            "counts": self.counts,
            "split_kind": split_kind,
            "notes": [*notes, f"examples: {counted.replace('for train', 'for training')}"],
            "digest": _digest(self.folder / FOLDER, preprocessing.values),
        }
        write_json(self.folder / FILE, record)
        return open_examples(self.folder)


def read_preprocessing(folder: Path) -> Preprocessing:
    """Load the fitted preprocessing of a run without its examples.

    Raises:
        RunFolderError: ``examples.json`` is missing, truncated or altered.
    """
    path = folder / FILE
    return Preprocessing(field(read_json(path, **RECORD), path, "facts", dict), path)


def open_examples(folder: Path) -> Examples:
    """Open the examples of a run, memory-mapped.

    Raises:
        RunFolderError: a file is missing, truncated or altered.
    """
    path = folder / FILE
    record = read_json(path, **RECORD)
    columns, counts = field(record, path, "columns", dict), field(record, path, "counts", dict)
    notes = field(record, path, "notes", list)
    parts = {}
    for part in PARTS:
        names = columns.get(part, [])
        if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise RunFolderError(f"{path}: 'columns' should be names of columns: the file was altered.")
        parts[part] = Part({name: open_ragged(folder / FOLDER, f"{part}.{name}") for name in names})
        if any(len(column) != counts.get(part) for column in parts[part].columns.values()):
            raise RunFolderError(f"{path}: the columns of {part} do not all have {quoted(counts.get(part), 20)} rows.")
    if not len(parts["train"]) or not all(isinstance(line, str) for line in notes):
        raise RunFolderError(f"{path} was altered: there are no training examples, or the notes are not text.")
    facts, digest = field(record, path, "facts", dict), field(record, path, "digest", str)
    if _digest(folder / FOLDER, facts) != digest:
        raise RunFolderError(
            f"{path} and the files in {folder / FOLDER} are not what was written, for the digest does not fit: they "
            "were altered; start a new run."
        )
    return Examples(
        folder,
        Preprocessing(facts, path),
        parts,
        field(record, path, "split_kind", str),
        tuple(notes),
        digest,
    )


def _digest(folder: Path, preprocessing: Mapping[str, Any]) -> str:
    sha = hashlib.sha256(json.dumps(preprocessing, sort_keys=True).encode())
    for path in sorted(folder.glob("*.npy")):
        sha.update(path.name.encode())
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()
