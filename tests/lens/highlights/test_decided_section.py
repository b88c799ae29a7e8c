"""Which word decided: the numbers are those of `what_decided`, and a word is named only where it beats all others."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.lens.tasks.planted import example_session
from tests.lens.tasks.test_task_subjects import captioner, translator
from tests.lens.tasks.tiny import tiny_run

from tidegate.lens.highlights import Sentence, Strip
from tidegate.lens.highlights.decided_section import decided_section
from tidegate.lens.highlights.sentences import figure
from tidegate.lens.notebook import spaced
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import held_out_outcomes, look_at, what_decided
from tidegate.lens.tasks.reasons.outcome_reasons import outcome_reasons
from tidegate.lens.tasks.reasons.what_decided import Reasons
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask


def reasons(erased: list[float], integrated: list[float], complete: bool = True) -> Reasons:
    each: dict[str, Any] = {"erased": np.array(erased), "integrated": np.array(integrated)}
    return Reasons(("a",) * len(erased), 0, 1, "x", "y", (), 2.0, 0.0, np.zeros(3), steps=8, residual=0.0,
                   complete=complete, unit="nats", **each)  # fmt: skip


def test_one_step_decided_only_if_it_beats_all_others_by_both_measures() -> None:
    assert reasons([0.1, 1.5, 1.0], [0, 1, 0.5]).deciding_step == 1
    assert reasons([0.1, 1.4, 1.0], [0, 1, 0.5]).deciding_step is None
    assert reasons([0.1, 1.5, 1.0], [2, 1, 0.5]).deciding_step is None
    assert reasons([0.1, 1.5, 1.0], [0, 1, 0.5], complete=False).deciding_step is None
    assert reasons([-0.1, -1.5, 0.0], [0, 0, 1]).deciding_step is None
    assert reasons([0.5], [0.5]).deciding_step == 0
    assert reasons([0.1, 1.5, 1.0], []).largest_other(1) == 1.0


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleSession]:
    folder = tmp_path_factory.mktemp("decided")
    rng = random.Random(2)
    texts = (f"{rng.choice('xy')}\t{''.join(rng.choices('abcd', k=rng.randint(2, 6)))}\n" for _ in range(40))
    (folder / "texts.tsv").write_text("label\ttext\n" + "".join(texts))
    config = ClassifyConfig(
        hidden_size=3, embedding_size=4, level="characters", label_column="label", text_column="text", dropout=0.0
    )
    _, run = tiny_run(ClassifyTask, [folder / "texts.tsv"], config, shares=(0.6, 0.4, 0))
    with torch.no_grad():
        for it in run.model.parameters():
            it.mul_(0.4)  # a smoother function, whose integrated gradients are complete sooner
    with example_session(run) as made:
        yield made


def test_numbers_are_those_of_what_decided(session: ExampleSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.lens.highlights.decided_section.WORST", 2)
    monkeypatch.setattr("tidegate.lens.highlights.decided_section.SUREST", 1)
    outcomes = session.all_outcomes()
    made = decided_section(session, outcomes, session.read_unit)
    assert (made.name, made.title) == ("decided", "Which character decided")
    said = [it.text for it in made.parts if isinstance(it, Sentence)]
    right = sorted((it for it in outcomes.each if it.right), key=lambda it: it.loss)[:1]
    expected = []
    for it in (*outcomes.worst(2), *right):
        other = ({"x", "y"} - {it.guess}).pop()
        expected.append((it, what_decided(session.run, it.number, target=it.guess, against=other)))
    decided = [(it, own) for it, own in expected if own.deciding_step is not None]
    assert decided
    assert len(said) == 1 + len(decided)
    for text, (it, own) in zip(said[1:], decided, strict=True):
        step = int(own.erased.argmax())
        assert text.startswith(f"Example {it.number}, {'rightly ' * bool(it.right)}taken for “{it.guess}” and not ")
        assert f": “{own.read[step]}” decided. It is worth {figure(own.erased[step])} nats" in text
        assert ("would be the likelier" in text) == (own.erased[step] > own.value)
    (strip,) = (it for it in made.parts if isinstance(it, Strip))
    assert "".join(strip.pieces).split("\n") == [f"{it.number}: {it.text}" for it, _ in decided]
    assert sum(strip.holds) == len(decided)
    assert [session.example(it.text).value for it in made.links] == [it.number for it, _ in decided[:3]]
    assert all(
        (it.screen, it.target) == ("reasons", own.target) for it, (_, own) in zip(made.links, decided[:3], strict=True)
    )


def test_of_a_text_it_is_the_first_token_that_is_wrong(tmp_path: Path) -> None:
    _, run = translator(tmp_path)
    outcomes = held_out_outcomes(run)
    (outcome, *_) = outcomes.worst(1)
    own = outcome_reasons(run, outcome, outcomes.part)  # type: ignore[arg-type]
    written = look_at(run, outcome.number, part=outcomes.part).written  # type: ignore[attr-defined,arg-type]
    true = [*outcome.truth, "<end>"]
    assert own.at == next(n for n, (a, b) in enumerate(zip(written, true, strict=False)) if a != b)
    assert (own.target, own.against) == (written[own.at], true[own.at])


def test_regions_of_an_image_are_said_and_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.lens.tasks.reasons.what_decided.CLEARLY", 1.0)
    with example_session(captioner(tmp_path)[1]) as session:
        made = decided_section(session, session.all_outcomes(), session.read_unit)
    assert made.title == "Which region decided"
    assert not any(isinstance(it, Strip) for it in made.parts)
    assert any(": the region in row 1, column " in it.text for it in made.parts if isinstance(it, Sentence))


def test_words_have_blanks_between_them_and_characters_none() -> None:
    assert spaced(["to", "a", "<unk>"]) == ["to ", "a ", "<unk> "]
    assert spaced(["⟨start⟩", "n", "o"]) == ["⟨start⟩", "n", "o"]
    assert spaced([" to", " go"]) == [" to", " go"]
    assert spaced([]) == []
