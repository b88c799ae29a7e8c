"""The tab Why of tasks: its numbers are those of `what_decided`, also in a report."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.lens.tasks.planted import example_session, planted_session
from tests.lens.tasks.test_task_subjects import captioner, forecaster
from tests.serve.conftest import Visit

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import what_decided
from tidegate.serve.report import write_report
from tidegate.serve.screens.tasks.reasons import REASONS, reasons


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleSession]:
    with planted_session(tmp_path_factory.mktemp("planted"), direction=0) as made:
        yield made


def test_numbers_are_those_of_what_decided(session: ExampleSession) -> None:
    assert REASONS.shown(session)
    answer = reasons(session, 1, at=2, target="IN", against="OUT")
    made = what_decided(session.run, 1, part="test", at=2, target="IN", against="OUT")
    assert answer["measures"]["erased"] == pytest.approx(made.erased.tolist(), abs=1e-4)
    assert (answer["target"], answer["against"], answer["complete"]) == ("IN", "OUT", made.complete)
    assert [it[0] for it in answer["places"]] == answer["read"] == list(made.read)


def test_a_report_shows_why(session: ExampleSession, visit: Callable[..., Visit], tmp_path: Path) -> None:
    write_report(session, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("reasons", text=1)
    assert page.locator("main .three section").count() == 3
    places = page.locator(".places button")
    assert [it.split()[0] for it in places.all_inner_texts()] == reasons(session, 1)["read"]
    places.nth(1).click()
    page.wait_for_selector(".places button:nth-child(2)[aria-pressed=true]")
    expected = reasons(session, 1, at=1)
    assert page.inner_text("main .verdict").startswith(f"{expected['target']}: p ")
    titles = [it.get_attribute("title") for it in page.locator("main .three section").nth(2).locator(".piece").all()]
    shown = [float(it.split()[0].replace("\u2212", "-")) for it in titles]
    assert shown == pytest.approx(expected["measures"]["erased"], abs=6e-4)


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleSession]:
    with example_session(captioner(tmp_path_factory.mktemp("captions"))[1]) as made:
        yield made


def test_regions_of_an_image_are_those_of_what_decided(captions: ExampleSession) -> None:
    assert REASONS.shown(captions)
    answer, made = reasons(captions, 0), what_decided(captions.run, 0, part="test")
    assert answer["measures"]["erased"] == pytest.approx(made.erased.tolist(), abs=1e-4)
    assert (answer["grid"], answer["picture"]["shape"]) == ((1, 6), [1, 1, 6])
    assert len(answer["places"]) == answer["count"] == made.places


@pytest.mark.slow
def test_a_report_shows_the_regions(captions: ExampleSession, visit: Callable[..., Visit], tmp_path: Path) -> None:
    write_report(captions, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("reasons")
    assert page.locator("main .regions").count() == 3
    titles = [it.get_attribute("title") for it in page.locator("main .regions").nth(2).locator(".region").all()]
    shown = [float(it.split(": ")[1].split()[0].replace("\u2212", "-")) for it in titles]
    assert shown == pytest.approx(reasons(captions, 0)["measures"]["erased"], abs=6e-4)


def test_of_a_forecast_any_step_ahead_can_be_asked(tmp_path: Path) -> None:
    with example_session(forecaster(tmp_path)[1]) as session:
        answer = reasons(session, 0, at=3, target="b")
    assert (answer["count"], answer["steps"], answer["read"], answer["target"]) == (4, 12, [], "b")
    assert answer["meaning"].startswith("The median of a step to come")
