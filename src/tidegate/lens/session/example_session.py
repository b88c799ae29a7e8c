"""A session with a run of any task but language modelling: its own examples, rows of files, and texts typed."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.data.rows import Row
from tidegate.errors import ArgumentError
from tidegate.lens.session.lru_cache import LRUCache
from tidegate.lens.session.session import Session
from tidegate.lens.tasks.inputs import PartName
from tidegate.lens.tasks.look_at import look_at
from tidegate.lens.tasks.task_look import ExampleLook, task_look
from tidegate.lens.tasks.views import Look
from tidegate.train import Run

MAX_EXAMPLES = 50  # of the run's own that can be chosen
MAX_LENGTH = 2_000  # characters of a typed text: a bidirectional classifier reads every prefix by itself
CACHED = 8  # looks; an older one is computed again when it is used
PARTS: tuple[PartName, ...] = ("validation", "test")


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

    First come the rows of the user's file or text, then examples of the run's own that it was not trained on; texts
    that are added come after them.

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
            raise ArgumentError(f"{run.folder} is a run of the task {run.config.task}, which has no look at examples.")
        self.task_look = look
        self.examples = [SessionExample(row.where, row) for row in rows]
        parts = run.open_data().parts if run.holds_data or not rows else {}
        for part in PARTS:
            if len(parts.get(part, ())):
                own = range(min(MAX_EXAMPLES, len(parts[part])))
                self.examples += [SessionExample(f"{part} example {n}", n, part) for n in own]
                break
        if not self.examples:
            raise ArgumentError(
                "The run has no example that it was not trained on, neither for validation nor for test: give TEXT or "
                "--file."
            )
        self._looks: LRUCache[Look] = LRUCache(CACHED, self.lock)
        if rows:
            self.look()

    def close(self) -> None:
        """Clear the caches."""
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
        with self.lock:
            line = " ".join(text.splitlines())  # as tidegate predict --text reads it
            self.examples.append(SessionExample(f"typed: {line:.40}", line))
            try:
                self.look(len(self.examples) - 1)
            except Exception:
                self.examples.pop()
                raise
            return len(self.examples) - 1

    def example(self, number: int) -> SessionExample:
        """Return an example by its number.

        Raises:
            ArgumentError: there is no such example.
        """
        if not 0 <= number < len(self.examples):
            raise ArgumentError(f"There is no example {number}: there are {len(self.examples)}.")
        return self.examples[number]

    def look(self, number: int = 0, beam: int | None = None) -> Look:
        """Return what the run did with an example, cached.

        Args:
            number: the example's number.
            beam: width of the beam search, of tasks that write. Default: the run's.

        Raises:
            ArgumentError: there is no such example, or it cannot be looked at.
        """
        example = self.example(number)
        return self._looks.get((number, beam), lambda: look_at(self.run, example.value, part=example.part, beam=beam))
