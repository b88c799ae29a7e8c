"""Cut & force: what an edit does, on the page as in the lens."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import Visit

from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import ablate, set_to, swap
from tidegate.lens.session.text_session import TextSession, measured_half
from tidegate.serve.screens.cut import format_interventions, parse_interventions
from tidegate.serve.server import application
from tidegate.train import Run

CUT = [{"layer": 1, "name": "c", "unit": 4, "low": 0, "high": 0}]


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


def test_the_cost_is_the_lens(client: Any, run: Run):
    said = client.get("/api/measured", params={"edits": json.dumps(CUT)}).json()
    made = effect(run.model, run.tokenizer, measured_half(run), ablate(1, "c", 4))
    assert [it["name"] for it in said["rows"]] == ["all", *made.classes]
    for row, own in zip(said["rows"], (made.whole, *made.classes.values()), strict=True):
        numbers = (own.before, own.after, own.change, own.control_mean, own.control_worst)
        assert [row[name] for name in ("before", "after", "change", "control", "worst")] == pytest.approx(
            numbers, abs=1e-3
        )
    swapped = [{"layer": 0, "name": "h", "unit": 1, "other": 2}]
    said = client.get("/api/measured", params={"edits": json.dumps(swapped)}).json()
    made = effect(run.model, run.tokenizer, measured_half(run), swap(0, "h", 1, 2))
    assert said["rows"][0]["change"] == pytest.approx(made.whole.change, abs=1e-3)


def test_interventions_are_written_as_the_page_writes_them():
    assert format_interventions([ablate(1, "c", 4)]) == json.dumps(CUT, separators=(",", ":"))
    assert parse_interventions(format_interventions([ablate(1, "c", 4)])) == (ablate(1, "c", 4),)


@pytest.mark.parametrize(
    "edits", ["", "{}", "[]", "[1]", '[{"layer":0}]', '[{"layer":9,"name":"c","unit":0,"low":0,"high":0}]', "[" * 99999]
)
def test_invalid_interventions_are_an_error(client: Any, edits: str):
    for view in ("measured", "changed"):
        answer = client.get(f"/api/{view}", params={"edits": edits[:9999]})
        assert answer.status_code == 400
        assert answer.json()["error"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"high": 1e39}, "should be between"),
        ({"high": float("inf")}, "should be between"),
        ({"low": float("nan")}, "should be between"),
        ({"low": "0"}, "low of an intervention should be a number"),
        ({"unit": 0.5}, "unit of an intervention should be a number"),
        ({"unit": True}, "unit of an intervention should be a number, got True"),
        ({"other": 1.5}, "other of an intervention should be a number"),
        ({"layer": None}, "layer of an intervention should be a number"),
        ({"name": []}, "name of an intervention should be a name"),
        ({"more": 1}, "An intervention has layer, name"),
    ],
)
def test_a_value_of_another_kind_is_an_error(client: Any, changes: dict[str, Any], said: str):
    edits = json.dumps([CUT[0] | changes])
    for view in ("measured", "changed"):
        answer = client.get(f"/api/{view}", params={"edits": edits})
        assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text
    assert said in client.get("/api/edited", params={"edits": edits}).text


def test_changes_are_not_clipped(client: Any, run: Run, session: TextSession):
    held = [{"layer": 1, "name": "h", "unit": unit, "low": 9, "high": 9} for unit in range(6)]
    said = client.get("/api/changed", params={"edits": json.dumps(held)}).json()
    made = effect(run.model, run.tokenizer, session.text(0), [set_to(1, "h", unit, 9) for unit in range(6)], controls=1)
    assert said["change"] == pytest.approx(made.log_p_before - made.log_p_after, abs=1e-3)
    assert max(said["change"]) > 2 * said["scale"]
    assert (said["steps"], said["scale"]) == (len(said["change"]), 3.0)


def test_interventions_change_the_written_text_and_leave_the_model_as_it_was(client: Any, run: Run):
    def written(**asked: Any) -> str:
        lines = client.get("/api/edited", params={"prompt": "def ", "length": 60, **asked}).text.splitlines()
        return "".join(json.loads(line)["text"] for line in lines)

    held = [{"layer": 1, "name": "h", "unit": unit, "low": 1, "high": 1} for unit in range(12)]
    plain = written()
    assert written(edits=json.dumps(held)) != plain
    assert written() == plain


def test_the_page_shows_the_effect(address: str, visit: Callable[..., Visit], run: Run):
    page = visit(address).open("cut", layer=1, unit=4, name="c")
    page.locator("figcaption", has_text="unit 1/4 (c) held at 0").wait_for()
    made = effect(run.model, run.tokenizer, measured_half(run), ablate(1, "c", 4))
    own = {it.name: it for it in (made.whole, *made.classes.values())}
    rows = [row.split("\t") for row in page.locator("table tr:has(td)").all_inner_texts()]
    assert {row[0] for row in rows} == set(own)
    # Those that cost more than the worst control come first, the farthest beyond it at the top.
    named = [it for it in own.values() if it.change > max(0, it.control_worst)]
    named.sort(key=lambda it: it.control_worst - it.change)
    assert {row[0] for row in rows[: len(named)]} == {it.name for it in named}
    excess = [own[row[0]].change - own[row[0]].control_worst for row in rows[: len(named)]]
    assert all(one > two - 1e-3 for one, two in pairwise(excess))
    assert page.locator("tbody.rest tr:has(td)").count() == len(own) - len(named)
    for row in rows:
        shown = [float(it.replace("\u2212", "-").replace(",", "")) for it in row[1:]]
        it = own[row[0]]
        expected = (it.count, it.before, it.after, it.change, it.control_mean, it.control_worst)
        assert shown == pytest.approx(expected, abs=6e-4)
    said = page.inner_text(".conclusion")
    if named:
        most = own[rows[0][0]]
        assert f"Without this hidden unit, {most.name} cost {most.change:.2f} nats more" in said
    else:
        assert said.startswith("No class of characters costs more")
    page.select_option("select >> nth=2", "set_to")
    page.fill("input[type=number] >> nth=1", "0.5")
    page.click("text=Show what it does")
    page.locator("figcaption", has_text="held at 0.5").wait_for()
    assert page.locator("pre", has_text="Press Write").count() == 2
    page.fill("input[type=text]", "def ")
    page.click("main button:text-is('Write')")
    page.locator("pre >> nth=1", has_text="∎").wait_for()
    assert page.locator("pre >> nth=1").inner_text().startswith("def ")
