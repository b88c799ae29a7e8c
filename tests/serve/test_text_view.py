"""The view of a text: where a press lands, how lines are broken, and what stands below each token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from tests.lens.hostile_run import small_run
from tests.serve.conftest import Visit

from tidegate.lens.session.text_session import TextSession

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen\n"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TextSession]:
    """A session of a language model on words."""
    folder = tmp_path_factory.mktemp("words") / "words"
    with TextSession([small_run(folder, WORDS * 80, prepared={"tokenizer": "words"})], WORDS * 40) as session:
        yield session


def lines_of(page: Any) -> list[str]:
    return page.locator(".textview .line").evaluate_all("all => all.map(it => it.textContent)")


def box(page: Any, n: int) -> dict[str, float]:
    return page.locator(f".unit[data-n='{n}']").bounding_box()


def chosen(page: Any) -> int:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return int(page.locator(".unit.cursor").get_attribute("data-n"))


def test_a_press_chooses_the_nearest_token(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address, viewport={"width": 1900, "height": 900}).open("match")
    page.focus(".textview")
    page.keyboard.press("Control+Home")
    chosen(page)
    text = session.text(0)
    end = text.index("\n")  # of the first line
    line, after = box(page, 0), box(page, end + 1)
    right = box(page, end)["x"] + 200
    page.mouse.click(right, line["y"] + 4)
    assert chosen(page) == end
    page.mouse.click(right, after["y"] + after["height"] - 2)
    assert chosen(page) == text.index("\n", end + 1)
    # What is between two lines belongs to one of them.
    middle = line["x"] + 3.5 * box(page, 1)["width"]
    found = []
    for y in range(int(line["y"]) + 2, int(after["y"]) + 6, 3):
        page.mouse.click(middle, y)
        found.append(chosen(page))
    assert set(found) == {3, end + 1 + 3}
    assert found == sorted(found)
    # A drag may begin between lines and to the right of a line's end, and end below the text.
    page.mouse.move(right, line["y"] + line["height"] - 1)
    page.mouse.down()
    page.mouse.move(right, after["y"] + 5, steps=3)
    page.mouse.up()
    page.locator(f".unit.marked[data-n='{end + 1}']").wait_for()
    page.wait_for_url(lambda url: f"at={end}&end=" in url)


def test_guesses_have_room_below_each_token(address: str, visit: Callable[..., Visit], words: TextSession, serve: Any):
    for where, columns in ((address, "character"), (serve(words), "word")):
        page = visit(where, viewport={"width": 600, "height": 800}).open("read")
        if columns == "word":  # lines break after blanks
            shown = lines_of(page)
            assert len(shown) > 10
            for line in shown:
                assert line[0] != " "
                assert set(line.replace("↵", "").split()) <= set(WORDS.split())
            assert page.locator(".textview").evaluate("it => it.scrollWidth <= it.clientWidth")
        page.check("input[type=checkbox]")
        page.locator(".column .below >> nth=4").first.wait_for()
        boxes = page.locator(".line").evaluate_all(
            """lines => lines.slice(0, 5).map(line => {
                const rows = [...line.firstElementChild.children].map(it => it.getBoundingClientRect());
                return rows.map(it => [it.top, it.bottom]);
            })"""
        )
        assert [len(it) for it in boxes] == [6] * 5, columns  # the token and five guesses
        for one, following in pairwise(boxes):
            assert all(bottom <= top + 0.01 for (_, bottom), (top, _) in pairwise(one))
            assert following[0][0] - one[-1][1] >= 4 - 0.01
        spilled = "all => all.filter(it => it.scrollWidth > it.clientWidth + 1 && it.textContent.length < 9).length"
        assert page.locator(".column .below").evaluate_all(spilled) == 0
        assert not set("".join(page.locator(".column .below").all_inner_texts())) & {" ", "\n"}


def test_a_line_breaks_inside_a_word_only_if_it_has_no_blank(address: str, visit: Callable[..., Visit]):
    page = visit(address, viewport={"width": 390, "height": 800}).open("read")
    text = f"def f(a, [b]):\n    return {'key' * 40} a b\n    {'yek' * 30}\n"
    page.evaluate(
        """async (text) => {
            const headers = { "Content-Type": "application/json" };
            const answer = await fetch("/api/text", { method: "POST", headers, body: JSON.stringify({ text }) });
            location.hash = `#read?text=${(await answer.json()).text}`;
        }""",
        text,
    )
    page.locator(".lead", has_text=f"{len(text)} characters").wait_for()
    shown = lines_of(page)
    assert shown[0] == "def f(a, [b]):↵"
    assert shown[1] == "    return "
    assert set(shown[2]) == set("key")
    (indented,) = (it for it in shown if it.startswith("    y"))  # not a line of nothing but blanks
    assert len(indented) > 30
    assert shown[shown.index(indented) - 1].endswith(" a b↵")
    assert "".join(shown).replace("↵", "\n") == text


def test_a_text_that_the_browser_wraps_is_not_broken_after_its_indentation(address: str, visit: Callable[..., Visit]):
    page = visit(address, viewport={"width": 390, "height": 800}).open("training")
    shown = """async (text) => {
        const { indentedText } = await import("/text/indentation.js");
        const box = document.querySelector(".sample");
        const lines = () => {
            const { lineHeight, paddingTop } = getComputedStyle(box);
            return Math.round((box.clientHeight - 2 * parseFloat(paddingTop)) / parseFloat(lineHeight));
        };
        box.textContent = text;
        const before = lines();
        box.replaceChildren(...indentedText(text));
        return [box.textContent, before - lines()];
    }"""
    text = f"if a:\n    {'key' * 20} b c\n\n{'x ' * 3}\n\tlast\n        {'long' * 15}"
    assert page.evaluate(shown, text) == [text, 2]  # no line of nothing but blanks for each of the two long words


def test_what_is_in_view_is_whole_lines(address: str, visit: Callable[..., Visit]):
    page = visit(address, viewport={"width": 1280, "height": 300}).open("cells", at=300)
    whole = """it => {
        const box = it.querySelector('.unit.cursor').getBoundingClientRect();
        const { top, bottom } = it.getBoundingClientRect();
        return box.top >= top && box.bottom <= bottom && it.scrollTop % it.querySelector('.line').offsetHeight === 0;
    }"""
    assert page.locator(".textview").evaluate(whole)
    page.focus(".textview")
    for key in ("ArrowDown", "PageDown", "ArrowUp", "PageUp", "ArrowUp", "Control+End", "Control+Home"):
        page.keyboard.press(key)
        chosen(page)
        assert page.locator(".textview").evaluate(whole), key
