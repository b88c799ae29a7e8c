"""Cards with pictures: the gallery of examples, and the examples that use a public name on the name's own page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s#]+\.(?:svg|png|webp))(?:#only-light)?\)")
ROW = re.compile(r"^\| \[[^\]]*\]\((?P<file>[\w.]+\.md)\) \| (?P<about>.*) \|$", re.MULTILINE)
# Headings, and the folders of their pages.
PLACES = {"Look inside": "look", "Tasks": "tasks", "The notes, run": "notes/en"}


@dataclass(frozen=True)
class Example:
    """A page that shows something.

    Attributes:
        title: its first heading.
        file: its file below ``docs``.
        picture: its first picture's file below ``docs``; empty if it has none.
        about: a sentence about it; may be empty.
    """

    title: str
    file: str
    picture: str = ""
    about: str = ""


def example(page: Path, docs: Path, about: str = "") -> Example:
    """Return what a card says of a hand-written page."""
    text, name = page.read_text(encoding="utf-8"), page.relative_to(docs).as_posix()
    shown = PICTURE.search(text)
    picture = os.path.normpath(PurePosixPath(name).parent / shown[1]) if shown else ""
    return Example(text.partition("\n")[0].removeprefix("# "), name, picture, about)


def gallery_page(docs: Path) -> str:
    """Return the page of all examples with pictures."""
    parts = ["# Gallery\n\nEach of these is a page, with the code or the command that makes its picture.\n"]
    for title, place in PLACES.items():
        index = docs / place / "index.md"
        about = dict(ROW.findall(index.read_text(encoding="utf-8"))) if index.exists() else {}
        found = [example(page, docs, about.get(page.name, "")) for page in sorted((docs / place).glob("*.md"))]
        parts.append(f"## {title}\n\n{cards((it for it in found if it.picture), at='')}")
    return "\n".join(parts)


def cards(found: Iterable[Example], at: str) -> str:
    """Return cards in Markdown.

    Args:
        found: the examples.
        at: the folder below ``docs`` of the page that has the cards.
    """
    rows = []
    for it in found:
        picture = f"![]({os.path.relpath(it.picture, at or '.')}) " if it.picture else ""
        words = f"**{it.title}** {it.about}".strip()
        rows.append(f"[{picture}{words}]({os.path.relpath(it.file, at or '.')})")
    return '<div class="cards" markdown="1">\n\n' + "\n\n".join(rows) + "\n\n</div>\n"
