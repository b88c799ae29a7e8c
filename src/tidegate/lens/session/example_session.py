"""A session with a run of any task but language modelling: its own examples, rows of files, and texts typed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.data.rows import Row
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.findings import Findings
from tidegate.lens.interventions.intervention import Intervention
from tidegate.lens.progress import report_progress
from tidegate.lens.session.lru_cache import LRUCache
from tidegate.lens.session.session import Session
from tidegate.lens.tasks.inputs import PartName
from tidegate.lens.tasks.look_at import look_at
from tidegate.lens.tasks.outcomes import TRYING, Answers, HeldOut, Outcome, Outcomes
from tidegate.lens.tasks.reasons.decisions import Decisions
from tidegate.lens.tasks.task_look import ExampleLook, task_look
from tidegate.lens.tasks.units.held_out_halves import subject_of
from tidegate.lens.tasks.units.kept_unit_findings import unit_findings_of
from tidegate.lens.tasks.units.subject import Subject
from tidegate.lens.tasks.units.unit_effect import UnitEffect, unit_effect
from tidegate.lens.tasks.views import Look
from tidegate.tasks.base_task import example_task
from tidegate.train import Run

MAX_ROWS = 2_000  # of the user's file that can be chosen
MAX_LENGTH = 2_000  # characters of a typed text: a bidirectional classifier reads every prefix by itself
CACHED = 8  # looks; an older one is computed again when it is used


@dataclass(frozen=True)
class SessionExample:
    """An example that can be chosen.

    Attributes:
        name: the name shown in the list of examples.
        value: a text, a row of a file, or the number of one of the run's own examples.
        part: which of the run's own parts that is in.
    """

    name: str
    value: str | Row | int
    part: PartName = "validation"


class ExampleSession(Session):
    """A run of a tagger, classifier, translator, captioner, forecaster or regressor, and its examples by number.

    First come the rows of the user's file or text, then, from number ``first_own`` on, those of ``held_out``: examples
    of the run's own that it was not trained on. Texts that are added come after them, from ``first_typed`` on.

    Args:
        run: the run.
        rows: the user's rows.

    Raises:
        ArgumentError: the task has no look at examples, or there is no example.
        DataError: the run cannot read the first row.
    """

    def __init__(self, run: Run, rows: Sequence[Row] = ()) -> None:
        super().__init__([run])
        look = task_look(run)
        if not isinstance(look, ExampleLook):
            raise ArgumentError(f"{run.place} is a run of the task {run.config.task}, which has no look at examples.")
        self.task_look = look
        self.task = example_task(run.config.task)(run.config.model, run.vocabulary)
        self.examples = [SessionExample(row.where, row) for row in rows]
        self.held_out = HeldOut(run) if run.holds_data or not rows else None
        self.first_own = len(self.examples)
        if self.held_out is not None:
            part = self.held_out.part
            self.examples += [SessionExample(f"{part} example {n}", n, part) for n in self.held_out.numbers]
        if not self.examples:
            raise ArgumentError(
                "The run has no example that it was not trained on, neither for validation nor for test: give TEXT or "
                "--file."
            )
        self.first_typed = len(self.examples)
        self._looks: LRUCache[Look] = LRUCache(CACHED, self.computations)
        self._outcomes: list[Outcome] = []
        if rows:
            self.look()

    def close(self) -> None:
        """Stop what is computed, and clear the caches."""
        super().close()
        self._looks.clear()

    @property
    def reads_text(self) -> bool:
        """Whether a text can be added."""
        return self.task_look.text_field is not None

    def add(self, text: str) -> int:
        """Add a text to the examples and return its number.

        Raises:
            ArgumentError: it is empty or longer than 2,000 characters, or the run reads no text.
            DataError: the run cannot read it.
        """
        if not self.reads_text:
            raise ArgumentError(f"This run of {self.run.config.task} reads no text: choose an example.")
        if len(text) > MAX_LENGTH:
            raise ArgumentError(f"The text has {len(text):,} characters, but at most {MAX_LENGTH:,} can be looked at.")
        line = " ".join(text.splitlines())  # as tidegate predict --text reads it
        example = SessionExample(f"typed: {line:.40}", line)
        found = self.computations.result(("typed", line), lambda: self._look_at(example, None))
        with self._lock:
            number = len(self.examples)
            self.examples.append(example)
        self._looks.put((number, None), found)
        return number

    @property
    def answers(self) -> Answers | None:
        """What the run answers; None if there are no `outcomes`."""
        return self.held_out.answers if self.held_out is not None and self.held_out.numbers else None

    def outcomes(self) -> Iterator[list[Outcome]]:
        """Try the run's own examples, from number ``first_own`` on, batch by batch, and keep what comes of it.

        Others can compute between the batches of the pass, which ends when the iterator is left.

        Raises:
            ArgumentError: the task does not say whether an answer is right.
        """
        done = 0
        while self.held_out is not None and done < len(self.held_out.numbers):
            if done >= len(self._outcomes):
                self.computations.result(("outcomes", done), lambda done=done: self._try_from(done))
            batch = self._outcomes[done:]
            done += len(batch)
            yield batch

    def _try_from(self, done: int) -> None:
        if self.held_out is not None and done >= len(self._outcomes):
            self._outcomes += self.held_out.batch(done)

    def all_outcomes(self) -> Outcomes:
        """Return what comes of trying all of the run's own examples.

        Raises:
            ArgumentError: the run has none, or the task does not say whether an answer is right.
        """
        if self.held_out is None:
            raise ArgumentError(f"{self.run.place} holds no examples of its own: only its model is there.")
        found: list[Outcome] = []
        for batch in self.outcomes():
            found += batch
            report_progress(TRYING, len(found) / len(self.held_out.numbers))
        return self.held_out.together(found)

    def example(self, number: int) -> SessionExample:
        """Return an example by its number.

        Raises:
            ArgumentError: there is no such example.
        """
        if not 0 <= number < len(self.examples):
            raise ArgumentError(f"There is no example {number}: there are {len(self.examples)}.")
        return self.examples[number]

    @property
    def subject(self) -> Subject:
        """What hidden units of the run may track.

        Raises:
            ArgumentError: the task does not say.
        """
        return subject_of(self.run)

    @property
    def decisions(self) -> Decisions | None:
        """What the run decides, as a function of the steps' inputs; None if the task does not say."""
        return self.task_look.decisions

    @property
    def read_unit(self) -> str:
        """What one step of an example is, such as "word"; "step" if the task does not say."""
        return "step" if self.decisions is None else self.decisions.reads(self.task)

    def find_units(self, sequence: str) -> Findings:
        """Return what `tidegate.lens.tasks.find_units` finds, cached and kept in the run folder.

        Findings that were kept lack ``scores``.
        """
        return self.cached(("find_units", sequence), lambda: unit_findings_of(self.run, sequence))

    def unit_effect(self, interventions: tuple[Intervention, ...], sequence: str) -> UnitEffect:
        """Return what interventions do on held-out examples, cached; see `tidegate.lens.tasks.unit_effect`."""
        return self.cached(
            ("unit_effect", sequence, interventions), lambda: unit_effect(self.run, interventions, sequence=sequence)
        )

    def look(self, number: int = 0, beam: int | None = None) -> Look:
        """Return what the run did with an example, cached.

        Args:
            number: the example's number.
            beam: width of the beam search, of tasks that write. Default: the run's.

        Raises:
            ArgumentError: there is no such example, or it cannot be looked at.
        """
        example = self.example(number)
        return self._looks.get((number, beam), lambda: self._look_at(example, beam))

    def _look_at(self, example: SessionExample, beam: int | None) -> Look:
        return look_at(self.run, example.value, part=example.part, beam=beam)
