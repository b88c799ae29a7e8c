"""Griffe extension: the conventions of the docstrings as Markdown.

A lone ``::`` before an indented block goes (Markdown needs no sign), ``Example:`` is the section "Examples", and a name
in single backticks that the reference has a place for becomes a link to it.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

from tools.docs.reference import PACKAGE, Package, as_imported, packages

BACKTICKED = re.compile(r"(?<![`\[])`([A-Za-z_][\w.]*)`")


class Docstrings(griffe.Extension):
    """Rewrites every docstring of the package once it is loaded."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Called by griffe."""
        if pkg.path == PACKAGE:
            as_imported(pkg, loader)
            found = packages(pkg)
            _rewrite(pkg, places(pkg, found), found)


def places(library: griffe.Module, found: list[Package]) -> frozenset[str]:
    """The paths for which the reference has an anchor."""
    known: set[str] = set()
    for package in found:
        known.add(package.path)
        if package.path == PACKAGE:
            continue
        for name in package.names:
            known.add(f"{package.path}.{name}")
            it = library[f"{package.path.removeprefix(f'{PACKAGE}.')}.{name}"]
            known |= {
                f"{package.path}.{name}.{member.name}"
                for member in it.members.values()
                if not member.is_alias and not member.name.startswith("_") and member.has_docstring
            }
    return frozenset(known)


def in_markdown(text: str, home: str, known: frozenset[str], found: list[Package]) -> str:
    """Convert the docstring of the object at ``home`` to Markdown."""

    def link(name: re.Match[str]) -> str:
        near = [p.path for p in found if home.startswith(f"{p.path}.") and p.path != PACKAGE]
        for path in (name[1], *(f"{package}.{name[1]}" for package in near), f"{home}.{name[1]}"):
            if path in known:
                return f"[`{name[1]}`][{path}]"
        return name[0]

    text = re.sub(r"(?m)^( *)Example:$", r"\1Examples:", text)
    text = re.sub(r"(?m)^ *::\n", "", text)
    return BACKTICKED.sub(link, text)


def _rewrite(it: griffe.Object, known: frozenset[str], found: list[Package]) -> None:
    if it.docstring:
        it.docstring.value = in_markdown(it.docstring.value, it.path, known, found)
    for member in it.members.values():
        if isinstance(member, griffe.Object):
            _rewrite(member, known, found)
