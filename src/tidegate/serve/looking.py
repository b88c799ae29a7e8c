"""What is being looked at: runs, and the texts that they read."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens import Reading, read
from tidegate.serve.looked import Looked
from tidegate.train import Run

MOST_RUNS = 4
LONGEST = 200_000  # characters of one text
IN_MEMORY = 64 << 20  # bytes of a trace; a longer one is kept on disk
KEPT = 6  # texts whose traces are kept; an older one is read again when it is asked for


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
        self._texts: list[str] = []
        self._readings: OrderedDict[tuple[int, int], Reading] = OrderedDict()
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
            UnknownUnitError: a character is not in the vocabulary, and the policy is to refuse it.
        """
        if len(text) > LONGEST:
            raise ArgumentError(f"the text has {len(text):,} characters, but at most {LONGEST:,} can be looked at")
        with self.lock:
            self._texts.append(text)
            try:
                self.reading(len(self._texts) - 1)
            except Exception:
                self._texts.pop()
                raise
            return len(self._texts) - 1

    def text(self, number: int) -> str:
        """A text by its number.

        Raises:
            ArgumentError: there is no such text.
        """
        if not 0 <= number < len(self._texts):
            raise ArgumentError(f"there is no text {number}: there are {len(self._texts)}")
        return self._texts[number]

    def reading(self, text: int = 0, run: int = 0) -> Reading:
        """A text as a run read it, with all gates and states in half precision.

        Raises:
            ArgumentError: there is no such text or run.
        """
        if not 0 <= run < len(self.runs):
            raise ArgumentError(f"there is no run {run}: there are {len(self.runs)}")
        with self.lock:
            given, key = self.text(text), (text, run)
            if key not in self._readings:
                one = self.runs[run]
                folder = Path(self._folder.name, f"{text}-{run}") if self._size(given, one) > IN_MEMORY else None
                self._readings[key] = read(one.model, one.units, given, folder=folder, dtype=np.float16)
                while len(self._readings) > KEPT:
                    self._readings.popitem(last=False)
            self._readings.move_to_end(key)
            return self._readings[key]

    @staticmethod
    def _size(text: str, run: Run) -> int:
        config, cell = run.config.model, run.model.cell
        return 2 * len(text) * config.num_layers * config.hidden_size * len(cell.recorded)


def held_out(run: Run, length: int) -> str:
    """Text of the run's own that it was not trained on: of test if there is one, else of validation.

    Args:
        run: the run.
        length: units, at most.

    Raises:
        ArgumentError: the run has neither.
    """
    corpus = run.open_corpus()
    for part in (corpus.test, corpus.validation):
        if part is not None and len(part):
            return run.units.decode(part[:length])
    raise ArgumentError("the run has no text that it was not trained on, neither validation nor test: give TEXT")
