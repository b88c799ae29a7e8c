"""Untrusted text in Markdown and YAML: shown as it is, never as markup, a link, a mention or a key."""

import json
import re
from collections.abc import Iterable, Sequence

from tidegate.drawing.text import visible

MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~$&!@^]|:(?=\S)|(?<=www)\.")
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
BEGINS = re.compile(r"\d+(?=[.)](\s|$))|(?=[-+=](\D|$))")  # a list, a line across, or the underline of a heading
FENCE = re.compile(r"`{3,}|~{3,}")


class Markdown(str):
    """A text that is Markdown already, of our own making."""


def plain(text: object) -> str:
    """Return a text for a line or a cell of a table in Markdown: no character of it is markup, also none of HTML.

    Lines are joined; control characters and those that change the direction of a line become ``\\x1b`` and the like.
    """
    line = " ".join(visible(str(text)).split())
    shown = MARKUP.sub(lambda found: ENTITIES.get(found[0]) or f"\\{found[0]}", line)
    if begins := BEGINS.match(shown):
        end = begins.end()
        shown = shown[:end] + (f"&#{ord(shown[end])};") + shown[end + 1 :]
    return shown


def code_block(text: str, language: str = "") -> str:
    """Return a text as a block of code, whose fence is longer than any in the text."""
    longest = max((len(found) for found in FENCE.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; values are untrusted unless they are `Markdown`."""
    shown = [[it if isinstance(it, Markdown) else plain(it) for it in row] for row in rows]
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *shown]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def front_matter(entries: dict[str, object]) -> str:
    """Return the head of a model card, between lines of ``---``: JSON in all values, which is YAML, too.

    Args:
        entries: plain values by name; those that are None are left out.
    """
    lines = [f"{name}: {_json(value)}" for name, value in entries.items() if value is not None]
    return "\n".join(["---", *lines, "---"])


def _json(value: object) -> str:
    return json.dumps(_visible(value), ensure_ascii=False, allow_nan=False)


def _visible(value: object) -> object:
    """Make all texts visible, as YAML allows few control characters."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(name)): _visible(it) for name, it in value.items()}
    return [_visible(it) for it in value] if isinstance(value, list | tuple) else value
