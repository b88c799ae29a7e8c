"""The tab Why of tasks: its numbers are those of `what_decided`, also in a report."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.lens.tasks.planted import planted_session
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
