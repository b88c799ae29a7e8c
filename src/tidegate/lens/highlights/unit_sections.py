"""Sections on single hidden units: what each follows, a text in which it is seen, and what is lost without it."""

import math
from collections.abc import Sequence

import numpy as np

from tidegate.lens.hidden_units.detectors import per_token
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.highlights.properties import Property, property_of
from tidegate.lens.highlights.section import Bar, Bars, Link, Section, Sentence, Strip
from tidegate.lens.highlights.strips import stretch
from tidegate.lens.interventions.effect import ClassEffect, Effect
from tidegate.lens.record.reading import Reading
from tidegate.text import Tokenizer

MOST = 6  # findings that are shown
NEAREST = 3  # that are named if none holds


def best_findings(findings: Findings, kind: str) -> list[Finding]:
    """Return the findings that hold against both controls, the clearest first: of different properties and units.

    They are ranked by how far the score is above both controls, an AUC twice (its chance is 0.5, a correlation's 0).

    Args:
        findings: of the built-in detectors.
        kind: the kind of the tokenizer.
    """
    chosen: list[Finding] = []
    families: set[str] = set()
    for it in sorted(findings.found.values(), key=lambda it: -_margin(it)):
        family = property_of(it.detector, kind).family
        used = any((it.layer, it.unit) == (other.layer, other.unit) for other in chosen)
        if it.holds and family not in families and not used and len(chosen) < MOST:
            families.add(family)
            chosen.append(it)
    return chosen


def _margin(it: Finding) -> float:
    return (2 if it.kind == "yes/no" else 1) * (it.score - it.control)


def unit_section(finding: Finding, effect: Effect | str, reading: Reading, tokenizer: Tokenizer) -> Section:
    """Return what a hidden unit follows, where it is seen, and what its ablation costs beside that of other units.

    Args:
        finding: the finding.
        effect: of setting the unit to 0, on text on which it was not chosen; or why it cannot be measured.
        reading: of such text, with the finding's gate or state in its trace.
        tokenizer: the model's tokenizer.
    """
    known = property_of(finding.detector, tokenizer.kind)
    at = {"layer": finding.layer, "name": finding.name, "unit": finding.unit}
    seen = (Sentence(follows(finding, known), lead=True), _strip(finding, known, reading, tokenizer))
    name, cut = "shared", (Sentence(str(effect)),)
    if isinstance(effect, Effect):
        cost = cost_of(effect, known)
        name = "unit" if is_beyond(cost) else "shared"
        cut = (Sentence(costs(cost, known, len(effect.controls))), _bars(cost, finding, known, effect))
    return Section(
        name,
        known.title,
        (*seen, *cut),
        (
            Link("See this unit", "cells", **at),
            Link("Cut it", "cut", **at),
            Link("Let it write", "write", **at),
        ),
    )


def cost_of(effect: Effect, known: Property) -> ClassEffect:
    """Return the effect on the tokens that a property concerns; on all where there are none of these."""
    return effect.classes.get(known.concerns, effect.whole)


def is_beyond(cost: ClassEffect) -> bool:
    """Whether the loss rises by more than with any of the other units."""
    return cost.change > max(cost.control_worst, 0.0)


def follows(finding: Finding, known: Property) -> str:
    """Say what a unit follows, with the score and both controls."""
    if finding.kind == "yes/no":
        does, score = ("is high" if finding.sign > 0 else "is low"), "AUC"
    else:
        does, score = ("rises" if finding.sign > 0 else "falls"), "correlation"
    return (
        f"Unit {finding.unit} of layer {finding.layer} ({finding.name}) {does} {known.words}: {score} "
        f"{finding.score:.2f} on held-out text, {finding.untrained:.2f} in the best untrained network, "
        f"{finding.shuffled:.2f} for shuffled labels."
    )


