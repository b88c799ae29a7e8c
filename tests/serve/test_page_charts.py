"""How the page writes numbers and sets ticks; what its charts say and do."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.serve.conftest import Visit

from tidegate.lens.session.text_session import TextSession

Start = Callable[..., Visit]


def called(page: Any, module: str, function: str, *given: object) -> Any:
    """The result of a function of one of the page's modules."""
    script = "([module, name, given]) => import(module).then(it => it[name](...given))"
    return page.evaluate(script, [f"/{module}", function, given])


def test_numbers_have_the_digits_that_they_need(address: str, visit: Start):
    page = visit(address).open("training")
    for values, texts in (
        ([0, 1, 2], ["0", "1", "2"]),
        ([0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        ([-0.2, 0, 0.2], ["−0.2", "0.0", "0.2"]),
        ([0, 1e-4, 2e-4], ["0", "1e-4", "2e-4"]),
        ([0.001, 0.002], ["0.001", "0.002"]),
        ([0, 5000, 10000], ["0", "5,000", "10,000"]),
        ([3], ["3"]),
    ):
        assert called(page, "numbers.js", "tickLabels", values) == texts
    shown = [0, 0.0213, -12.34, 1234, -98765, 2.1e-6, 3e7, 0.5]
    written = ["0", "0.0213", "−12.3", "1,234", "−98,765", "2.1e-6", "3e7", "0.5"]
    assert [called(page, "numbers.js", "short", it) for it in shown] == written
    assert [called(page, "numbers.js", "signed", it) for it in (0.004, -0.004, 0.5, -0.5)] == [
        "0.00",
        "0.00",
        "+0.50",
        "−0.50",
    ]
    assert [called(page, "numbers.js", "probability", it) for it in (0, 1e-5, 0.5, 1)] == [
        "0.000",
        "<.001",
        "0.500",
        "1.000",
    ]


def test_ticks_are_round(address: str, visit: Start):
    page = visit(address).open("training")
    for low, high, ticks in (
        (1e-6, 2.0, [1e-6, 1e-4, 1e-2, 1]),
        (0.15, 1.2, [0.2, 0.5, 1]),
        (2.0, 2.6, [2, 2.2, 2.4, 2.6]),
    ):
        found = called(page, "charts/ticks.js", "logTicks", [low, high])
        assert set(ticks) <= set(found)
        assert all(low <= it <= high for it in found)
        assert len(found) < 10
    assert called(page, "charts/ticks.js", "wholeTicks", [0, 4], 20) == [0, 1, 2, 3, 4]
    assert called(page, "charts/ticks.js", "wholeTicks", [0, 100], 5) == [0, 20, 40, 60, 80, 100]


def test_a_click_on_the_gates_moves_the_cursor(address: str, visit: Start, session: TextSession):
    page = visit(address).open("gates", layer=1, unit=3, at=20)
    values = session.reading().trace[1, 0]
    strips = page.locator("[aria-label^='Gates and states of unit 1/3']")
    assert strips.locator(".texts .chosen").count() == 1
    box = strips.locator(".texts text").nth(30).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 80)
    to = int(page.evaluate("new URLSearchParams(location.hash.split('?')[1]).get('at')"))
    assert to != 20
    page.locator(f".unit.cursor[data-n='{to}']").wait_for()
    assert f"f {values['f'][to, 3]:.2f}" in page.inner_text("main .told >> nth=0")
    page.keyboard.press("ArrowRight")
    page.locator(f".unit.cursor[data-n='{to + 1}']").wait_for()
    page.focus(".textview")
    page.keyboard.press("Control+End")  # beyond the steps that were drawn: the strips follow
    last = len(session.reading()) - 1
    page.locator(f".unit.cursor[data-n='{last}']").wait_for()
    assert strips.locator("text", has_text=str(last // 10 * 10)).count() == 1


def test_the_pointer_shows_the_numbers_of_all_curves(address: str, visit: Start):
    page = visit(address).open("training")
    answer = page.request.get(f"{address}api/training?run=0").json()
    chart = page.locator(".plot").first
    box = chart.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 200)
    tip = chart.locator("[aria-label=tip] tspan")
    tip.first.wait_for(state="attached")
    shown = " ".join(tip.all_text_contents())
    assert f"training {answer['train'][0][1]:.4g}" in shown


def test_names_at_the_ends_of_lines_do_not_overlap(address: str, visit: Start):
    page = visit(address, viewport={"width": 700, "height": 800}).open("training")
    names = page.locator(".plot >> nth=0 >> .end-labels text")
    tops = sorted(names.nth(n).bounding_box()["y"] for n in range(names.count()))
    assert len(tops) > 4
    assert min(b - a for a, b in pairwise(tops)) > 12
