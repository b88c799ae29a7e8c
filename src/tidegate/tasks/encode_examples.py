"""From sources to the examples of a run: fit the preprocessing, encode, write."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded, Examples, ExamplesWriter, Part, Preprocessing
from tidegate.data.rows import Row
from tidegate.data.sources import PARTS, Sources
from tidegate.data.words.vectors import read_vectors
from tidegate.errors import ArgumentError, DataError

SHARES = (0.8, 0.1, 0.1)


class ExampleReader(Protocol):
    """What of a task is needed to encode its data, see `tidegate.tasks.base_task.ExampleTask`."""

    def __init__(self, config: Any, preprocessing: Preprocessing) -> None: ...
    def unfamiliar(self, rows: Iterable[Row]) -> Sequence[str]: ...  # noqa: D102
    @classmethod
    def check_packages(cls) -> None: ...  # noqa: D102
    @classmethod
    def group_files(cls, paths: Sequence[Path]) -> Sequence[Any]: ...  # noqa: D102
    @classmethod
    def remarks(cls, path: Any, config: Any) -> Sequence[str]: ...  # noqa: D102
    @classmethod
    def read(cls, path: Path, config: Any) -> Iterator[Row]: ...  # noqa: D102
    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]: ...  # noqa: D102
    @classmethod
    def split_kind(cls, shares: Sequence[float]) -> str: ...  # noqa: D102
    @classmethod
    def fit(cls, rows: Iterable[Row], config: Any) -> tuple[Preprocessing, list[str]]: ...  # noqa: D102
    @classmethod
    def encode(  # noqa: D102
        cls, row: Row, config: Any, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]: ...


class TrainedTask(ExampleReader, Protocol):
    """A task as it was trained: its config and the fitted preprocessing."""

    config: Any
    preprocessing: Preprocessing


def prepare_examples(
    task: type[ExampleReader],
    sources: Sources,
    config: Any,
    folder: Path,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    vectors: Path | None = None,
    vector_words: int = 0,
) -> Examples:
    """Encode the data of a task in its run folder.

    The files are read twice: to fit the preprocessing (vocabularies, sizes, the scheme of tags) on the training part,
    and to encode. The preprocessing sees nothing of the other parts.

    Args:
        task: the task.
        sources: where the data come from. Without validation files, part of the rows is held out.
        config: the model config.
        folder: the run folder.
        shares: fractions for training, validation and test, where there are no such files.
        seed: random seed of the split.
        vectors: a file of pretrained word vectors for the embedding, see `tidegate.data.words.vector_files`.
        vector_words: how many words that only this file knows are added to the vocabulary: its first ones.

    Returns:
        The examples, opened.

    Raises:
        DataError: a file is not what the task reads; the message names file and line.
        CorpusTooSmallError: there are no training examples.
        ArgumentError: the shares do not sum to 1, or word vectors are given for a task without words.
    """
    if abs(sum(shares) - 1) > 1e-9 or min(shares) < 0 or not shares[0]:
        raise ArgumentError(f"The shares of training, validation and test are {shares}, but must sum to 1.")
    task.check_packages()
    given = {"train": sources.train, "validation": sources.validation, "test": sources.test}
    # Part of the training rows becomes the validation or the test part only where there are no such files.
    held = [share if not given[part] or part == "train" else 0.0 for part, share in zip(PARTS, shares, strict=True)]
    if sources.validation and not sources.test:
        held[2] = 0.0
    held = [share / sum(held) for share in held]

    def parts() -> Iterator[tuple[str, Row]]:
        yield from task.split(rows_of(task, sources.train, config), held, seed)
        for part in PARTS[1:]:
            yield from ((part, row) for row in rows_of(task, given[part], config))

    preprocessing, notes = task.fit((row for part, row in parts() if part == "train"), config)
    notes += [*sources.remarks(), *(it for paths in given.values() for it in remarks(task, paths, config))]
    table = None
    if vectors is not None:
        preprocessing, table, note = _with_vectors(preprocessing, config, vectors, vector_words)
        notes.append(note)
    with ExamplesWriter(folder) as writer:

        def written() -> Iterator[Row]:
            """Encode all rows; those that are not for training are seen by `unfamiliar` too."""
            for part, row in parts():
                for example in task.encode(row, config, preprocessing):
                    writer.add(part, example)
                if part != "train":
                    yield row

        rows = written()
        notes += task(config, preprocessing).unfamiliar(rows)
        deque(rows, maxlen=0)  # if that did not read them to the end
        if table is not None:
            writer.add_vectors(table)
        kind = "given files" if sources.validation else task.split_kind(held)
        return writer.finish(preprocessing, kind, notes)


def _with_vectors(
    preprocessing: Preprocessing, config: Any, path: Path, further: int
) -> tuple[Preprocessing, NDArray[np.float32], str]:
    """Read vectors for the words; return the preprocessing with further words that the file knows, and a note."""
    if "words" not in preprocessing.values:
        raise ArgumentError(f"These data have no words, so there is no use for vectors from {path}.")
    words, lowercase = preprocessing.vocabulary("words"), bool(getattr(config, "lowercase", False))
    found = read_vectors(path, words, config.embedding_size, further=further, lowercase=lowercase)
    note = f"word vectors: {found.found:,} of {len(words):,} words found in {path}, {len(found.further):,} further ones"
    return Preprocessing(preprocessing.values | {"words": words.entries + found.further}), found.table, note


def encoded(task: TrainedTask, paths: Sequence[Path], folder: Path) -> Part:
    """Encode other files with the fitted preprocessing of a task.

    Args:
        task: the task, as it was trained.
        paths: files or folders.
        folder: an empty folder for the encoded examples.

    Raises:
        DataError: a file is not what the task reads; the message names file and line.
    """
    with ExamplesWriter(folder) as writer:
        for row in rows_of(type(task), paths, task.config):
            for example in task.encode(row, task.config, task.preprocessing):
                writer.add("test", example)
        if not writer.counts["test"]:
            raise DataError(f"{', '.join(map(str, paths))}: there are no examples to evaluate.")
        return writer.part("test")


def remarks(task: type[ExampleReader], paths: Iterable[Path], config: Any) -> list[str]:
    """What a task says of files and folders besides their rows."""
    return [it for path in task.group_files(tuple(paths)) for it in task.remarks(path, config)]


def rows_of(task: type[ExampleReader], paths: Iterable[Path], config: Any) -> Iterator[Row]:
    """Read the rows of files, without blank ones.

    Raises:
        DataError: a file is not what the task reads, or has no row.
    """
    for path in task.group_files(tuple(paths)):
        count = 0
        for row in task.read(path, config):
            if not row.blank:
                count += 1
                yield row
        if not count:
            raise DataError(f"{path} holds no example: give a file with examples.")
