"""The story of runs of tasks other than language modelling: its numbers are those of the lens, and it is kept."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.train import task_runs

from tidegate.lens.highlights import Section, Sentence, Strip, Table, highlights, kept_highlights
from tidegate.lens.session.example_session import ExampleSession
from tidegate.train import load_run


@pytest.fixture(scope="module", params=["forecast", pytest.param("classify", marks=pytest.mark.slow)])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleSession]:
    folder = tmp_path_factory.mktemp("story") / "run"
    task_runs.run(request.param, folder, device="cpu", steps=4, warmup_steps=2, validate_every=2, checkpoint_every=2)
    with ExampleSession(load_run(folder)) as made:
        yield made


def text_of(section: Section) -> str:
    return " ".join(part.text for part in section.parts if isinstance(part, Sentence))


def test_the_story_has_the_numbers_of_the_lens_and_is_kept(session: ExampleSession):
    made = highlights(session)
    outcomes = session.all_outcomes()
    names = [it.name for it in made]
    assert names[0] == "run"
    if outcomes.accuracy is None:
        losses = [it.loss for it in outcomes.each]
        assert f"below {np.median(losses):.2f} and the other between that and {max(losses):.2f}" in " ".join(
            map(text_of, made)
        )
    else:
        right = sum(bool(it.right) for it in outcomes.each)
        assert f"Of {len(outcomes)} examples of the validation part it gets {right} right" in text_of(made[0])
    worst = next(it for it in made if it.name == "worst")
    if outcomes.worst():
        table = next(it for it in worst.parts if isinstance(it, Table))
        assert [row[0] for row in table.rows] == [it.number for it in outcomes.worst(6)]
        assert worst.links[0].screen == "steps"
        assert session.example(worst.links[0].text).value == outcomes.worst(1)[0].number
    found = session.find_units(next(iter(session.task_look.subject.sequences))).found  # type: ignore[union-attr]
    for it in (it for it in made if it.links and it.links[0].screen == "units"):
        finding = found[it.links[0].property]
        assert finding.holds
        assert f"{finding.score:.2f} on held-out examples" in text_of(it)
        assert all(len(part.pieces) == len(part.values) for part in it.parts if isinstance(part, Strip))
    assert kept_highlights(session.run) == made
