"""Sections on single hidden units of a task's run: what each follows, in examples, and what is lost without it."""

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.io.wording import amount
from tidegate.lens.hidden_units.findings import Finding
from tidegate.lens.highlights.section import Link, Section, Sentence, Strip
from tidegate.lens.highlights.sentences import figure, follows, raises
from tidegate.lens.highlights.unit_sections import cost_bars, unit_section
from tidegate.lens.interventions.effect import ClassEffect
from tidegate.lens.interventions.intervention import Intervention
from tidegate.lens.notebook import spaced
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks.units.subject import WRONG
from tidegate.lens.tasks.units.unit_effect import ALL, UnitEffect
from tidegate.lens.tasks.units.unit_examples import unit_examples

EXAMPLES = 3  # in which a unit is shown
STEPS = 40  # of an example in which a unit is shown


def properties_in_words(session: ExampleSession, sequence: str) -> dict[str, str]:
    """Return the properties of a sequence's steps, each as what ends "the unit is high ..." or "the unit rises ..."."""
    labels = session.subject.sequences[sequence].labels(session.task)
    return {
        it.name: it.words or (f"where “{it.name}” holds" if it.kind == "yes/no" else f"with “{it.name}”")
        for it in labels
    }


def unit_story(session: ExampleSession, finding: Finding, sequence: str, words: str) -> Section:
    """Return a section on a hidden unit: what it follows, where that is seen, and what its ablation costs.

    Args:
        session: the run's session.
        finding: the hidden unit and its property.
        sequence: the sequence that the unit's layer reads.
        words: the property in words, see `properties_in_words`.
    """
    seen: list[Sentence | Strip] = [Sentence(follows(finding, words, "held-out examples"), lead=True)]
    seen += _strips(session, finding, sequence, words)
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
    measure, token = f"{effect.loss_unit} per {effect.prediction_name}", effect.prediction_name
    cost, group = _cost(effect, finding)
    examples = amount(effect.examples, "example")
    of = examples if token == "example" else f"the {token}s of {examples}"
    on = f"{group}, {cost.count:,} of {of}" if cost.name != ALL else f"all {cost.count:,} {token}s of {examples}"
    caption = f"What setting a unit to 0 adds to the loss on {on}"
    said = Sentence(raises(cost, group, measure, len(effect.controls)) + _error_said(effect, cost.name))
    return unit_section(title, seen, cost, [said, cost_bars(cost, finding.unit, caption, measure)], [link])


def _error_said(effect: UnitEffect, group: str) -> str:
    """Return what becomes of an error that is no share of wrong predictions; nothing where there is none."""
    if effect.error == WRONG or not effect.errors:
        return ""
    own = effect.errors[group]
    before, after, worst = (figure(it) for it in (own.before, own.after, own.before + own.control_worst))
    return (
        f" The {effect.error}, is {before} with it and {after} without; without the worst of the others it is {worst}."
    )


def _cost(effect: UnitEffect, finding: Finding) -> tuple[ClassEffect, str]:
    """Return the effect on the group that a finding names, or on everything, and what that is called."""
    group = group_of(finding.detector)
    if group in effect.losses:
        return effect.losses[group], f"“{group}”"
    return effect.losses[ALL], f"all {effect.prediction_name}s"


def group_of(detector: str) -> str:
    """Return the label that a property is about: Greek of "Greek, at the end", and of "next: Greek"."""
    return detector.partition(", at ")[0].removeprefix("next: ")


def _strips(session: ExampleSession, finding: Finding, sequence: str, words: str) -> list[Strip]:
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
    made = Strip(label, tuple(pieces[:-1]), tuple(values[:-1]), tuple(holds[:-1]), round(top, 4), words)
    return [made]
