"""The page and the report in a real browser: every screen loads, reacts, and shows the right number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import Visit, row_names

from tidegate.lens import read
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.page import FILES
from tidegate.serve.screens import SCREENS
from tidegate.train import Run

Start = Callable[..., Visit]
# Of a language model: a screen asks what kind of session there is.
TABS = [it.name for it in SCREENS if it.shown(object.__new__(TextSession))]
OWN = {name: path.read_text(encoding="utf-8") for name, path in FILES.items() if not name.startswith("vendor/")}


def says(page: Any, selector: str, text: str) -> None:
    """Wait until an element says something; not by a function, for which the page's policy has no eval."""
    page.locator(selector, has_text=text).first.wait_for()


SCROLLED = """async (share) => {
    const box = document.querySelector(".textview");
    box.scrollTop = box.scrollHeight * share;
    for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame); // noted, painted, shown
}"""


def processor_time(page: Any) -> Callable[[], float]:
    """What returns the seconds that a page's own thread was computing: other work on the machine is not in them."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return lambda: next(
        it["value"] for it in session.send("Performance.getMetrics")["metrics"] if it["name"] == "TaskDuration"
    )


@pytest.mark.parametrize("name", [name for name in OWN if name.endswith(".js")])
def test_nothing_on_the_page_reads_text_as_html_or_code(name):
    for way in (r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"document\.write", r"\beval\(", r"new Function"):
        assert not re.search(way, OWN[name]), way
    for found in re.finditer(
        r"""["'](?:https?:)?//(?!www\.w3\.org/(?:2000/svg|1998/Math/MathML))[^"']+""", OWN[name]
    ):  # a name, not a page
        pytest.fail(f"another site: {found[0]}")


@pytest.mark.parametrize("screen", TABS)
def test_every_screen_loads(address: str, visit: Start, screen: str):
    there = visit(address)
    page = there.open(screen)
    assert page.get_attribute(f"#tab-{screen}", "aria-selected") == "true"
    assert not page.query_selector("main .wrong")
    assert not set(page.inner_text("main").split()) & {"null", "undefined", "NaN"}
    # Every figure says what it shows, and can be saved.
    assert page.locator("figure:not(:has(figcaption .save button))").count() == 0
    assert page.locator(".plot:not([aria-label])").count() == 0
    assert all(it.startswith((address, "data:")) for it in there.asked)


@pytest.mark.parametrize("screen", [it for it in TABS if it != "write"])
def test_every_screen_works_from_the_file_alone(report_file: Path, visit: Start, screen: str):
    there = visit(report_file.as_uri(), offline=True)
    page = there.open(screen)
    assert not page.query_selector("main .wrong")
    assert not set(page.inner_text("main").split()) & {"null", "undefined", "NaN"}
    assert [it for it in there.asked if not it.startswith("data:")] == [there.asked[0]]
    assert page.locator("#tab-write").count() == 0  # a report cannot write


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
    assert "Your text: 400 characters" in page.inner_text(".lead")
    assert page.locator(".scale").count() == 2


def test_cells_shows_the_units_value(address: str, visit: Start, run: Run):
    page = visit(address).open("cells", layer=1, unit=4, name="f", at=20)
    value = read(run.model, run.tokenizer, held_out_text(run, 400)).trace[1, 0]["f"][20, 4]
    shown = page.inner_text("main .told >> nth=0").partition(": ")[2].replace("\u2212", "-")
    assert float(shown) == pytest.approx(value, abs=0.01)
    page.select_option("select >> nth=1", "c")
    says(page, ".told", "1/4 c")
    top = row_names(page.locator(".heat"))[0]
    page.click(".heat image", position={"x": 5, "y": 5})
    says(page, ".told", f"1/{top} c")


def test_another_text_can_be_read_and_the_first_again(address: str, visit: Start):
    there = visit(address)
    page = there.open("read")
    before = page.locator("main").bounding_box()
    page.click("text=Texts …")
    page.wait_for_selector("dialog textarea:focus")
    page.fill("dialog textarea", "字")
    page.click("text=Read it")
    says(page, "dialog .wrong", "not in the vocabulary")
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400
    page.fill("dialog textarea", "return {")
    page.click("text=Read it")
    says(page, ".lead", "8 characters")
    assert page.locator("main").bounding_box()["y"] == before["y"]
    page.reload()
    page.click("text=Texts …")
    assert page.inner_text("dialog [aria-current] .label") == "return {"
    page.click("dialog .seen button >> nth=0")
    says(page, ".lead", "400 characters")
    assert "text=" not in page.url


def test_escape_closes_the_dialog_and_returns_to_its_button(address: str, visit: Start):
    page = visit(address).open("read")
    page.focus("text=Texts …")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    for _ in range(8):  # the keyboard stays in the dialog, or goes to the browser itself
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('body, dialog, dialog *')")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.inner_text(":focus") == "Texts …"


def test_the_link_of_a_view_is_copied(address: str, visit: Start):
    page = visit(address, permissions=["clipboard-read", "clipboard-write"]).open("cells", unit=3, at=20)
    page.click("text=Copy link")
    says(page, "#message", "copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.click("text=Close")
    assert page.inner_text("#message") == ""
    # The link has what is chosen even where the browser has not yet let the page change its address.
    page.evaluate("history.replaceState = () => {}")
    page.fill(".control:has-text('Hidden unit') input", "5")
    page.press(".control:has-text('Hidden unit') input", "Tab")
    page.click("text=Copy link")
    says(page, "#message", "copied")
    assert "unit=5" in page.evaluate("navigator.clipboard.readText()")
    page.click("text=Close")
    assert page.inner_text("#message") == ""


def test_the_link_to_the_content_leads_there_and_nowhere_else(address: str, visit: Start):
    page = visit(address).open("cells", unit=3)
    before = page.url
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.url == before


def test_on_a_phone_the_chosen_tab_is_in_view(address: str, visit: Start):
    page = visit(address, viewport={"width": 390, "height": 800}).open("write")
    box = page.locator("#tab-write").bounding_box()
    assert 0 <= box["x"] < box["x"] + box["width"] <= 390
    assert "more-before" in page.get_attribute("#tabs", "class")


def test_write_writes_with_live_tints_and_stops(address: str, visit: Start, run: Run):
    page = visit(address).open("write")
    assert page.locator(".lines").evaluate("it => getComputedStyle(it, '::before').content") == '"Press Write"'
    page.fill("main textarea", "def ")
    page.click(".go")
    says(page, "main .told", "verbatim")
    says(page, ".go", "Write")  # what was the button to stop it
    assert "".join(page.locator(".unit.prompt").all_inner_texts()) == "def "
    shown = "".join(page.locator(".unit:not(.prompt)").all_inner_texts())
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
        work = processor_time(page)
        taken = []
        for n in range(20):
            before = work()
            page.evaluate(SCROLLED, n / 20)
            taken.append(work() - before)
        assert max(taken) < 0.2, taken  # about 0.02
        page.goto("about:blank")  # which gives up the search that Cells waits for
