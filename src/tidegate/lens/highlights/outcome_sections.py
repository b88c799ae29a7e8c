"""Sections on the answers of a task's run: its worst mistakes, its largest errors, and what it takes for what."""

from collections.abc import Iterator

import numpy as np

from tidegate.io.wording import amount
from tidegate.lens.highlights.section import Link, Section, Sentence, Table
from tidegate.lens.highlights.sentences import figure
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks.outcomes import Outcomes

WORST = 6  # mistakes that are shown, and pairs of labels
LONGEST = 60  # characters of a cell of a table


def outcome_sections(session: ExampleSession, outcomes: Outcomes) -> Iterator[Section]:
    """Yield the worst mistakes, and of labels what is most often taken for what.

    Args:
        session: the run's session.
        outcomes: those of its held-out examples.
    """
    worst = outcomes.worst(WORST)
    if not worst:
        yield Section(
            "worst", "Its mistakes", (Sentence("It makes no mistake on the held-out examples that were tried."),)
        )
        return
    place = {it.number: session.first_own + n for n, it in enumerate(outcomes.each)}
    links = [Link(f"See example {it.number}", "steps", text=place[it.number]) for it in worst[:3]]
    links.append(Link("All mistakes", "outcomes"))
    if outcomes.answers == "numbers":
        parts = (Sentence(_said_of_errors(outcomes)), _numbers_table(outcomes))
        yield Section("worst", "Its largest errors", parts, tuple(links))
        return
    yield Section("worst", "Its worst mistakes", (_worst_table(outcomes),), tuple(links))
    confusion = outcomes.confusion()
    pairs = confusion.mistakes()[:WORST]
    if not pairs:
        return
    true, said = confusion.labels[pairs[0][0]], confusion.labels[pairs[0][1]]
    count = confusion.cells[pairs[0]].count
    rows = tuple(
        (confusion.labels[a], confusion.labels[b], confusion.cells[a, b].count, _share(confusion.matrix()[a], b))
        for a, b in pairs
    )
    columns = ("true", "it said", "times", "of all that are so")
    caption = f"What it most often takes for something else, on {len(outcomes):,} held-out examples"
    text = f"Its commonest mistake: {count:,} times it says {said} where {true} is right."
    first = place[confusion.cells[pairs[0]].examples[0]]
    yield Section(
        "confusion",
        "What it takes for what",
        (Sentence(text), Table(caption, columns, rows, code=(0, 1))),
        (Link(f"{true} taken for {said}: an example", "steps", text=first), Link("The whole matrix", "outcomes")),
    )


def _share(row: np.ndarray, guess: int) -> str:
    return f"{row[guess] / row.sum():.0%}"


def _worst_table(outcomes: Outcomes) -> Table:
    worst = outcomes.worst(WORST)
    texts = any(it.text for it in worst)  # of pictures and frames nothing can be written
    rows = tuple(
        (
            it.number,
            *([_short(it.text)] if texts else []),
            *_answer(it.token, it.truth, it.guess),
            "" if it.p is None else f"{it.p:.3f}",
        )
        for it in worst
    )
    columns = ("example", *(["read"] if texts else []), "true", "it said", "with probability")
    of = f"{amount(len(outcomes), 'example')} of the {outcomes.part} part"
    caption = f"The true answers that it found least likely, of {of}"
    return Table(caption, columns, rows)


def _said_of_errors(outcomes: Outcomes) -> str:
    losses = np.array([it.loss for it in outcomes.each])
    middle, most = (figure(float(it)) for it in (np.nanmedian(losses), np.nanmax(losses)))
    if len(losses) == 1:
        return f"On the one example of the {outcomes.part} part, the {outcomes.measure}, is {middle}."
    return (
        f"Of {len(losses):,} examples of the {outcomes.part} part, one half has errors below {middle} and the other "
        f"between that and {most}: the {outcomes.measure}."
    )


def _numbers_table(outcomes: Outcomes) -> Table:
    rows = tuple((it.number, it.text or "–", float(f"{it.loss:.4g}")) for it in outcomes.worst(WORST))
    return Table("The examples with the largest errors", ("example", "series", outcomes.measure), rows)


def _answer(token: str, truth: str, guess: str) -> tuple[str, str]:
    return (f"{token}: {truth}" if token else _short(truth)), _short(guess)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
