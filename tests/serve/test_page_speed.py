"""How soon the page is there, a click is answered, and one learns that there is something to wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lens.hostile_run import HOSTILE
from tests.serve.conftest import Visit

from tidegate.lens.progress import report_progress
from tidegate.lens.session.text_session import TextSession
from tidegate.train import Run

# ms. They hold on a quiet machine; tests run beside other work, which may take all processors but for a moment: so the
# best of several measurements counts, and it may take twice as long.
FIRST_PAINT, CLICK, PROGRESS = 500, 100, 200
BESIDE_OTHER_WORK = 2
QUICK_SCREENS = ("read", "training", "write", "match", "read")  # for which no model runs once the text is read

CLICKED = """async (screen) => {
    const main = document.getElementById("main");
    const before = performance.now();
    document.getElementById(`tab-${screen}`).click();
    while (main.dataset.ready !== screen) await new Promise(requestAnimationFrame);
    return performance.now() - before;
}"""
WAITED = """async () => {
    const before = performance.now();
    document.getElementById("tab-cells").click();
    while (document.querySelector("#waiting").hidden) await new Promise(requestAnimationFrame);
    return performance.now() - before;
}"""

pytestmark = pytest.mark.slow


def test_the_page_is_painted_soon(visit: Callable[..., Visit], address: str):
    page = visit(address).open("read")
    paints = []
    for _ in range(5):
        page.reload()
        page.wait_for_selector("main[data-ready=read]")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    assert min(paints) < BESIDE_OTHER_WORK * FIRST_PAINT, paints


def test_a_click_that_needs_no_model_is_answered_soon(visit: Callable[..., Visit], address: str):
    page = visit(address).open("read")
    taken: dict[str, list[float]] = {}
    for _ in range(4):
        for screen in QUICK_SCREENS:
            taken.setdefault(screen, []).append(page.evaluate(CLICKED, screen))
    assert max(map(min, taken.values())) < BESIDE_OTHER_WORK * CLICK, taken


def test_one_learns_soon_that_there_is_something_to_wait_for(
    visit: Callable[..., Visit],
    run: Run,
    serve: Callable[[TextSession], str],
    monkeypatch: pytest.MonkeyPatch,
):
    searching = True

    def search(run: Run) -> Any:
        while searching:
            report_progress("Searching", 0.25)
        raise AssertionError("the test has ended")

    monkeypatch.setattr("tidegate.lens.session.text_session.findings_of", search)
    with TextSession([run], HOSTILE) as session:
        page = visit(serve(session)).open("read")
        taken = []
        for _ in range(4):
            taken.append(page.evaluate(WAITED))
            page.wait_for_selector("#waiting progress[value='0.25']")
            page.wait_for_selector("#waiting button:text('Cancel'):visible")
            page.click("#tab-read")
            page.wait_for_selector("#waiting", state="hidden")
        page.click("#tab-cells")
        page.click("#waiting button")
        page.wait_for_selector(".finder :text('Cancelled.')")
        searching = False
    assert min(taken) < BESIDE_OTHER_WORK * PROGRESS, taken
