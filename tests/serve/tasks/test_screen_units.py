"""The Units screen: findings, examples and costs of a planted hidden unit; on the page of a report."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.lens.tasks.planted import UNIT, planted_session
from tests.serve.conftest import Visit

from tidegate.errors import ArgumentError
from tidegate.lens.session.example_session import ExampleSession
from tidegate.serve.report import write_report
from tidegate.serve.screens.tasks.units import UNITS, cost, examples, findings, sequences


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleSession]:
    with planted_session(tmp_path_factory.mktemp("planted"), direction=1) as made:
        yield made


def test_the_views_say_what_the_functions_return(session: ExampleSession) -> None:
    assert UNITS.shown(session)
    assert sequences(session) == [{"name": "input", "layers": 1, "directions": 2}]
    found = {it["detector"]: it for it in findings(session, "input")["found"]}
    assert (found["IN"]["unit"], found["IN"]["direction"], found["IN"]["score"]) == (UNIT, 1, 1)
    shown = examples(session, "input", 0, "c", UNIT, 1, "IN")["examples"]
    assert all(len(it["read"]) == it["steps"] == len(it["label"]) for it in shown)
    edits = json.dumps([{"layer": 0, "name": "c", "unit": UNIT, "direction": 1, "low": 0, "high": 0}])
    made = cost(session, edits, "input")
    assert [it["after"] for it in made["errors"] if it["name"] == "IN"] == [1]
    assert made["per"] == "nats per word"
    with pytest.raises(ArgumentError, match="direction is 2"):
        cost(session, edits.replace('"direction": 1', '"direction": 2'), "input")


def test_a_report_opens_on_the_best_unit(session: ExampleSession, visit: Callable[..., Visit], tmp_path: Path) -> None:
    write_report(session, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("units")
    page.wait_for_selector("main .conclusion")
    page.locator("tr.choosable", has_text="IN").first.click()
    assert "from the end: goes with “IN”" in page.locator("main h2").nth(1).inner_text()
    underlined = page.locator(".unit-examples .holds").all_inner_texts()
    assert "(" not in underlined
    assert ")" in underlined
    assert "Without this hidden unit, IN costs" in page.locator("main .conclusion").inner_text()
    assert "+100.0%" in page.locator("main figure").nth(2).inner_text()
