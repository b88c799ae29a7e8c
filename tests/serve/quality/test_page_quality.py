"""All screens of a run: no finding of axe-core in either theme, nothing cut off, all in the keyboard's reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.quality.tour import Tour
from tests.serve.tasks.task_runs import RUNS

Start = Callable[[str], Tour]
WIDTHS = (390, 768, 1440)  # a phone, a tablet, a laptop
FAST = ("lm",)
every = pytest.mark.parametrize(
    "name", [pytest.param(it, marks=() if it in FAST else pytest.mark.slow) for it in ("lm", *RUNS)]
)
# Each line of a text is like the others, and so is each row of a matrix or list: all of them would take long.
ALIKE = (".line:nth-child(n + 3)", ".matrix tr:nth-child(n + 3)", ".example-list li:nth-child(n + 3)")
CONTEXT = {"include": [["html"]], "exclude": [[it] for it in ALIKE]}


def found_by_axe(page: Any, axe: str, *rules: str) -> list[str]:
    """What axe-core says is wrong, of any severity."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    options = {"resultTypes": ["violations"], "preload": False} | ({"runOnly": list(rules)} if rules else {})
    run = "async ([context, options]) => (await axe.run(context, options)).violations"
    found = page.evaluate(run, [CONTEXT, options])
    return [f"{it['impact']} {it['id']}: {node['html'][:200]}" for it in found for node in it["nodes"]]


def told(found: list[str]) -> None:
    """Fail with all that was found, a line each."""
    assert not found, "\n".join(found)


@every
def test_axe_finds_nothing(tour: Start, axe: str, name: str) -> None:
    found = []
    for screen, page in tour(name).screens():
        found += [f"{screen}: {it}" for it in found_by_axe(page, axe)]
        page.emulate_media(color_scheme="dark")
        found += [f"{screen}, dark: {it}" for it in found_by_axe(page, axe, "color-contrast")]
        page.emulate_media(color_scheme="light")
    told(found)


@every
def test_nothing_is_cut_off(tour: Start, name: str) -> None:
    found = []
    for screen, page in tour(name).screens():
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            cut = []
            for _ in range(10):  # charts follow their boxes, one after another
                tour(name).settle()
                if not (cut := page.evaluate("pageChecks.cut()")):
                    break
            found += [f"{screen}, {width} px: {it}" for it in cut]
    told(found)


@every
def test_the_keyboard_reaches_all_that_can_be_clicked_and_shows_where_it_is(tour: Start, name: str) -> None:
    found = []
    for screen, page in tour(name).screens():
        for check in ("unreachable", "unmarked"):
            found += [f"{screen}, {check}: {it}" for it in page.evaluate(f"pageChecks.{check}()")]
    told(found)


@every
def test_tab_goes_through_every_control_and_is_caught_by_none(tour: Start, name: str) -> None:
    found = []
    for screen, page in tour(name).screens():
        count = page.evaluate("window.reached = new Set(); document.activeElement.blur(); pageChecks.controls().length")
        for _ in range(count + 2):  # a radio button's group is one stop, so this may go round
            page.keyboard.press("Tab")
            page.evaluate("reached.add(document.activeElement)")
        missed = "pageChecks.controls().filter((it) => !reached.has(it)).map(pageChecks.name)"
        found += [f"{screen}: {it}" for it in page.evaluate(missed)]
    told(found)
