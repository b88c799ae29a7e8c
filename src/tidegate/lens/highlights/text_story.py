"""The story of a language model: its loss, the units that follow properties of the text, memory, mistakes, a sample."""

from collections.abc import Iterator

import numpy as np

from tidegate.errors import ArgumentError, TidegateError
from tidegate.lens.highlights.run_sections import (
    loss_section,
    memory_section,
    mistakes_section,
    run_section,
    sample_section,
)
from tidegate.lens.highlights.section import Doing, Section, Sentence
from tidegate.lens.highlights.unit_sections import best_findings, nothing_holds, story_section, unit_section
from tidegate.lens.interventions.intervention import ablate
from tidegate.lens.record.held_out import measured_half
from tidegate.lens.record.reading import read
from tidegate.lens.session.text_session import TextSession

READ = 8_000  # held-out tokens that are read with gates and states


def text_highlights(session: TextSession) -> Iterator[Section | Doing]:
    """Yield the sections of a language model's story, and before each that takes time what is being done."""
    run, tokenizer = session.run, session.run.tokenizer
    yield run_section(run)
    try:
        half = measured_half(run)
    except TidegateError as error:
        yield Section("unit", "What needs held-out text", (Sentence(str(error)),))
        return
    yield Doing("searching the hidden unit of each property, in untrained networks too")
    findings = session.find_cells()
    chosen = best_findings(findings, tokenizer.kind)
    reading = read(run.model, tokenizer, tokenizer.decode(half[:READ]), dtype=np.float32)
    if not chosen:
        yield nothing_holds(findings, tokenizer.kind)
    made: list[Section] = []
    for n, finding in enumerate(chosen, 1):
        yield Doing(f"ablating unit {finding.layer}/{finding.unit} and 32 others ({n} of {len(chosen)})")
        try:
            effect = session.effect((ablate(finding.layer, finding.name, finding.unit),))
        except ArgumentError as error:  # there is no other unit to compare with
            effect = str(error)
        made.append(unit_section(finding, effect, reading, tokenizer))
        yield made[-1]
    yield story_section(made, chosen, tokenizer.kind)
    if run.validation is not None:
        yield loss_section(run, run.validation)
    yield Doing("measuring memory and mistakes")
    yield memory_section(run, reading, half)
    yield mistakes_section(run, reading)
    yield Doing("writing")
    yield sample_section(run)
