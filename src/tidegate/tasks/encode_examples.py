"""From sources to the examples of a run: learn what must be known from the training part, encode, write."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tidegate.data.columns import Examples, ExamplesWriter, Part
from tidegate.data.rows import Row
from tidegate.data.sources import PARTS, Sources
from tidegate.data.vectors import read_vectors
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.example_task import ExampleTask

SHARES = (0.8, 0.1, 0.1)


def prepare_examples(
    task: type[ExampleTask],
    sources: Sources,
    config: Any,
    folder: Path,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    vectors: Path | None = None,
) -> Examples:
    """Encode the data of a task in its run folder.

    The files are read twice: to learn from the training part what must be known (vocabularies, sizes, the scheme of
    tags), and to encode. Nothing is learned from the other parts.

    Args:
        task: whose data they are.
        sources: where they come from. Without a validation part of its own a share of the rows is held out.
        config: the task's settings.
        folder: the run folder.
        shares: for training, validation and test, where sources do not say.
        seed: of the random split.
        vectors: a text file of word vectors (GloVe or word2vec) that start the embedding.

    Returns:
        The examples, opened.

    Raises:
        DataError: a file is not what the task reads; the message names file and line.
        CorpusTooSmallError: there is nothing to train on.
        ArgumentError: the shares do not sum to 1, or word vectors are given to a task without words.
    """
    if abs(sum(shares) - 1) > 1e-9 or min(shares) < 0 or not shares[0]:
        raise ArgumentError(f"The shares of training, validation and test are {shares}, but must sum to 1.")
    task.check_packages()
    given = {"train": sources.train, "validation": sources.validation, "test": sources.test}
    # A share of the training rows becomes the validation or the test part only where there is no such part.
    held = [share if not given[part] or part == "train" else 0.0 for part, share in zip(PARTS, shares, strict=True)]
    if sources.validation and not sources.test:
        held[2] = 0.0
    held = [share / sum(held) for share in held]

    def parts() -> Iterator[tuple[str, Row]]:
        yield from task.split(_read(task, sources.train, config), held, seed)
        for part in PARTS[1:]:
            yield from ((part, row) for row in _read(task, given[part], config))

    preprocessing, notes = task.learn((row for part, row in parts() if part == "train"), config)
    with ExamplesWriter(folder) as writer:
        for part, row in parts():
            for example in task.encode(row, config, preprocessing):
                writer.add(part, example)
        if vectors is not None:
            if "words" not in preprocessing.values:
                raise ArgumentError(f"{task.name} has no words here, so it cannot begin with vectors from {vectors}.")
            table, found = read_vectors(vectors, preprocessing.vocabulary("words"), config.embedding_size)
            notes.append(f"word vectors: {found:,} of {len(table):,} words found in {vectors}")
            writer.add_vectors(table)
        kind = "files of their own" if sources.validation else task.split_kind(held)
        return writer.finish(preprocessing, kind, notes)


def encoded(task: ExampleTask, paths: Sequence[Path], folder: Path) -> Part:
    """Encode other files with what a task has learned.

    Args:
        task: as it was trained.
        paths: files or folders.
        folder: where the encoded examples are to be; an empty one.

    Raises:
        DataError: a file is not what the task reads; the message names file and line.
    """
    with ExamplesWriter(folder) as writer:
        for row in _read(type(task), paths, task.config):
            for example in task.encode(row, task.config, task.preprocessing):
                writer.add("test", example)
        if not writer.counts["test"]:
            raise DataError(f"{', '.join(map(str, paths))}: there is nothing that can be measured.")
        return writer.part("test")


def _read(task: type[ExampleTask], paths: Iterable[Path], config: Any) -> Iterator[Row]:
    for path in task.files(tuple(paths)):
        count = 0
        for count, row in enumerate(task.read(path, config), 1):  # noqa: B007
            yield row
        if not count:
            raise DataError(f"{path} holds no example: give a file with examples.")
