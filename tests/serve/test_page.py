"""The page and the report in a real browser: every screen loads, reacts, and shows the right number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import Visit

from tidegate.lens import read
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.page import FILES
from tidegate.serve.screens import SCREENS
from tidegate.serve.screens.steps import STEPS
from tidegate.train import Run

Start = Callable[..., Visit]
TABS = [it.name for it in SCREENS if it is not STEPS]  # of a language model
OWN = {name: path.read_text(encoding="utf-8") for name, path in FILES.items() if not name.startswith("vendor/")}


def says(page: Any, selector: str, text: str) -> None:
    """Wait until an element says something; not by a function, for which the page's policy has no eval."""
    page.locator(selector, has_text=text).first.wait_for()


@pytest.mark.parametrize("name", [name for name in OWN if name.endswith(".js")])
def test_nothing_on_the_page_reads_text_as_html_or_code(name):
    for way in (r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"document\.write", r"\beval\(", r"new Function"):
        assert not re.search(way, OWN[name]), way
    for found in re.finditer(r"""["'](?:https?:)?//(?!www\.w3\.org/2000/svg)[^"']+""", OWN[name]):  # a name, not a page
        pytest.fail(f"another site: {found[0]}")


@pytest.mark.parametrize("screen", TABS)
def test_every_screen_loads(address: str, visit: Start, screen: str):
    there = visit(address)
    page = there.open(screen)
    assert page.get_attribute(f"#tab-{screen}", "aria-selected") == "true"
    assert not page.query_selector("main .wrong")
    assert not set(page.inner_text("main").split()) & {"null", "undefined", "NaN"}
    assert all(it.startswith((address, "data:")) for it in there.asked)


@pytest.mark.parametrize("screen", TABS)
def test_every_screen_works_from_the_file_alone(report_file: Path, visit: Start, screen: str):
    there = visit(report_file.as_uri(), offline=True)
    page = there.open(screen)
    assert not page.query_selector("main .wrong")
    assert not set(page.inner_text("main").split()) & {"null", "undefined", "NaN"}
    assert [it for it in there.asked if not it.startswith("data:")] == [there.asked[0]]


@pytest.mark.parametrize("screen", TABS)
def test_every_screen_fits_a_phone_in_the_dark(address: str, visit: Start, screen: str):
    page = visit(address, viewport={"width": 390, "height": 800}, color_scheme="dark").open(screen)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_hostile_text_is_text(address: str, visit: Start, run: Run):
    page = visit(address).open("read")
    assert page.title() == "hostile - Tidegate"  # a script that ran would have said otherwise
    shown = page.evaluate("[...document.querySelectorAll('.unit')].map(it => it.textContent).join('')")
    assert "<script>" in shown or "</script>" in shown
    assert page.evaluate("document.querySelectorAll('main script, main img, main b').length") == 0


def test_read_shows_the_models_probability(address: str, visit: Start, run: Run):
    page = visit(address).open("read", at=9)
    reading = read(run.model, run.tokenizer, held_out_text(run, 400))
    page.wait_for_selector(".side table")
    assert f"surprise {-reading.log_p[9]:.2f} nats" in page.inner_text(".side")
    page.focus(".textview")
    page.keyboard.press("ArrowRight")
    says(page, ".side", f"{-reading.log_p[10]:.2f} nats")
    assert "at=10" in page.url
    page.check("text=five guesses under each")
    page.wait_for_selector(".column .below")


def test_cells_shows_the_units_value(address: str, visit: Start, run: Run):
    page = visit(address).open("cells", layer=1, unit=4, name="f", at=20)
    value = read(run.model, run.tokenizer, held_out_text(run, 400)).trace[1, 0]["f"][20, 4]
    shown = page.inner_text("main .told >> nth=0").partition(": ")[2].partition(" (")[0]
    assert float(shown) == pytest.approx(value, abs=0.01)
    page.select_option("select >> nth=1", "c")
    says(page, ".told", "1/4 c")
    page.click("canvas.heat", position={"x": 5, "y": 5})
    says(page, ".told", "1/0 c")


def test_another_text_can_be_read(address: str, visit: Start):
    there = visit(address)
    page = there.open("read")
    page.click("summary")
    page.fill("textarea", "return {")
    page.click("text=Read it")
    says(page, ".lead", "8 characters")
    page.click("summary")
    page.fill("textarea", "字")
    page.click("text=Read it")
    page.wait_for_selector("#said.wrong")
    assert "not in the vocabulary" in page.inner_text("#said")
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400


def test_write_writes_with_live_tints_and_stops(address: str, visit: Start, run: Run):
    page = visit(address).open("write")
    page.fill("main textarea", "def ")
    page.click(".go")
    says(page, "main .told", "verbatim")
    says(page, ".go", "Write")  # what was the button to stop it
    shown = "".join(page.locator(".unit").all_inner_texts())
    from tidegate.text.generation import generate

    pieces = generate(run.model, run.tokenizer, "def ", length=400, temperature=0.8, seed=0)
    written = "".join(it.text for it in pieces).replace("\n", "↵")
    assert len(shown) > 60
    assert shown in written


def test_the_keyboard_reaches_everything(address: str, visit: Start):
    page = visit(address).open("read")
    page.focus("#tab-read")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("main[data-ready=cells]")
    assert page.evaluate("document.activeElement.id") == "tab-cells"
    page.go_back()
    page.wait_for_selector("main[data-ready=read]")


def test_a_hundred_thousand_characters_scroll(run: Run, serve: Callable[[TextSession], str], visit: Start):
    with TextSession([run], (held_out_text(run, 400) * 400)[:100_000]) as session:
        page = visit(serve(session)).open("cells")
        assert page.evaluate("document.querySelectorAll('.unit').length") < 10_000
        slowest = page.evaluate(
            """async () => {
                const box = document.querySelector('.textview');
                let slowest = 0, before = performance.now();
                for (let n = 0; n < 60; n++) {
                    box.scrollTop = (box.scrollHeight * n) / 60;
                    await new Promise(requestAnimationFrame);
                    const now = performance.now();
                    slowest = Math.max(slowest, now - before);
                    before = now;
                }
                return slowest;
            }"""
        )
        assert slowest < 400  # ms; about 20 on a quiet machine, tests may run beside other work
