"""A session with language models: the texts that they read, and what was found in them."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.detectors import Detector
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.hidden_units.findings import Findings
from tidegate.lens.hidden_units.kept_findings import findings_of
from tidegate.lens.interventions.effect import Effect, effect
from tidegate.lens.interventions.intervention import Intervention
from tidegate.lens.record.held_out import SEARCHED, held_out_text, measured_half
from tidegate.lens.record.reading import Reading, read
from tidegate.lens.session.lru_cache import LRUCache
from tidegate.lens.session.session import Session
from tidegate.train import Run

MAX_RUNS = 4
MAX_LENGTH = 200_000  # characters of one text
IN_MEMORY = 64 << 20  # bytes of a trace; longer ones are stored on disk
CACHED = 6  # texts whose traces are cached; an older text is read again when it is used
MAX_TEXTS = 100  # that were added; older ones are dropped


class _Entry(NamedTuple):
    reading: Reading
    folder: Path | None  # of its trace


class TextSession(Session):
    """One to four runs of language models and the texts that they read.

    Every text has a number. Number 0 is the first; texts that are added get the next ones.

    Args:
        runs: the first is looked at; the others are compared with it.
        text: the first text.
        part: the part of the corpus that the first text is from: "test" or "validation"; "" for any other text.

    Raises:
        ArgumentError: there are more than four runs, or the text is empty.
    """

    def __init__(self, runs: Sequence[Run], text: str, part: str = "") -> None:
        if not 1 <= len(runs) <= MAX_RUNS:
            raise ArgumentError(f"{len(runs)} runs were given: one to {MAX_RUNS} can be looked at together.")
        super().__init__(runs)
        self.part = part
        self._texts: dict[int, str] = {}
        self._next = 0
        self._readings: LRUCache[_Entry] = LRUCache(CACHED, self.computations, _remove)
        self._folder = tempfile.TemporaryDirectory(prefix="tidegate-look-", ignore_cleanup_errors=True)
        try:
            self.add(text)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop what is computed, clear the caches and delete their files."""
        super().close()
        self._readings.clear()
        self._folder.cleanup()

    @property
    def reads_text(self) -> bool:
        """A language model reads any text of its vocabulary."""
        return True

    def add(self, text: str) -> int:
        """Let the run read a text and return its number.

        Raises:
            ArgumentError: it is empty, or longer than 200,000 characters.
            UnknownTokenError: a character is not in the vocabulary, and the policy is to raise.
        """
        if len(text) > MAX_LENGTH:
            raise ArgumentError(f"The text has {len(text):,} characters, but at most {MAX_LENGTH:,} can be looked at.")
        with self._lock:
            number = self._next
            self._next += 1
            self._texts[number] = text
        try:
            self.reading(number)
        except BaseException:
            with self._lock:
                del self._texts[number]
            raise
        with self._lock:
            self._texts.pop(number - MAX_TEXTS if number > MAX_TEXTS else -1, None)
        return number

    def text(self, number: int) -> str:
        """Return a text by its number.

        Raises:
            ArgumentError: there is no such text.
        """
        text = self._texts.get(number)
        if text is None:
            dropped = 0 <= number < self._next
            raise ArgumentError(f"There is no text {number}" + (" any longer: give it again." if dropped else "."))
        return text

    @property
    def texts(self) -> dict[int, str]:
        """The texts by number."""
        with self._lock:
            return dict(self._texts)

    def reading(self, text: int = 0, run: int = 0) -> Reading:
        """Return a text as a run read it, with all gates and states in half precision.

        Raises:
            ArgumentError: there is no such text or run.
        """
        one, given = self.run_number(run), self.text(text)
        return self._readings.get((text, run), lambda: self._read(one, given)).reading

    def find_cells(self, detector: Detector | None = None) -> Findings:
        """Return what `tidegate.lens.find_cells` finds on held-out text, cached.

        The findings of the built-in detectors are kept in the run folder, and lack ``scores`` when they are read there.

        Args:
            detector: the property to search for; its name is the key in the cache. Default: all built-in detectors.

        Raises:
            ArgumentError: there is no held-out text, or too little.
        """
        if detector is None:
            return self.cached("find_cells", lambda: findings_of(self.run))
        model, tokenizer = self.run.model, self.run.tokenizer
        return self.cached(
            ("find_cells", detector.name),
            lambda: find_cells(model, tokenizer, held_out_text(self.run, SEARCHED), detectors=[detector]),
        )

    def effect(self, interventions: tuple[Intervention, ...]) -> Effect:
        """Return what interventions do on held-out text, cached.

        It is measured on the half of the text on which `find_cells` did not choose the hidden unit.

        Raises:
            ArgumentError: there is no held-out text, or an intervention is not possible in this model.
        """
        return self.cached(
            ("effect", interventions),
            lambda: effect(self.run.model, self.run.tokenizer, measured_half(self.run), interventions),
        )

    def _read(self, run: Run, text: str) -> _Entry:
        # A folder of its own: the trace of an earlier reading may still be mapped, and its files must not change.
        large = self._size(text, run) > IN_MEMORY
        folder = Path(tempfile.mkdtemp(dir=self._folder.name)) if large else None
        try:
            return _Entry(read(run.model, run.tokenizer, text, folder=folder, dtype=np.float16), folder)
        except BaseException:
            if folder is not None:
                shutil.rmtree(folder)
            raise

    @staticmethod
    def _size(text: str, run: Run) -> int:
        return 2 * len(text) * sum(run.config.model.sizes) * len(run.model.cell.recorded)


def _remove(entry: _Entry) -> None:
    """Delete a trace's files; arrays that are still mapped stay readable."""
    if entry.folder is not None:
        shutil.rmtree(entry.folder, ignore_errors=os.name == "nt")  # Windows keeps mapped files; close() deletes them
