"""Which pages use a public name: in their code, or in the program that a note is about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.docs.gallery import Example, example
from tools.docs.reference import PACKAGE, Package

FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def uses(docs: Path, notes: Path, found: list[Package]) -> dict[str, list[Example]]:
    """Return the pages that use each public name, by the name's path.

    Args:
        docs: the folder of the pages. Korean notes are left out: their programs are those of the English ones.
        notes: the folder of the notes' programs.
        found: the public packages.
    """
    pages: dict[str, list[Example]] = {}
    for page in sorted(docs.rglob("*.md")):
        text, name = page.read_text(encoding="utf-8"), page.relative_to(docs).as_posix()
        if name.startswith("notes/ko/"):
            continue
        program = notes / f"{page.stem}.py"
        code = [program.read_text(encoding="utf-8")] if name.startswith("notes/") and program.exists() else []
        for path in sorted({path for part in (*code, *FENCE.findall(text)) for path in named(part, found)}):
            pages.setdefault(path, []).append(example(page, docs))
    return pages


def named(code: str, found: list[Package]) -> set[str]:
    """Return the paths of the public names that Python code imports or writes as ``tidegate.nn.LSTM``."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a page may show a part of a program, which is no program
        return set()
    return {path for module, name in _mentioned(tree) for path in _public(module, name, found)}


def _mentioned(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)):
                yield from ((module, it.name) for it in node.names)
            case ast.Attribute():
                yield ast.unparse(node.value), node.attr


def _public(module: str, name: str, found: list[Package]) -> Iterator[str]:
    for package in found:
        inside = module == package.path or module.startswith(f"{package.path}.") or module == PACKAGE
        if package.path != PACKAGE and inside and name in package.names:
            yield f"{package.path}.{name}"
