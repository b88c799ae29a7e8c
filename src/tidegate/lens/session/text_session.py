"""What is being looked at: runs, and the texts that they read."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens import Reading, read
from tidegate.lens.session.lru_cache import Kept
from tidegate.lens.session.session import Looked
from tidegate.train import Run

MOST_RUNS = 4
LONGEST = 200_000  # characters of one text
IN_MEMORY = 64 << 20  # bytes of a trace; a longer one is kept on disk
KEPT = 6  # texts whose traces are kept; an older one is read again when it is asked for
TEXTS = 100  # that were typed; an older one is forgotten


class _Read(NamedTuple):
    reading: Reading
    folder: Path | None  # where its trace is


class Looking(Looked):
    """One to four runs of language models and the texts that they read.

    Every text has a number. Number 0 is there from the beginning; those that are typed on the page come after it.

    Args:
        runs: the first is the one that is looked into; the others are compared with it.
        text: what they read first.

    Raises:
        ArgumentError: more than four runs, or a text without a character.
    """

    def __init__(self, runs: Sequence[Run], text: str) -> None:
        if not 1 <= len(runs) <= MOST_RUNS:
            raise ArgumentError(f"{len(runs)} runs were given: one to {MOST_RUNS} can be looked at together")
        super().__init__(runs)
        self._texts: dict[int, str] = {}
        self._next = 0
        self._readings: Kept[_Read] = Kept(KEPT, self.lock, _removed)
        self._folder = tempfile.TemporaryDirectory(prefix="tidegate-look-")
        try:
            self.add(text)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove what is kept, on disk too."""
        super().close()
        self._readings.clear()
        self._folder.cleanup()

    def add(self, text: str) -> int:
        """Let the run read a text; its number.

        Raises:
            ArgumentError: it is empty, or longer than 200,000 characters.
            UnknownTokenError: a character is not in the vocabulary, and the policy is to refuse it.
        """
        if len(text) > LONGEST:
            raise ArgumentError(f"the text has {len(text):,} characters, but at most {LONGEST:,} can be looked at")
        with self.lock:
            number = self._next
            self._texts[number] = text
            try:
                self.reading(number)
            except Exception:
                del self._texts[number]
                raise
            self._next += 1
            self._texts.pop(number - TEXTS if number > TEXTS else -1, None)
            return number

    def text(self, number: int) -> str:
        """A text by its number.

        Raises:
            ArgumentError: there is no such text.
        """
        text = self._texts.get(number)
        if text is None:
            old = 0 <= number < self._next
            raise ArgumentError(f"there is no text {number}" + " any longer: give it again" * old)
        return text

    def reading(self, text: int = 0, run: int = 0) -> Reading:
        """A text as a run read it, with all gates and states in half precision.

        Raises:
            ArgumentError: there is no such text or run.
        """
        one, given = self.run_of(run), self.text(text)
        return self._readings.get((text, run), lambda: self._read(one, given)).reading

    def _read(self, run: Run, text: str) -> _Read:
        # A folder of its own: the trace of an earlier reading may still be mapped, and its files must not change.
        large = self._size(text, run) > IN_MEMORY
        folder = Path(tempfile.mkdtemp(dir=self._folder.name)) if large else None
        try:
            return _Read(read(run.model, run.tokenizer, text, folder=folder, dtype=np.float16), folder)
        except BaseException:
            if folder is not None:
                shutil.rmtree(folder)
            raise

    @staticmethod
    def _size(text: str, run: Run) -> int:
        config, cell = run.config.model, run.model.cell
        return 2 * len(text) * config.num_layers * config.hidden_size * len(cell.recorded)


def _removed(kept: _Read) -> None:
    """What is mapped can still be read where its file is gone, until nobody does."""
    if kept.folder is not None:
        shutil.rmtree(kept.folder, ignore_errors=os.name == "nt")  # Windows keeps what is mapped; close() removes it


def held_out(run: Run, length: int) -> str:
    """Text of the run's own that it was not trained on: of test if there is one, else of validation.

    Args:
        run: the run.
        length: units, at most.

    Raises:
        ArgumentError: the run has neither; without splits, what it was trained on is all there is.
    """
    corpus = run.open_data()
    for part in (corpus.test, corpus.validation) if corpus.splits else ():
        if len(part):
            return run.tokenizer.decode(part[:length])
    raise ArgumentError(
        f"{run.folder.name} has no held-out text: it was trained on all of its text ({corpus.split_kind}). Give a TEXT "
        "to be read; what is measured on held-out text (the finder, the cost of an edit) needs a run trained with "
        "--splits, such as 90/5/5"
    )
