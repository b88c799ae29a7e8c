"""What is set on the screens of tasks is in the address, which restores it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import Served

Start = Callable[..., Visit]


def reloaded(page: Any, screen: str) -> None:
    page.reload()
    page.wait_for_selector(f"main[data-ready={screen}]")


def test_the_list_of_examples_is_restored(served: Served, visit: Start) -> None:
    page = visit(served("classify")[1]).open("steps")
    page.locator(".example-list .answer").first.wait_for()
    page.select_option(".control:has-text('Show') select", "wrong")
    page.select_option(".control:has-text('Order') select", "loss")
    page.fill("[type=search]", "a")
    page.press("[type=search]", "Enter")
    page.wait_for_url("**find=a*")
    shown = page.locator(".example-list .read").all_inner_texts()
    assert shown
    reloaded(page, "steps")
    page.locator(".example-list .answer").first.wait_for()
    assert page.locator(".example-list .read").all_inner_texts() == shown
    assert page.input_value(".control:has-text('Order') select") == "loss"
    # The button of Mistakes lists all wrong ones, whatever was set before.
    page.click("#tab-outcomes")
    page.click("text=List the")
    page.locator(".example-list .answer").first.wait_for()
    assert "show=wrong&order=loss" in page.url
    assert page.input_value("[type=search]") == ""


def test_the_tint_of_the_tokens_is_restored(served: Served, visit: Start) -> None:
    page = visit(served("classify")[1]).open("steps", text=2)
    page.select_option(".control:has-text('Tint by') select", "attention")
    page.wait_for_url("**tint=attention*")
    reloaded(page, "steps")
    assert page.input_value(".control:has-text('Tint by') select") == "attention"
    page.locator(".heat image").first.click(position={"x": 3, "y": 3})
    page.wait_for_url(lambda url: "picked=input+0" in url and "tint=" not in url)
    picked = page.input_value(".control:has-text('Tint by') select")
    title = page.locator(".tokens .piece").first.get_attribute("title")
    assert " of unit 0/" in picked
    reloaded(page, "steps")
    assert page.input_value(".control:has-text('Tint by') select") == picked
    assert page.locator(".tokens .piece").first.get_attribute("title") == title
    assert page.locator(".told", has_text="unit 0/").count() == 1


def test_beam_and_token_are_restored(served: Served, visit: Start) -> None:
    page = visit(served("translate")[1]).open("steps", text=2)
    field = page.locator(".control:has-text('Beam') input")
    field.fill("5")
    field.press("Tab")
    page.wait_for_url("**beam=5*")
    page.locator("h2", has_text="a beam of 5").wait_for()
    page.focus("[aria-label^='What the model wrote']")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**at=1*")
    reloaded(page, "steps")
    page.locator("h2", has_text="a beam of 5").wait_for()
    page.locator(".side h2", has_text="token 1:").wait_for()
    page.locator(".control:has-text('Beam') input").fill("")
    page.press(".control:has-text('Beam') input", "Tab")
    page.locator("h2", has_text="a beam of 3").wait_for()  # the run's
    assert "beam=" not in page.url


@pytest.mark.slow
def test_what_is_asked_of_a_decision_is_restored(served: Served, visit: Start) -> None:
    session, address = served("tag")
    long = next(n for n in range(len(session.examples)) if len(session.look(n).steps["input"].read) > 2)
    page = visit(address).open("reasons", text=long)
    page.locator(".places button >> nth=1").click()
    page.wait_for_selector(".places button:nth-child(2)[aria-pressed=true]")
    other = page.locator(".control:has-text('Why') option >> nth=1").get_attribute("value")
    page.select_option(".control:has-text('Why') select >> nth=0", other)
    page.locator(".verdict", has_text=other).wait_for()
    reloaded(page, "reasons")
    page.wait_for_selector(".places button:nth-child(2)[aria-pressed=true]")
    page.locator(".verdict", has_text=other).wait_for()
    page.click("text=Next")
    page.wait_for_url(lambda url: f"text={long}&" not in url)
    assert "target=" not in page.url
    assert "place=" not in page.url


@pytest.mark.slow
def test_the_cell_of_the_confusion_matrix_is_restored(served: Served, visit: Start) -> None:
    page = visit(served("classify")[1]).open("outcomes")
    page.locator(".confusion button:not([disabled])").first.click()
    title = page.inner_text(".mistakes h2")
    assert title != "The worst mistakes"
    reloaded(page, "outcomes")
    assert page.inner_text(".mistakes h2") == title
    page.click("text=The worst of all")
    assert "cell=" not in page.url
