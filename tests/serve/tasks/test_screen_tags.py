"""Tags on the page: wrong ones in words, and tokens tinted by a hidden unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.serve.conftest import Visit, row_names
from tests.serve.tasks.task_runs import Served, looked


def test_a_picked_unit_tints_the_tokens(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("tag")
    page = visit(address).open("steps", text=2)
    page.select_option("label:has-text('Gate or state') select", "f")
    page.locator("h3", has_text="f of layer 0").first.wait_for()
    row = row_names(page.locator(".heat").nth(1)).index("3")
    page.click(".heat image >> nth=1", position={"x": 2, "y": 36 * row + 18})  # 180 px for 5 units
    page.locator("main .told", has_text="unit 0/3, from the end").wait_for()
    value = looked(session.run, 2).steps["input"].trace[0, 1]["f"][:, 3]
    said = page.locator("main .told", has_text="unit 0/3, from the end").inner_text()
    assert float(said.partition(": f ")[2].split()[0]) == pytest.approx(value[0], abs=0.01)
    assert page.input_value("label:has-text('Tint by') select") == "f of unit 0/3, from the end"
    titles = page.evaluate("[...document.querySelectorAll('.token .piece')].map(it => it.title)")
    assert [float(it.rpartition(": ")[2]) for it in titles] == pytest.approx(value, abs=0.01)


def test_wrong_tags_are_described_in_words(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("tag")
    number, own = next(
        (n, it) for n in range(5) if (it := looked(session.run, n)).prediction["tags"] != it.truth["tags"]
    )
    page = visit(address).open("steps", text=number)
    pairs = list(zip(own.prediction["tags"], own.truth["tags"], strict=True))
    assert page.locator(".token .truth").count() == sum(said != true for said, true in pairs)
    assert f"{sum(said == true for said, true in pairs)} of {len(pairs)} are right" in page.inner_text("main")
    page.focus(".tokens")
    page.keyboard.press("End")
    page.locator(".side", has_text=f"step {len(pairs) - 1}").wait_for()
    assert page.inner_text(".side code") == own.steps["input"].read[-1]