def costs(cost: ClassEffect, known: Property, controls: int) -> str:
    """Say what the unit's ablation costs, beside the same ablation of other units."""
    tokens = known.tokens if cost.name == known.concerns else "tokens"
    if is_beyond(cost):
        left = math.exp(-cost.change)
        return (
            f"Without it, {tokens} are {cost.change:.2f} nats harder to predict: their probability falls to {left:.0%} "
            f"of what it was. Of {controls} other units none costs more than {max(cost.control_worst, 0.0):.2f}."
        )
    change = (
        "as easy to predict"
        if abs(cost.change) < 0.005
        else (f"{abs(cost.change):.2f} nats {'harder' if cost.change > 0 else 'easier'} to predict")
    )
    return (
        f"Without it, {tokens} are {change}, no more than without some others (the worst of {controls} costs "
        f"{cost.control_worst:.2f}): the network does not depend on this unit alone."
    )


def story_section(sections: Sequence[Section], findings: Sequence[Finding], kind: str) -> Section:
    """Return what the network has learnt, in a sentence or two, from the sections on single units.

    Args:
        sections: those of the findings, in their order.
        findings: the findings.
        kind: the kind of the tokenizer.
    """
    names = [property_of(it.detector, kind).title.lower() for it in findings]
    carried = [name for name, section in zip(names, sections, strict=True) if section.name == "unit"]
    if not findings:
        text = "No single hidden unit follows one of the properties that were searched for."
    elif carried:
        text = (
            f"It has learnt to follow {_listed(carried)}, {'each ' * (len(carried) > 1)}with one hidden unit: take it "
            "away, and what depends on it becomes harder to predict than without any of 32 other units."
        )
    else:
        who = "A single hidden unit follows" if len(names) == 1 else "Single hidden units follow"
        text = (
            f"{who} {_listed(names)}, but the network does not depend on {'it' if len(names) == 1 else 'any of them'}: "
            "taking it away costs no more than taking another away."
        )
    return Section("story", "What it has learnt", (Sentence(text, lead=True),))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def nothing_holds(findings: Findings, kind: str) -> Section:
    """Say that no unit follows a property better than both controls, and which come nearest."""
    near = sorted(findings.found.values(), key=lambda it: -_margin(it))[:NEAREST]
    if not near:
        text = "None of the properties that are searched for occurs often enough in the held-out text."
        return Section("unit", "No hidden unit stands out", (Sentence(text, lead=True),))
    text = (
        f"Of {len(findings.found)} properties none is followed by a single hidden unit clearly better than in "
        "untrained networks and for shuffled labels. That happens in networks that are small, or not trained for long; "
        "they may know these properties all the same, in many units together. The nearest:"
    )
    nearest = [Sentence(follows(it, property_of(it.detector, kind))) for it in near]
    return Section("unit", "No hidden unit stands out", (Sentence(text, lead=True), *nearest))


def _strip(finding: Finding, known: Property, reading: Reading, tokenizer: Tokenizer) -> Strip:
    values = reading.trace[finding.layer, finding.direction][finding.name][:, finding.unit]
    measured = per_token(detectors_of(tokenizer)[finding.detector], reading.pieces)
    holds = (np.nan_to_num(measured) > 0.5) & (finding.kind == "yes/no")
    start, stop = stretch(reading.pieces, np.nan_to_num(measured))
    return Strip(
        f"{finding.name} of unit {finding.unit} in layer {finding.layer}",
        tuple(reading.pieces[start:stop]),
        tuple(round(float(it), 4) for it in values[start:stop]),
        tuple(map(bool, holds[start:stop])),
        round(float(np.quantile(np.abs(values), 0.99)), 4) or 1.0,
        known.words,
        words=tokenizer.kind == "words",
    )


def _bars(cost: ClassEffect, finding: Finding, known: Property, effect: Effect) -> Bars:
    tokens = known.tokens if cost.name == known.concerns else f"{effect.prediction_name}s"
    others: Sequence[Bar] = (
        Bar(f"the worst of {len(effect.controls)} others", round(cost.control_worst, 4)),
        Bar("others on average", round(cost.control_mean, 4)),
    )
    caption = (
        f"What setting a unit to 0 adds to the loss on {cost.count:,} {tokens} of {len(effect.pieces):,} held-out "
        f"{effect.prediction_name}s"
    )
    own = Bar(f"unit {finding.unit}", round(cost.change, 4), "own")
    return Bars(caption, f"nats per {effect.prediction_name}", (own, *others), signed=True)
