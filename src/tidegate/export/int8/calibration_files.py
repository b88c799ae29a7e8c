"""Sequences of files, as a run's task reads them, to calibrate with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.export.graph.exported import as_read
from tidegate.text import LanguageModel
from tidegate.text.corpus.build_corpus import prepare_corpus
from tidegate.train.run_folder import Run

STEPS = 10_000  # that are read
STREAM = 2000  # tokens of a text that are read from the beginning


def sequences_of_files(run: Run, files: Sequence[Path]) -> list[Tensor]:
    """Read the first 10,000 steps of files: tokens (T,) or frames (T, size), as an export of the run reads them.

    Raises:
        DataError: a file is not what the task reads, or holds nothing.
    """
    if isinstance(run.model, LanguageModel):
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            corpus = prepare_corpus(files, folder, tokenizer=run.vocabulary, splits=None, limit=None)
            tokens = torch.from_numpy(np.array(corpus.array[:STEPS], dtype=np.int64))
            del corpus  # its file is mapped, and Windows removes no mapped file
        return [*tokens.split(STREAM)]
    found: list[Tensor] = []
    steps = 0
    for values in _examples(run, files):
        sequence = as_read(run, values[: STEPS - steps])
        if len(sequence):
            found.append(sequence)
        steps += len(values)
        if steps >= STEPS:
            break
    return found


def _examples(run: Run, files: Sequence[Path]) -> Iterator[Any]:
    """Read examples as ``tidegate predict`` does, without targets."""
    task: Any = run.task
    for path in files:
        for row in task.read(path, run.config.model):
            if not row.blank:
                for example in task.encode(row, run.config.model, run.vocabulary, labelled=False):
                    yield example[task.LENGTH]
