"""The reference of the documentation: a page for every public name, from its docstring."""

import importlib
from pathlib import Path

import griffe
import pytest
from tools.docs import reference
from tools.docs.build import ROOT
from tools.docs.docstrings import in_markdown, places
from tools.docs.uses import named, uses


@pytest.fixture(scope="module")
def library() -> griffe.Module:
    return reference.load(ROOT / "src")


def test_every_public_name_is_documented(library: griffe.Module) -> None:
    assert reference.undocumented(library) == []


def test_the_reference_names_what_python_makes_public(library: griffe.Module) -> None:
    found = {package.path: set(package.names) for package in reference.packages(library)}
    for name in ("cells", "engine", "nn", "data", "tasks", "train", "lens", "errors"):
        assert f"tidegate.{name}" in found
    for path, names in found.items():
        module = importlib.import_module(path)
        public = getattr(module, "__all__", None)
        if public is None:  # a module of classes
            public = [n for n, it in vars(module).items() if isinstance(it, type) and it.__module__ == path]
        assert names == set(public), path


def test_a_names_page_lists_the_pages_that_use_it(library: griffe.Module) -> None:
    found = reference.packages(library)
    code = "from tidegate.lens.hidden_units.finder import find_cells as f\ntidegate.nn.LSTM(1, 2)\nx.trace(1)"
    assert named(code, found) == {"tidegate.lens.find_cells", "tidegate.nn.LSTM"}
    assert named("a = (", found) == set()
    used = uses(ROOT / "docs", ROOT / "examples" / "notes", found)
    lens = next(package for package in found if package.path == "tidegate.lens")
    pages = reference.package_pages(lens, library, used)
    assert "## Used in" in pages["lens/find_cells.md"]
    assert "](../../look/cells.md)" in pages["lens/find_cells.md"]
    assert "[![](../../notes/pictures/06_quote_cell.png) **6. The quote cell**](" in pages["lens/find_cells.md"]
    assert "| [`find_cells`](find_cells.md) |" in pages["lens/index.md"]
    assert set(pages) == {"lens/index.md", *(lens.page_of(name) for name in lens.names)}


def test_no_two_pages_differ_only_in_capitals(library: griffe.Module) -> None:
    for package in reference.packages(library):
        files = [package.page_of(name).lower() for name in package.names]
        assert len(files) == len(set(files)), package.path


def test_undocumented_names_are_found(tmp_path: Path) -> None:
    package = tmp_path / "tidegate"
    package.mkdir()
    (package / "__init__.py").write_text(
        '"""It."""\n__all__ = ["A", "B", "f", "g", "h"]\nfrom tidegate.g import g, h\nA = 1\n'
        '"""Said."""\nB = 2\ndef f():\n    """Said."""\n'
    )
    (package / "g.py").write_text(
        'def g(): ...\nclass h:\n    """Said."""\n    def m(self): ...\n    def _p(self): ...\n'
        "    @property\n    def q(self): ...\n"
    )
    found = [line.split(" ")[0] for line in reference.undocumented(reference.load(tmp_path))]
    assert sorted(found) == ["tidegate.B", "tidegate.g.g", "tidegate.g.h.m", "tidegate.g.h.q"]


def test_docstrings_become_markdown(library: griffe.Module) -> None:
    found = reference.packages(library)
    known = places(library, found)

    def written(text: str) -> str:
        return in_markdown(text, "tidegate.nn.layered.Layered.trace", known, found)

    assert written("see `Recurrent`, `forward`") == "see [`Recurrent`][tidegate.nn.Recurrent], `forward`"
    assert written("`tidegate.cells.gru`") == "[`tidegate.cells.gru`][tidegate.cells.gru]"
    assert written("``Recurrent`` and `no_such`") == "``Recurrent`` and `no_such`"
    assert written("x\n\n::\n\n    y\n\nExample:\n    >>> 1") == "x\n\n\n    y\n\nExamples:\n    >>> 1"
