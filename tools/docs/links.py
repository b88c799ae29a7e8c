"""Check a built site: its HTML as a browser sees it, also where pages contain HTML that Zensical does not check.

Every link leads to an existing page, file or anchor; every page can be reached from the first; and nothing is loaded
from other sites (links to them are allowed; scripts, style sheets, fonts and pictures from them are not).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data"), ("use", "href")}
LINKS_NOT_LOADED = {"canonical", "alternate", "prev", "next"}
IN_STYLE = re.compile(r"(?:@import\s+|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)")


@dataclass
class _Page(HTMLParser):
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in LINKS_NOT_LOADED:
            self.loaded.append(given.get("href", ""))
        self.loaded += [given[name] for of, name in LOADED if of == tag and given.get(name)]


def faults(site: Path) -> list[str]:
    """List the faults of a site, one line each."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    found: list[str] = []
    leads_to: dict[Path, set[Path]] = {}
    for path, page in pages.items():
        where = path.relative_to(site).as_posix()
        # 404.html is shown at any address, so its links start at the site's root.
        for link in page.links if path.name != "404.html" else ():
            target, anchor = _target(link, path)
            if target is None:
                continue
            leads_to.setdefault(path, set()).add(target)
            if not target.is_file():
                found.append(f"{where}: {link} leads nowhere")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{where}: {link} leads to no anchor of its page")
        found += [f"{where}: loads {it} from elsewhere" for it in page.loaded if _is_elsewhere(it)]
    for style in sorted(site.rglob("*.css")):
        outside = IN_STYLE.findall(style.read_text(encoding="utf-8"))
        found += [f"{style.relative_to(site).as_posix()}: loads {it} from elsewhere" for it in outside]
    reached = _reached(site / "index.html", leads_to)
    lost = [path for path in pages if path not in reached and path.name != "404.html"]
    return found + [f"{path.relative_to(site).as_posix()}: no link leads there" for path in lost]


def anchors(page: Path) -> set[str]:
    """The anchors of a built page."""
    return _read(page).anchors


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    return page


def _target(link: str, page: Path) -> tuple[Path | None, str]:
    """Return the file that a link leads to and its anchor; None for other sites."""
    if urlsplit(link).scheme or link.startswith("//"):
        return None, ""
    address, anchor = urldefrag(link)
    target = (page.parent / unquote(address)).resolve() if address else page.resolve()
    return (target / "index.html" if target.is_dir() else target), unquote(anchor)


def _is_elsewhere(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https")


def _reached(first: Path, leads_to: dict[Path, set[Path]]) -> set[Path]:
    reached, stack = set[Path](), [first]
    while stack:
        if (page := stack.pop()) not in reached:
            reached.add(page)
            stack += leads_to.get(page, set())
    return reached
