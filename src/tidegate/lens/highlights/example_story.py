"""The story of a run of any task but language modelling: loss, worst mistakes, and which hidden units track what."""

from collections.abc import Iterator

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.findings import Finding
from tidegate.lens.highlights.decided_section import decided_section
from tidegate.lens.highlights.run_sections import loss_section
from tidegate.lens.highlights.section import Link, Section, Sentence, Strip, Table
from tidegate.lens.highlights.sentences import figure, follows, raises
from tidegate.lens.highlights.unit_sections import (
    best_findings,
    cost_bars,
    nothing_holds,
    story_section,
    unit_section,
)
from tidegate.lens.interventions.effect import ClassEffect
from tidegate.lens.interventions.intervention import Intervention
from tidegate.lens.notebook import spaced
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks.outcomes import Outcomes
from tidegate.lens.tasks.units.unit_effect import UnitEffect
from tidegate.lens.tasks.units.unit_examples import unit_examples

UNITS = 4  # findings that are shown
WORST = 6  # mistakes that are shown, and pairs of labels
EXAMPLES = 3  # in which a unit is shown
LONGEST = 60  # characters of a cell of a table
STEPS = 40  # of an example in which a unit is shown
MODELS = {
    "classify": "A classifier",
    "tag": "A tagger",
    "translate": "A translator",
    "caption": "A captioner",
    "forecast": "A forecaster",
    "regress": "A regression model",
}


def example_story(session: ExampleSession) -> Iterator[Section]:
    """Yield the sections of the story of a task's run, as they are computed."""
    run = session.run
    outcomes = session.all_outcomes() if session.answers is not None else None
    yield _run_section(session, outcomes)
    if run.validation is not None and run.config.baselines:
        yield loss_section(run, run.validation)
    if outcomes is not None:
        yield from _outcome_sections(session, outcomes)
        if session.decisions is not None and outcomes.answers != "numbers":
            yield decided_section(session, outcomes, session.read_unit)
    subject = session.task_look.subject
    if subject is None or session.held_out is None:
        return
    sequence = next(iter(subject.sequences))
    findings = session.find_units(sequence)
    chosen = best_findings(findings, _group, UNITS)
    if not chosen:
        yield nothing_holds(findings, lambda it: follows(it, _words(it), "held-out examples"))
    made: list[Section] = []
    for finding in chosen:
        made.append(_unit(session, finding, sequence))
        yield made[-1]
    yield story_section(made, [f"“{it.detector}”" for it in chosen])


def _run_section(session: ExampleSession, outcomes: Outcomes | None) -> Section:
    run, config = session.run, session.run.config
    layers, size = config.model.num_layers, config.model.hidden_size
    both = ", read in both directions" if getattr(config.model, "bidirectional", False) else ""
    model = MODELS.get(config.task, f"A model of the task {config.task}")
    what = (
        f"{model}: {'one layer' if layers == 1 else f'{layers} layers'} of {size} "
        f"{config.model.cell} units{both}, trained for {run.step:,} steps."
    )
    if outcomes is not None and outcomes.accuracy is not None:
        right = sum(bool(it.right) for it in outcomes.each)
        several = any(it.predictions > 1 for it in outcomes.each)
        share = f"{'entirely ' * several}right ({right / len(outcomes):.1%})"
        what += f" Of {len(outcomes):,} examples of the {outcomes.part} part it gets {right:,} {share}."
    if run.validation is not None:
        what += f" Its validation loss is {figure(run.validation)} {config.loss_name}"
        if config.baselines:
            name, best = min(config.baselines.items(), key=lambda it: it[1])
            verdict = "better" if run.validation < best else "NOT better"
            what += f", {verdict} than the best baseline ({name}: {figure(best)})"
        what += "."
    return Section("run", "The run", (Sentence(what, lead=True),))


