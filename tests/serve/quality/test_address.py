"""The address restores what is set on a screen, and only there; "Copy link" copies it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.quality.tour import Tour

Start = Callable[[str], Tour]
ADDED = json.dumps([{"layer": 1, "name": "h", "unit": 2, "low": 0, "high": 0}])
# Screens, what their addresses hold, and the controls by their labels with what they then show.
SETTINGS: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("match", {"threshold": "0.5", "before": "0"}, {"On means": "0.5", "Off for": "0", "and after": "1"}),
    (
        "why",
        {"at": "9", "target": "x", "baseline": "mean", "erasure": "baseline"},
        {"Why not": "x", "Baseline": "mean", "An erased": "baseline"},
    ),
    (
        "cut",
        {"kind": "clamp", "low": "-0.25", "prompt": "def", "seed": "3"},
        {
            "Intervention": "clamp",
            "Lowest value": "-0.25",
            "Highest value": "1",
            "Prompt": "def",
            "Seed": "3",
            "Temperature": "0.5",
        },
    ),
    ("write", {"prompt": "def a b", "seed": "7"}, {"Prompt": "def a b", "Seed": "7", "Temperature": "0.8"}),
    ("errors", {"run": "1", "helper": "left"}, {"Errors of": "1"}),
]


def test_guesses_under_the_text_are_in_the_address(tour: Start) -> None:
    page = tour("lm").open("read")
    page.check("label.switch input")
    page.wait_for_url("**guesses=on*")
    page.reload()
    page.locator(".column .below").first.wait_for()
    page.uncheck("label.switch input")
    tour("lm").settle()
    assert "guesses" not in page.url


def shown(page: Any, label: str) -> str:
    return page.locator(f".control:has-text('{label}') >> :is(input, select, textarea)").first.input_value()


@pytest.mark.parametrize(("screen", "settings", "controls"), SETTINGS)
def test_the_address_restores_the_settings_of_a_screen(
    tour: Start, screen: str, settings: dict[str, str], controls: dict[str, str]
) -> None:
    there = tour("lm")
    page = there.open(screen, **{name: value.replace(" ", "+") for name, value in settings.items()})
    there.settle()
    assert {label: shown(page, label) for label in controls} == controls
    for name, value in settings.items():
        assert f"{name}={value.replace(' ', '+')}" in page.url
    page.click("#tab-training")  # another screen has settings of its own
    page.wait_for_selector("main[data-ready=training]")
    assert not any(f"{name}=" in page.url for name in settings if name != "at")


def test_a_setting_that_is_changed_is_in_the_address_unless_it_is_as_always(tour: Start) -> None:
    there = tour("lm")
    page = there.open("match")
    field = page.locator(".control:has-text('and after') input")
    field.fill("3")
    field.press("Tab")
    page.wait_for_url("**after=3*")
    field.fill("1")
    field.press("Tab")
    there.settle()
    assert "after=" not in page.url


def test_interventions_that_were_added_are_in_the_address(tour: Start) -> None:
    there = tour("lm")
    page = there.open("cut", unit=1, added=ADDED)
    there.settle()
    page.locator(".told", has_text="Together with: 1/2 h").wait_for()
    page.click("text=Remove the added")
    there.settle()
    assert "added=" not in page.url


def test_an_address_of_the_screen_that_is_open_is_followed(tour: Start) -> None:
    there = tour("lm")
    page = there.open("match")
    page.evaluate("location.hash = '#match?threshold=0.75&at=3&end=6'")
    page.wait_for_selector("main:not([data-ready])", state="attached")
    page.wait_for_selector("main[data-ready=match]")
    there.settle()
    assert shown(page, "On means") == "0.75"
    assert page.locator(".unit.marked").count() == 3


def test_a_stretch_stays_in_the_address_when_one_goes_elsewhere(tour: Start) -> None:
    there = tour("lm")
    page = there.open("match", at=3, end=6)
    there.settle()
    page.focus(".textview")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**at=4&stretch=3-6**")
    page.reload()
    page.wait_for_selector("main[data-ready=match]")
    there.settle()
    assert page.locator(".unit.marked").count() == 3
    assert page.locator(".unit.cursor").get_attribute("data-n") == "4"


def test_the_theme_is_in_the_address_and_stays(tour: Start) -> None:
    there = tour("lm")
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    page = there.open("read")
    page.click("#tools button:has-text('◐')")
    page.wait_for_url("**theme=dark*")
    page.click("#tab-training")
    page.wait_for_selector("main[data-ready=training]")
    assert "theme=dark" in page.url
    page.go_back()
    page.wait_for_selector("main[data-ready=read]")
    page.reload()
    page.wait_for_selector("main[data-ready=read]")
    assert page.evaluate(scheme) == "dark"
    page.click("#tools button:has-text('◐')")
    page.wait_for_url("**theme=light*")
    assert page.evaluate(scheme) == "light"
    page.goto(there.address)  # for the tests after this one: a page without an address is as the system is


def test_a_search_for_a_regular_expression_is_in_the_address(tour: Start) -> None:
    there = tour("lm")
    page = there.open("cells", pattern="d.f")
    there.settle()
    assert page.input_value("[aria-label='A regular expression']") == "d.f"
    page.locator(".finder table", has_text="d.f").first.wait_for()
