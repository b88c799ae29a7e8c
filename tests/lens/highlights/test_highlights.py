"""The story of a run: its numbers are those of the lens, and it is kept in the run folder, which is not trusted."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.fuzz.run_folders import _altered_json
from tests.lens.hostile_run import small_run

from tidegate.errors import RunFolderError
from tidegate.lens.hidden_units.properties import property_of
from tidegate.lens.highlights import (
    NAME,
    Bar,
    Bars,
    Link,
    Sample,
    Section,
    Sentence,
    Strip,
    Table,
    highlights,
    kept_highlights,
)
from tidegate.lens.highlights.section_record import section_from, to_plain
from tidegate.lens.highlights.unit_sections import best_findings
from tidegate.lens.interventions.intervention import ablate
from tidegate.lens.progress import Progress, watched
from tidegate.lens.session.text_session import TextSession
from tidegate.train import Run

EVERY = Section(
    "unit",
    "Brackets",
    (
        Sentence("a sentence", lead=True),
        Strip("c of unit 1", ("(", "a"), (0.5, -1.0), (True, False), 1.0, "inside brackets"),
        Bars("what", "nats", (Bar("own", 1.5, "own"), Bar("others", 2)), signed=True),
        Table("what", ("came", "times"), (("a", 3), ("b", 0.25)), code=(0,)),
        Sample("def", " f():"),
    ),
    (Link("See it", "cells", 1, "c", 3),),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return small_run(tmp_path_factory.mktemp("story") / "run", num_layers=1, hidden_size=8)


@pytest.fixture(scope="module")
def session(run: Run) -> Iterator[TextSession]:
    with TextSession([run], "x = (1)") as made:
        yield made


@pytest.fixture(scope="module")
def parts() -> list[list[Section]]:
    """What is reported meanwhile."""
    return []


@pytest.fixture(scope="module")
def made(session: TextSession, parts: list[list[Section]]) -> list[Section]:
    def watch(progress: Progress | None) -> None:
        if progress is not None and progress.partial is not None:
            parts.append(progress.partial)

    with watched(watch):
        return highlights(session)


def test_the_story_is_made_section_by_section(run: Run, made: list[Section], parts: list[list[Section]]):
    names = [it.name for it in made]
    assert names[0] == "run"
    assert names[1] in ("story", "unit")
    assert names[-4:] == ["loss", "mistakes", "memory", "sample"]
    assert [len(it) for it in parts] == list(range(1, len(made) + 1))
    assert parts[-1] == made
    assert all(section in made for section in parts[0])
    bars = next(part for it in made if it.name == "loss" for part in it.parts if isinstance(part, Bars))
    assert {it.name: it.value for it in bars.bars} == pytest.approx(
        {**run.config.baselines, "this model": run.validation}, abs=1e-4
    )
    assert [it.value for it in bars.bars] == sorted((it.value for it in bars.bars), reverse=True)


def test_the_numbers_are_those_of_the_lens(session: TextSession, made: list[Section]):
    units = {it.title: it for it in made if it.name in ("unit", "shared") and it.links}
    findings = best_findings(session.find_cells(), lambda detector: property_of(detector, "characters").family)
    assert len(units) == len(findings)
    for finding in findings:
        section = units[property_of(finding.detector, "characters").title]
        lead, strip, _, bars = section.parts
        assert isinstance(lead, Sentence)
        assert isinstance(strip, Strip)
        assert isinstance(bars, Bars)
        assert f"{finding.score:.2f} on held-out text, {finding.untrained:.2f} in the best" in lead.text
        effect = session.effect((ablate(finding.layer, finding.name, finding.unit),))
        changes = [it.change for it in (effect.whole, *effect.classes.values())]
        assert np.abs(np.array(changes) / bars.bars[0].value - 1).min() < 1e-3
        assert section.links[0].unit == finding.unit
        assert "".join(strip.pieces) in session.run.tokenizer.decode(session.run.open_data().test)


def test_a_story_that_was_kept_is_told_again_in_order(
    run: Run, session: TextSession, made: list[Section], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tidegate.lens.highlights.story.text_story", None)
    assert highlights(session) == made
    assert kept_highlights(run) == made


def test_sections_go_to_json_and_back():
    assert section_from(json.loads(json.dumps(to_plain(EVERY))), "a file") == EVERY


def test_altered_sections_are_refused_in_words_or_read():
    refused = 0
    for seed in range(300):
        record = _altered_json(json.loads(json.dumps(to_plain(EVERY))), random.Random(seed))
        try:
            section_from(record, "a file")
        except RunFolderError:
            refused += 1
    assert refused > 150


def test_an_altered_file_is_told_and_not_used(run: Run, made: list[Section], caplog: pytest.LogCaptureFixture):
    path = Path(run.folder, NAME)
    whole = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(whole) | {"sections": 3}))
        assert kept_highlights(run) is None
        assert "should hold a list of sections" in caplog.text
        path.write_text(whole.replace('"sentence"', '"shout"'))
        assert kept_highlights(run) is None
        assert "should hold sections, but has" in caplog.text
    finally:
        path.write_text(whole)
