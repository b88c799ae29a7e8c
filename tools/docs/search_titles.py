"""The titles in the index of the search: where several sections have the same, each is followed by its page's."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

SMALL = re.compile(r"\s*<small>.*</small>")  # "property", beside the name of one


def tell_titles_apart(index: Path) -> None:
    """Rewrite an index so that no two results of a search look the same: "To try · 2. Five forms"."""
    record = json.loads(index.read_text(encoding="utf-8"))
    _rename(record["items"])
    index.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def _rename(items: list[dict[str, Any]]) -> None:
    pages = {it["location"]: it for it in items if "#" not in it["location"]}
    often = Counter(it["title"] for it in items)
    names = Counter(it["title"] for it in pages.values())
    for it in pages.values():  # the equations of a cell and its reference, say: followed by the heading they are under
        if names[it["title"]] > 1:
            it["title"] = " · ".join([it["title"], *it["path"][-2:-1]])
    for it in items:
        page, _, section = it["location"].partition("#")
        if section and often[it["title"]] > 1:
            it["title"] += f" · {SMALL.sub('', pages[page]['title'])}"
