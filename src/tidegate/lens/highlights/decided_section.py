"""Which word decided the worst mistakes and the surest right answers: the one without which they change most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.highlights.section import Link, Section, Sentence, Strip
from tidegate.lens.highlights.sentences import figure
from tidegate.lens.notebook import spaced
from tidegate.lens.progress import report_progress
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks.outcomes import Outcome, Outcomes
from tidegate.lens.tasks.reasons.outcome_reasons import outcome_reasons
from tidegate.lens.tasks.reasons.what_decided import Reasons

WORST, SUREST = 6, 3  # mistakes and right answers that are attributed
LINKS = 3


@dataclass(frozen=True)
class _Answer:
    """An answer, and what it is due to.

    Attributes:
        outcome: the answer.
        text: number of the example in the session.
        reasons: what the answer rather than another one is due to.
    """

    outcome: Outcome
    text: int
    reasons: Reasons


def decided_section(session: ExampleSession, outcomes: Outcomes, unit: str) -> Section:
    """Return which single word decided the worst mistakes and the surest right answers, where one did.

    Args:
        session: the run's session.
        outcomes: those of its held-out examples; labels or texts.
        unit: what one step of an example is, such as "word".
    """
    place = {it.number: session.first_own + n for n, it in enumerate(outcomes.each)}
    surest = sorted((it for it in outcomes.each if it.right), key=lambda it: it.loss)[:SUREST]
    made: list[_Answer] = []
    refused: list[Sentence] = []
    for outcome in (*outcomes.worst(WORST), *surest):
        report_progress("Asking what decided", len(made) / (WORST + SUREST))
        try:
            text = place[outcome.number]
            reasons = outcome_reasons(session.run, outcome, session.example(text).part)
        except ArgumentError as error:  # such as an example that is too long
            refused.append(Sentence(f"Example {outcome.number} is left out: {error}"))
        else:
            made.append(_Answer(outcome, text, reasons))
    decided = [it for it in made if it.reasons.deciding_step is not None]
    # Regions of an image are seen on the screen Why.
    texts = [it for it in decided if it.reasons.read and it.reasons.grid is None]
    seen = [_strip(texts, unit)] if texts else []
    lead = Sentence(_lead(made, decided, unit), lead=True) if made else None
    parts = (*([lead] if lead else []), *seen, *(Sentence(_said(it, unit)) for it in decided), *refused)
    return Section("decided", f"Which {unit} decided", parts, tuple(_link(it) for it in decided[:LINKS]))


def _lead(made: Sequence[_Answer], decided: Sequence[_Answer], unit: str) -> str:
    tried = {right: sum(bool(it.outcome.right) == right for it in made) for right in (False, True)}
    names = {False: "worst mistakes", True: "surest right answers"}
    if not decided:
        every = " and ".join(f"the {tried[right]} {name}" for right, name in names.items() if tried[right])
        return f"No single {unit} decided any of {every}: several carry each of them."
    found = {right: sum(bool(it.outcome.right) == right for it in decided) for right in tried}
    every = " and ".join(
        f"{found[right] or 'none'} of the {tried[right]} {name}" for right, name in names.items() if tried[right]
    )
    return (
        f"A single {unit} decided {every}: without it the answer loses at least half as much again as without any "
        f"other {unit}, and integrated gradients point to it, too."
    )


def _said(answer: _Answer, unit: str) -> str:
    outcome, made = answer.outcome, answer.reasons
    step = made.deciding_step
    assert step is not None
    if made.grid is not None:
        itself = f"the region in {made.read[step]}" if step < made.grid[0] * made.grid[1] else made.read[step]
    else:
        itself = f"“{made.read[step].strip() or made.read[step]}”" if made.read else f"{unit} {step + 1}"
    itself += " itself" * bool(outcome.token and step == made.at)
    worth = (
        f"It is worth {figure(made.erased[step])} nats, no other {unit} more than {figure(made.largest_other(step))}"
    )
    said = f"Example {outcome.number}{_what(outcome, made)}: {itself} decided. {worth}"
    if made.against is None or made.value >= made.erased[step]:
        return f"{said}."
    return f"{said}; without it “{made.against}” would be the likelier of the two."


def _what(outcome: Outcome, made: Reasons) -> str:
    """Return what was answered, and what was not, in words."""
    rightly, rest = "rightly " * bool(outcome.right), "" if made.against is None else f" and not “{made.against}”"
    if not outcome.counts:  # a text
        return f", “{made.target}” {rightly}written{rest}"
    token = f" “{outcome.token}”" if outcome.token else ""
    return f",{token} {rightly}taken for “{made.target}”{rest}"


def _strip(decided: Sequence[_Answer], unit: str) -> Strip:
    """Return what was read, one example a line, tinted by what each answer loses without each step."""
    pieces: list[str] = []
    values: list[float] = []
    holds: list[bool] = []
    for it in decided:
        pieces += [f"{it.outcome.number}: ", *spaced(it.reasons.read), "\n"]
        values += [0.0, *(round(float(value), 4) for value in it.reasons.erased), 0.0]
        holds += [False, *(n == it.reasons.deciding_step for n in range(len(it.reasons.read))), False]
    top = round(float(np.abs(values).max()), 4) or 1.0
    label = f"what the answer loses without each {unit}, in nats"
    return Strip(label, tuple(pieces[:-1]), tuple(values[:-1]), tuple(holds[:-1]), top, f"the {unit} that decided")


def _link(answer: _Answer) -> Link:
    made = answer.reasons
    title = f"Why, in example {answer.outcome.number}"
    return Link(title, "reasons", text=answer.text, place=made.at, target=made.target, against=made.against or "")
