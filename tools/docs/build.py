"""Build the site: gather the pages, fill the navigation, run Zensical, and check the result.

Hand-written pages (``docs/``) and generated ones (cells, commands, reference) are gathered in ``build/docs/pages``,
beside the configuration of ``mkdocs.yml`` with its navigation filled in. Generated pages are not in the repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tidegate.cells import CELLS
from tools.docs import links, reference
from tools.docs.cell_page import cell_page, cells_page
from tools.docs.command_pages import command_pages
from tools.docs.equations import with_mathml
from tools.docs.gallery import gallery_page
from tools.docs.korean import in_korean
from tools.docs.search_titles import tell_titles_apart
from tools.docs.uses import uses

ROOT = Path(__file__).parents[2]


class SiteError(Exception):
    """The site cannot be built; the message lists the faults."""


@dataclass(frozen=True)
class Built:
    """A site that was built: its folder and how many pages it has."""

    folder: Path
    pages: int


def build(site: Path, work: Path = ROOT / "build" / "docs") -> Built:
    """Build the site.

    Args:
        site: the folder of the site; its contents are replaced.
        work: a folder for the gathered pages; its contents are replaced.

    Raises:
        SiteError: a public name has no docstring, a page is not in the navigation, a link is broken, a page loads
            something from another site, or Zensical warns.
    """
    library = reference.load(ROOT / "src")
    if silent := reference.undocumented(library):
        raise SiteError(_list("public names without a docstring", silent))
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(ROOT / "docs", work / "pages")
    for page in (work / "pages").rglob("*.md"):
        _draw_equations(page)
    found = reference.packages(library)
    for name, text in generated_pages(library, found).items():
        page = work / "pages" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    config["nav"] = filled(config["nav"], work / "pages")
    config |= {"docs_dir": "pages", "site_dir": "site"}
    (work / "mkdocs.yml").write_text(json.dumps(config, indent=1), encoding="utf-8")  # YAML contains JSON
    _zensical(work)
    for page in (work / "site" / "notes" / "ko").rglob("*.html"):
        page.write_text(in_korean(page.read_text(encoding="utf-8")), encoding="utf-8")
    tell_titles_apart(work / "site" / "search.json")
    if wrong := links.faults(work / "site") + missing_from(work / "site", found):
        raise SiteError(_list("faults of the built site", wrong))
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(work / "site", site)
    return Built(site, sum(1 for _ in site.rglob("*.html")) - 1)  # 404.html is no page


def _draw_equations(page: Path) -> None:
    try:
        page.write_text(with_mathml(page.read_text(encoding="utf-8")), encoding="utf-8")
    except ValueError as error:
        raise SiteError(f"{page.name}: {error}") from error


def generated_pages(library: Any, found: list[reference.Package]) -> dict[str, str]:
    """Return the generated pages by name."""
    pages = {f"cells/{cell.name}.md": cell_page(cell) for cell in CELLS.values()}
    pages |= {"cells/index.md": cells_page(CELLS.values()), **command_pages()}
    used = uses(ROOT / "docs", ROOT / "examples" / "notes", found)
    for package in found:
        made = reference.package_pages(package, library, used)
        pages |= {f"reference/{name}": page for name, page in made.items()}
    pages["gallery.md"] = with_mathml(gallery_page(ROOT / "docs"))
    return pages | {"reference/index.md": reference.index_page(found, library)}


def filled(nav: list[Any], pages: Path) -> list[Any]:
    """Replace each pattern of the navigation (``notes/en/*.md``) by the pages it matches, except those named elsewhere.

    A pattern that ends with a slash stands for folders, each a section that begins with the folder's index. A section
    whose patterns match nothing is left out.

    Raises:
        SiteError: a named page is missing, or a page is not in the navigation.
    """
    named = {entry for entry in _leaves(nav) if "*" not in entry}
    there = {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}
    if missing := sorted(named - there):
        raise SiteError(_list("pages in the navigation of mkdocs.yml that are not there", missing))

    def fill(entry: Any) -> list[Any]:
        match entry:
            case str() if "*" in entry:
                found = sorted(pages.glob(entry), key=lambda it: (it.name != "index.md", it.name.lower()))
                if entry.endswith("/"):
                    return [{it.name: fill(f"{it.relative_to(pages).as_posix()}/*.md")} for it in found if it.is_dir()]
                return [it.relative_to(pages).as_posix() for it in found if _new(it, pages, named)]
            case dict():
                inside = {title: filled_in(value) for title, value in entry.items()}
                return [{title: value} for title, value in inside.items() if value]
        return [entry]

    def filled_in(value: Any) -> Any:
        return [done for entry in value for done in fill(entry)] if isinstance(value, list) else value

    done = filled_in(nav)
    if lost := sorted(there - set(_leaves(done))):
        raise SiteError(_list("pages that the navigation of mkdocs.yml does not name", lost))
    return done


def missing_from(site: Path, found: list[reference.Package]) -> list[str]:
    """List public names that the built reference does not contain."""
    wrong: list[str] = []
    for package in found:
        for name in package.names if package.path != reference.PACKAGE else ("__version__",):
            page = package.page_of(name) if package.path != reference.PACKAGE else package.page
            shown = links.anchors(site / "reference" / page.removesuffix(".md") / "index.html")
            wrong += [f"reference/{page}: no {name}"] if f"{package.path}.{name}" not in shown else []
    return wrong


def _new(page: Path, pages: Path, named: set[str]) -> bool:
    return page.relative_to(pages).as_posix() not in named


def _leaves(nav: Any) -> Iterator[str]:
    match nav:
        case str():
            yield nav
        case dict():
            yield from _leaves(list(nav.values()))
        case list():
            for entry in nav:
                yield from _leaves(entry)


def _zensical(work: Path) -> None:
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", "mkdocs.yml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # mkdocstrings finds our extension of griffe there
    ran = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode or "Warning" in ran.stderr + ran.stdout:
        raise SiteError(f"zensical build --strict failed:\n{ran.stdout}{ran.stderr}")


def _list(what: str, lines: list[str]) -> str:
    return "\n  ".join([f"{len(lines)} {what}:", *lines])
