"""The story of a language model: its loss, the units that follow properties of the text, memory, mistakes, a sample."""

from collections.abc import Iterator

import numpy as np

from tidegate.errors import ArgumentError, TidegateError
from tidegate.lens.hidden_units.detectors import per_token
from tidegate.lens.hidden_units.findings import Finding
from tidegate.lens.hidden_units.properties import Property, property_of
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.highlights.run_sections import (
    loss_section,
    memory_section,
    mistakes_section,
    run_section,
    sample_section,
)
from tidegate.lens.highlights.section import Link, Section, Sentence, Strip
from tidegate.lens.highlights.sentences import costs, follows
from tidegate.lens.highlights.strips import stretch
from tidegate.lens.highlights.unit_sections import (
    best_findings,
    cost_bars,
    nothing_holds,
    story_section,
    unit_section,
)
from tidegate.lens.interventions.effect import ClassEffect, Effect
from tidegate.lens.interventions.intervention import ablate
from tidegate.lens.record.held_out import measured_half
from tidegate.lens.record.reading import Reading, read
from tidegate.lens.session.text_session import TextSession

READ = 8_000  # held-out tokens that are read with gates and states


def text_story(session: TextSession) -> Iterator[Section]:
    """Yield the sections of a language model's story, as they are computed."""
    run, tokenizer = session.run, session.run.tokenizer
    yield run_section(run)
    if run.validation is not None:
        yield loss_section(run, run.validation)
    try:
        half = measured_half(run)
    except TidegateError as error:
        yield Section("unit", "What needs held-out text", (Sentence(str(error)),))
        return
    findings = session.find_cells()
    chosen = best_findings(findings, lambda detector: property_of(detector, tokenizer.kind).family)
    reading = read(run.model, tokenizer, tokenizer.decode(half[:READ]), dtype=np.float32)
    if not chosen:
        yield nothing_holds(findings, lambda it: follows(it, property_of(it.detector, tokenizer.kind).words))
    made: list[Section] = []
    for finding in chosen:
        made.append(_unit(session, finding, reading))
        yield made[-1]
    yield story_section(made, [property_of(it.detector, tokenizer.kind).title.lower() for it in chosen])
    yield mistakes_section(run, reading)
    yield memory_section(run, reading, half)
    yield sample_section(run)


def _unit(session: TextSession, finding: Finding, reading: Reading) -> Section:
    known = property_of(finding.detector, session.run.tokenizer.kind)
    seen = (Sentence(follows(finding, known.words), lead=True), _strip(session, finding, known, reading))
    at = {"layer": finding.layer, "name": finding.name, "unit": finding.unit}
    links = (Link("See this unit", "cells", **at), Link("Cut it", "cut", **at), Link("Let it write", "write", **at))
    try:
        effect = session.effect((ablate(finding.layer, finding.name, finding.unit),))
    except ArgumentError as error:  # there is no other unit to compare with
        return unit_section(known.title, seen, None, [Sentence(str(error))], links)
    cost, tokens = cost_of(effect, known)
    caption = (
        f"What setting a unit to 0 adds to the loss on {cost.count:,} {tokens} of {len(effect.pieces):,} held-out "
        f"{effect.prediction_name}s"
    )
    bars = cost_bars(cost, finding.unit, caption, f"nats per {effect.prediction_name}")
    said = Sentence(costs(cost, tokens, len(effect.controls)))
    return unit_section(known.title, seen, cost, [said, bars], links)


def cost_of(effect: Effect, known: Property) -> tuple[ClassEffect, str]:
    """Return the effect on the tokens that a property concerns, and what they are called; on all if there are none."""
    if known.concerns in effect.classes:
        return effect.classes[known.concerns], known.tokens
    return effect.whole, f"{effect.prediction_name}s"


def _strip(session: TextSession, finding: Finding, known: Property, reading: Reading) -> Strip:
    tokenizer = session.run.tokenizer
    values = reading.trace[finding.layer, finding.direction][finding.name][:, finding.unit]
    measured = np.nan_to_num(per_token(detectors_of(tokenizer)[finding.detector], reading.pieces))
    holds = (measured > 0.5) & (finding.kind == "yes/no")
    start, stop = stretch(reading.pieces, measured)
    return Strip(
        f"{finding.name} of unit {finding.unit} in layer {finding.layer}",
        tuple(reading.pieces[start:stop]),
        tuple(round(float(it), 4) for it in values[start:stop]),
        tuple(map(bool, holds[start:stop])),
        round(float(np.quantile(np.abs(values), 0.99)), 4) or 1.0,
        known.words,
    )
