"""Steps: runs of all tasks on the page, their numbers against the lens, hostile tokens and labels as text."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import IMAGE, Served, every, looked, no_markup, unpacked

from tidegate.serve.report import write_report


@every
def test_the_screen_is_there_and_others_are_not(client: Any, name: str) -> None:
    about = client(name).get("/api/about").json()
    titles = {"characters": "Tags", "tag": "Tags", "classify": "Classes", "frames": "Classes"}
    titles |= {"translate": "Translation", "caption": "Caption", "forecast": "Forecast", "regress": "Values"}
    assert about["screens"] == [
        {"name": "highlights", "title": "Highlights"},
        {"name": "steps", "title": titles[name]},
        {"name": "outcomes", "title": "Errors" if name in ("forecast", "regress") else "Mistakes"},
        {"name": "units", "title": "Units"},
        {"name": "reasons", "title": "Why"},
        {"name": "training", "title": "Training"},
    ]
    assert client(name).get("/api/guesses?start=0&stop=1").status_code == 404


@every
def test_states_are_the_traces(client: Any, givens: Any, name: str) -> None:
    there = client(name)
    for sequence, steps in looked(givens(name).run, 1).steps.items():
        for (layer, direction), named in steps.trace.values.items():
            asked = {"sequence": sequence, "layer": layer, "direction": direction, "name": "h", "text": 1}
            packed = there.get("/api/states", params=asked).json()
            np.testing.assert_allclose(unpacked(packed), named["h"], atol=packed["scale"] / 127)


def test_predictions_and_truth_are_those_of_the_lens(client: Any, givens: Any) -> None:
    found, own = client("tag").get("/api/look?text=2").json(), looked(givens("tag").run, 2)
    assert (found["tags"], found["true_tags"]) == (own.prediction["tags"], own.truth["tags"])
    assert found["spans"] == [list(it) for it in own.spans]
    assert found["probabilities"] == pytest.approx(own.prediction["probabilities"], abs=1e-4)
    assert found["positions"] is None  # an example of the run's own data is words, and not a text
    assert found["sequences"][0]["guesses"][0][0] == [
        own.prediction["tags"][0],
        pytest.approx(float(own.steps["input"].choices.probabilities[0].max()), abs=1e-4),
    ]
    found, own = client("classify").get("/api/look?text=2").json(), looked(givens("classify").run, 2)
    assert (found["label"], found["true_label"]) == (own.prediction["label"], own.truth["label"])
    assert found["probabilities"][0] == [
        own.prediction["label"],
        pytest.approx(max(own.prediction["probabilities"].values()), abs=1e-4),
    ]
    assert [row[-1] for row in found["running"]] == pytest.approx([p for _, p in found["probabilities"]], abs=1e-4)
    found, own = client("translate").get("/api/look?text=2").json(), looked(givens("translate").run, 2)
    assert found["texts"] == [[it["text"], pytest.approx(it["score"], abs=1e-4)] for it in own.prediction["n_best"]]
    assert [it[5] for it in found["tree"]["branches"]] == [it.fate for it in own.tree.branches]
    first = own.tree.path(own.tree.leaves[0])
    logs = [math.log(p) for p in found["written_p"]]
    assert logs == pytest.approx([own.tree.branches[n].log_p for n in first], abs=0.02)
    found, own = client("forecast").get("/api/look?text=2").json(), looked(givens("forecast").run, 2)
    (found,) = found["forecasts"]
    assert pytest.approx(own.ahead, rel=1e-5) == np.array(found["ahead"]).T
    assert found["true_values"] == pytest.approx(own.truth["values"], rel=1e-5)
    found, own = client("regress").get("/api/look?text=0").json(), looked(givens("regress").run, 0)
    (target,) = found["targets"]
    assert target["predicted"] == pytest.approx(own.predicted[:, 0], rel=1e-5)
    assert target["error"] == [None if np.isnan(it) else pytest.approx(it, rel=1e-5) for it in own.error[:, 0]]
    assert found["inputs"][0]["values"] == pytest.approx(own.read[:, 0], rel=1e-5)


@pytest.mark.parametrize("name", ["classify", "translate"])
def test_attention_and_frames_are_the_lens(client: Any, givens: Any, name: str) -> None:
    found, own = client(name).get("/api/look?text=1").json()["attention"], looked(givens(name).run, 1)
    np.testing.assert_allclose(unpacked(found), own.attention, atol=own.attention.max() / 127)
    found = client("frames").get("/api/look?text=1").json()["sequences"][0]["pictures"]
    frames = looked(givens("frames").run, 1).steps["input"].frames
    np.testing.assert_allclose(unpacked(found), frames.values, atol=1 / 127)


@pytest.mark.parametrize(
    ("name", "question", "said"),
    [
        ("tag", "look?text=99", "There is no example 99"),
        ("tag", "look?beam=3", "beam is given, but"),
        ("translate", "look?beam=17", "give 1 to 16"),
        ("translate", "states?sequence=input&name=h", "no sequence 'input': choose one of source, target"),
        ("tag", "states?sequence=input&name=x", "no 'x' in the trace"),
        ("tag", "states?sequence=input&name=h&layer=7", "layer 7: there are 2"),
    ],
)
def test_an_invalid_question_has_an_error_message(client: Any, name: str, question: str, said: str) -> None:
    answer = client(name).get("/api/" + question)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


@every
def test_it_loads_with_the_right_number(served: Served, visit: Callable[..., Visit], name: str) -> None:
    session, address = served(name)
    page = visit(address).open("steps", text=1)
    own = looked(session.run, 1)
    assert not page.query_selector("main .wrong") or name in ("tag", "characters")
    if name in ("tag", "characters"):
        page.click(".token >> nth=0")
        best = own.steps["input"].choices.top(1)[0][0]
        row = page.inner_text(".side tbody tr >> nth=0").split("\t")
        assert (row[0].strip(), float(row[1])) == (best[0], pytest.approx(best[1], abs=1e-3))
    elif name in ("classify", "frames"):
        shown = page.inner_text(".verdict")
        assert shown.startswith(f"{own.prediction['label']} p = {max(own.prediction['probabilities'].values()):.3f}")
        assert ("✓ right" in shown) == (own.prediction["label"] == own.truth["label"])
    elif name == "forecast":
        page.click(".folded summary")
        row = page.inner_text(".folded tbody tr >> nth=0").split("\t")
        assert float(row[3]) == pytest.approx(own.ahead[0, 2], rel=1e-4)
    elif name == "regress":
        labels = page.evaluate("[...document.querySelectorAll('.plot')].map(it => it.ariaLabel)")
        assert labels[:2] == ["Prediction of <b>: predicted, target", "Error of <b>: predicted - target"]
        assert labels[2] == f"Input {IMAGE}: {IMAGE}"
    else:
        assert page.inner_text(".verdict strong") == own.prediction["text"]
        assert page.locator(".tree .node").count() == len(own.tree.branches)
    assert page.locator(".heat:not([aria-label^=Attention])").count() == list(own.steps.values())[-1].trace.directions
    no_markup(page)


@pytest.mark.parametrize("name", ["tag", "frames", "translate", "forecast", "regress"])
def test_it_fits_a_phone_in_the_dark(served: Served, visit: Callable[..., Visit], name: str) -> None:
    page = visit(served(name)[1], viewport={"width": 390, "height": 800}, color_scheme="dark").open("steps")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@every
def test_it_works_from_the_file_alone(givens: Any, visit: Callable[..., Visit], tmp_path: Path, name: str) -> None:
    session = givens(name)
    write_report(session, tmp_path / "report.html")
    there = visit((tmp_path / "report.html").as_uri(), offline=True)
    page = there.open("steps", text=1)
    assert page.locator(".heat").count() >= 1
    assert not page.query_selector("main textarea")
    page.select_option("label:has-text('Gate or state') select", "h")
    page.locator("h3", has_text="h of layer 0").first.wait_for()
    no_markup(page)
    assert [it for it in there.asked if not it.startswith("data:")] == [there.asked[0]]
    page = there.open("outcomes")
    assert page.locator("main .mistakes tbody tr").count() >= 1 or name == "regress"
    no_markup(page)
    page = there.open("training")
