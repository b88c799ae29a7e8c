"""Translations on the page: attention, and the tree of the beam search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.conftest import Visit, pixels
from tests.serve.tasks.task_runs import Served, looked
from tests.serve.test_save_svg import SVG, drawing


def test_another_beam_is_another_search(client: Any, givens: Any) -> None:
    found = client("translate").get("/api/look?text=2&beam=2").json()
    assert found["tree"]["width"] == 2
    assert len(found["texts"]) == 2
    assert found["texts"][0][0] == looked(givens("translate").run, 2, beam=2).prediction["text"]


def test_the_beam_is_drawn_and_another_can_be_tried(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("translate")
    shapes = {n: looked(session.run, n).attention.shape for n in range(5)}
    number = next(n for n, shape in shapes.items() if min(shape) > 1)
    page = visit(address).open("steps", text=number)
    own = looked(session.run, number)
    assert page.locator(".tree .node.dropped").count() == sum(it.fate == "dropped" for it in own.tree.branches)
    page.focus(".tree")
    page.keyboard.press("ArrowRight")
    first = own.tree.branches[own.tree.path(own.tree.leaves[0])[0]]
    page.locator(".told", has_text=f"log p of the last token {first.log_p:.3f}").wait_for()
    rows, columns = own.attention.shape
    attention = page.locator(".heat[aria-label^=Attention]")
    assert pixels(attention).shape[:2] == (rows, columns)
    attention.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    told = page.locator(".told", has_text="of its attention was on")
    told.wait_for()
    assert told.inner_text().startswith(f"as it wrote {own.written[1]} (1)")
    share = float(told.inner_text().partition("(1), ")[2].partition("%")[0])
    assert share == pytest.approx(100 * float(own.attention[1, 1]), abs=100 / 127)
    page.fill("label:has-text('Beam') input", "1")
    page.keyboard.press("Tab")
    page.locator("h2", has_text="a beam of 1").wait_for()
    assert page.inner_text(".verdict strong") == looked(session.run, number, beam=1).prediction["text"]


def test_attention_and_the_beam_are_saved_as_svg(served: Served, visit: Callable[..., Visit]) -> None:
    page = visit(served("translate")[1], color_scheme="dark").open("steps", text=1)
    nodes = page.locator(".tree .node").count()
    assert nodes > 0
    _, root = drawing(page, "Attention")
    assert len(list(root.iter(f"{SVG}image"))) == 1
    _, root = drawing(page, "Beam search of width 3")
    assert len([it for it in root.iter(f"{SVG}g") if "data-n" in it.attrib]) == nodes
    dark = page.locator(".tree .node text").first.evaluate("it => getComputedStyle(it).fill")
    assert next(root.iter(f"{SVG}text")).attrib["fill"] != dark
