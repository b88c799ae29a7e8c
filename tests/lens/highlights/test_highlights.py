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
from tidegate.lens.highlights import (
    NAME,
    Bar,
    Bars,
    Doing,
    Link,
    Sample,
    Section,
    Sentence,
    Strip,
    Table,
    highlights,
    in_order,
    kept_highlights,
)
from tidegate.lens.highlights.section_record import section_from, to_plain
from tidegate.lens.highlights.unit_sections import best_findings
from tidegate.lens.interventions.intervention import ablate
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
def made(session: TextSession) -> list[Section | Doing]:
    return list(highlights(session))


def test_the_story_is_told_in_sections_and_says_what_is_done_meanwhile(run: Run, made: list[Section | Doing]):
    sections = [it for it in made if isinstance(it, Section)]
    assert made[0] == sections[0]
    assert isinstance(made[1], Doing)
    names = [it.name for it in in_order(sections)]
    assert names[:2] == ["run", "story"] or names[:2] == ["run", "unit"]
    assert names[-4:] == ["loss", "mistakes", "memory", "sample"]
    bars = next(part for it in sections if it.name == "loss" for part in it.parts if isinstance(part, Bars))
    assert {it.name: it.value for it in bars.bars} == pytest.approx(
        {**run.config.baselines, "this model": run.validation}, abs=1e-4
    )
    assert [it.value for it in bars.bars] == sorted((it.value for it in bars.bars), reverse=True)


def test_the_numbers_are_those_of_the_lens(session: TextSession, made: list[Section | Doing]):
    units = [it for it in made if isinstance(it, Section) and it.name in ("unit", "shared") and it.links]
    findings = best_findings(session.find_cells(), "characters")
    assert len(units) == len(findings)
    for section, finding in zip(units, findings, strict=True):
        lead, strip, _, bars = section.parts
        assert isinstance(lead, Sentence)
        assert isinstance(strip, Strip)
        assert isinstance(bars, Bars)
        assert f"{finding.score:.2f} on held-out text, {finding.untrained:.2f} in the best" in lead.text
        effect = session.effect((ablate(finding.layer, finding.name, finding.unit),))
        changes = [it.change for it in (effect.whole, *effect.classes.values())]
        assert np.abs(np.array(changes) - bars.bars[0].value).min() < 1e-4
        assert section.links[0].unit == finding.unit
        assert "".join(strip.pieces) in session.run.tokenizer.decode(session.run.open_data().test)


def test_a_story_that_was_kept_is_told_again_in_order(
    run: Run, session: TextSession, made: list[Section | Doing], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tidegate.lens.highlights.story.text_highlights", None)
    again = list(highlights(session))
    assert again == in_order(it for it in made if isinstance(it, Section))
    assert kept_highlights(run) == again


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


def test_an_altered_file_is_told_and_not_used(run: Run, made: list[Section | Doing], caplog: pytest.LogCaptureFixture):
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
