"""Highlights: the first screen of the page and of the report tells the run's story, as the lens computed it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.serve.conftest import Visit

from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.highlights import story


def shown(page: Any, session: TextSession) -> list[dict[str, Any]]:
    """Check that every section is shown with its sentences, and return the sections."""
    sections = story(session)
    page.locator(".story > section").nth(len(sections) - 1).wait_for()
    assert page.locator(".story h2").all_inner_texts() == [it["title"] for it in sections]
    sentences = [part["text"] for it in sections for part in it["parts"] if part["kind"] == "sentence"]
    assert sorted(page.locator(".story p.said").all_inner_texts()) == sorted(sentences)
    return sections


def test_the_page_opens_on_it_and_its_links_set_everything(
    visit: Callable[..., Visit], address: str, session: TextSession
):
    story(session)  # which takes long on a machine that is busy
    there = visit(address)
    there.page.goto(address)
    there.page.wait_for_selector("main[data-ready=highlights]")
    sections = shown(there.page, session)
    strips = [part for it in sections for part in it["parts"] if part["kind"] == "strip"]
    texts = there.page.locator(".strip").evaluate_all("all => all.map((it) => it.textContent)")
    assert texts == ["".join(it["pieces"]) for it in strips]
    links = [it for section in sections for it in section["links"]]
    assert there.page.locator(".ways a:not(.tour)").all_inner_texts() == [it["title"] for it in links]
    to_cells = [it for it in links if it["screen"] == "cells"]
    if to_cells:
        there.page.get_by_role("link", name="See this unit").first.click()
        there.page.wait_for_selector("main[data-ready=cells]")
        assert there.page.get_by_role("spinbutton", name="Hidden unit").input_value() == str(to_cells[0]["unit"])


def test_a_report_opens_on_it_and_does_not_offer_to_write(
    visit: Callable[..., Visit], report_file: Path, session: TextSession
):
    there = visit(report_file.as_uri())
    there.page.goto(report_file.as_uri())
    there.page.wait_for_selector("main[data-ready=highlights]")
    shown(there.page, session)
    assert there.page.get_by_role("link", name="Training").count() == 1
    assert there.page.get_by_role("link", name="Write more").count() == 0