def _outcome_sections(session: ExampleSession, outcomes: Outcomes) -> Iterator[Section]:
    """Yield the worst mistakes, and of labels what is most often taken for what."""
    worst = outcomes.worst(WORST)
    if not worst:
        yield Section(
            "worst", "Its mistakes", (Sentence("It makes no mistake on the held-out examples that were tried."),)
        )
        return
    place = {it.number: session.first_own + n for n, it in enumerate(outcomes.each)}
    links = [Link(f"See example {it.number}", "steps", text=place[it.number]) for it in worst[:3]]
    links.append(Link("All mistakes", "outcomes"))
    table = _numbers_table(outcomes) if outcomes.answers == "numbers" else _worst_table(outcomes)
    yield Section("worst", "Its worst mistakes", (table,), tuple(links))
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
    rows = tuple(
        (it.number, _short(it.text), *_answer(it.token, it.truth, it.guess), "" if it.p is None else f"{it.p:.3f}")
        for it in outcomes.worst(WORST)
    )
    columns = ("example", "read", "true", "it said", "with probability")
    caption = f"The answers that it found least likely, of {len(outcomes):,} examples of the {outcomes.part} part"
    return Table(caption, columns, rows)


def _numbers_table(outcomes: Outcomes) -> Table:
    rows = tuple((it.number, it.text or "–", float(f"{it.loss:.4g}")) for it in outcomes.worst(WORST))
    caption = f"Its largest errors, of {len(outcomes):,} examples of the {outcomes.part} part"
    return Table(caption, ("example", "read", outcomes.measure), rows)


def _answer(token: str, truth: str, guess: str) -> tuple[str, str]:
    return (f"{token}: {truth}" if token else _short(truth)), _short(guess)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _unit(session: ExampleSession, finding: Finding, sequence: str) -> Section:
    seen: list[Sentence | Strip] = [Sentence(follows(finding, _words(finding), "held-out examples"), lead=True)]
    seen += _strips(session, finding, sequence)
    held = Intervention(finding.layer, finding.name, finding.unit, 0.0, 0.0, direction=finding.direction)
    link = Link(
        "See this unit, cut it",
        "units",
        layer=finding.layer,
        name=finding.name,
        unit=finding.unit,
        direction="1" * finding.direction,
        sequence=sequence,
        property=finding.detector,
    )
    title = finding.detector[:1].upper() + finding.detector[1:]
    try:
        effect = session.unit_effect((held,), sequence)
    except ArgumentError as error:  # there is no other unit to compare with
        return unit_section(title, seen, None, [Sentence(str(error))], [link])
    cost, group = _cost(effect, finding)
    measure = f"{effect.loss_unit} per {effect.prediction_name}"
    token = effect.prediction_name
    of = f"{effect.examples:,} examples" if token == "example" else f"the {token}s of {effect.examples:,} examples"
    caption = f"What setting a unit to 0 adds to the loss on {group}, {cost.count:,} of {of}"
    said = Sentence(raises(cost, group, measure, len(effect.controls)))
    return unit_section(title, seen, cost, [said, cost_bars(cost, finding.unit, caption, measure)], [link])


def _cost(effect: UnitEffect, finding: Finding) -> tuple[ClassEffect, str]:
    """Return the effect on the group that a finding names, or on everything, and what that is called."""
    group = _group(finding.detector)
    if group in effect.losses:
        return effect.losses[group], f"“{group}”"
    return effect.losses["all"], "everything"


def _group(detector: str) -> str:
    """Return the label that a property is about: "Greek, at the end" and "next: Greek" are about Greek."""
    return detector.partition(", at ")[0].removeprefix("next: ")


def _words(finding: Finding) -> str:
    return f"where “{finding.detector}” holds" if finding.kind == "yes/no" else f"with “{finding.detector}”"


def _strips(session: ExampleSession, finding: Finding, sequence: str) -> list[Strip]:
    """Return examples that were read as text, with the unit's values; nothing where inputs are numbers."""
    examples = unit_examples(
        session.run,
        finding.layer,
        finding.name,
        finding.unit,
        direction=finding.direction,
        sequence=sequence,
        label=finding.detector,
        count=EXAMPLES,
    )
    pieces: list[str] = []
    values: list[float] = []
    holds: list[bool] = []
    for it in examples:
        read = [*it.read[:STEPS]]
        if not read:
            return []
        pieces += [*spaced(read), "\n"]
        values += [round(float(value), 4) for value in it.values[: len(read)]] + [0.0]
        holds += [finding.kind == "yes/no" and value > 0.5 for value in it.label[: len(read)].tolist()] + [False]
    if not pieces:
        return []
    top = float(np.quantile(np.abs(values), 0.99)) or 1.0
    label = f"{finding.name} of unit {finding.unit} in layer {finding.layer}{', read backwards' * finding.direction}"
    made = Strip(label, tuple(pieces[:-1]), tuple(values[:-1]), tuple(holds[:-1]), round(top, 4), finding.detector)
    return [made]
