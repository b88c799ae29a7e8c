"""What a run of any task but language modelling is given: its own examples, rows of files, and what is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.data.columns import open_examples
from tidegate.data.rows import Row
from tidegate.errors import ArgumentError
from tidegate.lens.session.lru_cache import Kept
from tidegate.lens.session.session import Looked
from tidegate.lens.tasks import Look, look_at
from tidegate.lens.tasks.inputs import PartName
from tidegate.lens.tasks.look_at import LOOKS
from tidegate.tasks.classify.task import ClassifyTask
from tidegate.tasks.seq2seq.translate import TranslateTask
from tidegate.tasks.tag.task import TagTask
from tidegate.train import Run
from tidegate.train.registry import task_named

MOST = 50  # of the run's own examples that can be chosen
LONGEST = 2_000  # characters of what is typed: a classifier that reads from both ends reads every prefix by itself
KEPT = 8  # looks that are kept; an older one is made again when it is asked for
PARTS: tuple[PartName, ...] = ("validation", "test")


@dataclass(frozen=True)
class Given:
    """One thing that a run can be given.

    Attributes:
        name: for a person to choose it by.
        value: a text, a row of a file, or the number of an example.
        part: which of the run's own parts that is in.
    """

    name: str
    value: str | Row | int
    part: PartName = "validation"


class Givens(Looked):
    """A run of a tagger, classifier, translator, captioner, forecaster or probe, and what it is given, by number.

    First come the rows of a person's file or text, then the run's own examples that it was not trained on; what is
    typed on the page comes after them.

    Args:
        run: what is looked into.
        rows: what it is given first.

    Raises:
        ArgumentError: there is nothing to give.
        DataError: the run cannot read the first row.
    """

    def __init__(self, run: Run, rows: Sequence[Row] = ()) -> None:
        super().__init__([run])
        kind = task_named(run.config.task)
        self.can_look = any(issubclass(kind, known) for known in LOOKS)
        reads_text = issubclass(kind, ClassifyTask | TagTask) and run.vocabulary.text("input") != "frames"
        self.can_read = reads_text or issubclass(kind, TranslateTask)
        self.givens = [Given(row.where, row) for row in rows]
        parts = open_examples(run.folder).parts
        for part in PARTS:
            if len(parts[part]):
                own = range(min(MOST, len(parts[part])))
                self.givens += [Given(f"{part} example {n}", n, part) for n in own]
                break
        if not self.givens and self.can_look:
            raise ArgumentError(
                "the run has no example that it was not trained on, neither for validation nor for test: give TEXT or "
                "--file"
            )
        self._looks: Kept[Look] = Kept(KEPT, self.lock)
        if rows and self.can_look:
            self.look()

    def close(self) -> None:
        """Let go of what is kept."""
        super().close()
        self._looks.clear()

    def add(self, text: str) -> int:
        """Let the run take a text; its number.

        Raises:
            ArgumentError: it is empty or longer than 2,000 characters, or the run reads no text.
            DataError: the run cannot read it.
        """
        if not self.can_read:
            raise ArgumentError(f"a run of {self.run.config.task} of this kind reads no text: choose an example")
        if len(text) > LONGEST:
            raise ArgumentError(f"the text has {len(text):,} characters, but at most {LONGEST:,} can be looked at")
        with self.lock:
            line = " ".join(text.splitlines())  # as tidegate predict --text reads it
            self.givens.append(Given(f"typed: {line:.40}", line))
            try:
                self.look(len(self.givens) - 1)
            except Exception:
                self.givens.pop()
                raise
            return len(self.givens) - 1

    def given(self, number: int) -> Given:
        """What has a number.

        Raises:
            ArgumentError: nothing has.
        """
        if not 0 <= number < len(self.givens):
            raise ArgumentError(f"there is no example {number}: there are {len(self.givens)}")
        return self.givens[number]

    def look(self, number: int = 0, beam: int | None = None) -> Look:
        """The run's look at what has a number.

        Args:
            number: of what it is given.
            beam: texts kept while searching, of what writes; None: as the run has it.

        Raises:
            ArgumentError: nothing has that number, or it cannot be looked at.
        """
        given = self.given(number)
        return self._looks.get((number, beam), lambda: look_at(self.run, given.value, part=given.part, beam=beam))
