"""Text of others in Markdown and YAML is text, whatever it holds."""

import re

import lxml.html
import pytest
import yaml
from markdown_it import MarkdownIt

from tidegate.hub.markdown_text import code_block, front_matter, plain, table

RENDERED = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

NASTY = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://example.org/track.png)",
    "**bold** _it_ `code` ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "=====",
    "a | b | c",
    "$x^2$ \\(y\\)",
    "&lt;b&gt; &amp;",
    "https://example.org www.example.org me@example.org @someone :smile:",
    "line\none\r\nthree\u2028four",
    "\x1b[31mred\x07 \u202egnp.exe",
    "'quote' \"double\": [list, {a: b}] # no comment",
    "```\nend\n```",
    "--- \n...\n",
    "-1.5",
    "0.25",
    "",
]


@pytest.mark.parametrize("text", NASTY)
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    page = lxml.html.fromstring(RENDERED.render(f"- {plain(text)}"))
    assert [it.tag for it in page.iter()] == ["ul", "li"], "it became markup"
    shown = " ".join(page.text_content().split())
    if not re.search(r"[\x00-\x1f\u2028\u202e]", text):
        assert shown == " ".join(text.split())
    assert not re.search(r"(?<!\\)(https?:|www\.|@|:smile)", plain(text)), "GitHub's Markdown would link it"


@pytest.mark.parametrize("text", NASTY)
def test_a_cell_of_a_table_stays_one(text: str) -> None:
    made = table(["a", "b"], [(text, "end")])
    page = lxml.html.fromstring(RENDERED.render(made))
    assert len(page.findall(".//tbody/tr")) == 1
    assert [it.text for it in page.findall(".//tbody/tr/td")][-1] == "end"
    assert len(page.findall(".//tbody/tr/td")) == 2


@pytest.mark.parametrize("text", NASTY)
def test_a_block_of_code_ends_where_it_should(text: str) -> None:
    page = lxml.html.fromstring("<div>" + RENDERED.render(f"{code_block(text)}\n\nend") + "</div>")
    assert [it.tag for it in page] == ["pre", "p"]
    assert page[1].text == "end"


@pytest.mark.parametrize("text", NASTY)
def test_front_matter_is_yaml_with_the_same_values(text: str) -> None:
    entries = {"license": "mit", "tags": [text, "x"], "index": [{"name": text, "value": 0.5}], "none": None}
    made = front_matter(entries)
    assert made.startswith("---\n")
    assert made.endswith("\n---")
    assert "\n---" not in made[:-4]
    read = yaml.safe_load(made.strip("-"))
    assert set(read) == {"license", "tags", "index"}
    assert read["index"][0]["value"] == 0.5
    if text.isprintable():
        assert read["tags"] == [text, "x"]
        assert read["index"][0]["name"] == text
    assert len(read["tags"]) == 2
