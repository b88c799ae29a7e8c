"""The API reference: public names, those without a docstring, and a page for each package and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import griffe

from tools.docs.gallery import Example, cards

PACKAGE = "tidegate"


@dataclass(frozen=True)
class Package:
    """A public package or module.

    Attributes:
        path: ``tidegate.nn``.
        names: its public names, in alphabetical order.
        summary: the first line of its docstring.
    """

    path: str
    names: tuple[str, ...]
    summary: str

    @property
    def page(self) -> str:
        """Its page's file in ``reference/``."""
        return "tidegate.md" if self.path == PACKAGE else f"{self.path.removeprefix(f'{PACKAGE}.')}/index.md"

    def page_of(self, name: str) -> str:
        """The page of a name. The second of ``Cell`` and ``cell`` has a _: some systems do not tell them apart."""
        first = next(it for it in self.names if it.lower() == name.lower())
        return f"{self.path.removeprefix(f'{PACKAGE}.')}/{name if name == first else f'{name}_'}.md"


def load(source: Path) -> griffe.Module:
    """Read the library with griffe, without importing it."""
    loader = griffe.GriffeLoader(search_paths=[source], docstring_parser="google")
    loader.load(PACKAGE)
    library = loader.modules_collection[PACKAGE]
    as_imported(library, loader)
    return library


def as_imported(library: griffe.Module, loader: griffe.GriffeLoader) -> None:
    """Resolve the imports of packages; a name that is both a module and an import is the import.

    For example, ``tidegate.cells.cell`` is a module, but ``from tidegate.cells import cell`` imports the decorator.
    """
    loader.resolve_aliases(implicit=False, external=False)
    for module in [library, *library.modules.values()]:
        both = [name for name in module.modules if name in module.imports and name in (module.exports or ())]
        inside = {name: loader.modules_collection[module.imports[name]] for name in both}
        for name, it in inside.items():
            if it is not module.members[name]:
                module.set_member(name, griffe.Alias(name, it, parent=module))


def packages(library: griffe.Module) -> list[Package]:
    """List the library itself and all packages and modules directly below it that have public names.

    Public names are those in ``__all__``, or in a module without it the classes and functions that it defines.
    """
    below = [m for name, m in sorted(library.modules.items()) if not name.startswith("_")]
    found = [Package(m.path, public_names(m), _summary(m)) for m in (library, *below)]
    return [package for package in found if package.names]


def public_names(module: griffe.Module) -> tuple[str, ...]:
    """List the public names of a package or module."""
    if module.exports is not None:
        return tuple(sorted(map(str, module.exports), key=str.lower))
    if module.is_package:
        return ()
    own = {**module.classes, **module.functions}
    return tuple(sorted(name for name, it in own.items() if not name.startswith("_") and not it.is_alias))


def undocumented(library: griffe.Module) -> list[str]:
    """List public names, and methods of public classes, without a docstring, as ``path (file:line)``."""
    found: dict[str, None] = {}
    for package in packages(library):
        module = library if package.path == PACKAGE else library[package.path.removeprefix(f"{PACKAGE}.")]
        for name in package.names:
            for it in _with_methods(module, name):
                if not it.has_docstring:
                    found[f"{it.path} ({it.relative_filepath}:{it.lineno})"] = None
    return list(found)


def _with_methods(module: griffe.Module, name: str) -> list[griffe.Object]:
    if name not in module.members:
        raise KeyError(f"{module.path}.__all__ names {name!r}, which does not exist.")
    it = module.members[name]
    own = it.final_target if isinstance(it, griffe.Alias) else it
    assert isinstance(own, griffe.Object)
    methods = [
        method
        for name, method in own.members.items()
        if own.is_class and isinstance(method, griffe.Object) and not name.startswith("_")
        if method.is_function or "property" in method.labels
    ]
    return [own, *methods]


def package_pages(package: Package, library: griffe.Module, used: Mapping[str, Sequence[Example]]) -> dict[str, str]:
    """Return the pages of a package by file: its names with their first sentences, and one for each name.

    They are Markdown; mkdocstrings fills them from the docstrings.

    Args:
        package: the package.
        library: the library.
        used: the pages that use each name, by its path.
    """
    if package.path == PACKAGE:
        return {package.page: _documented(package.path, package.path, members="[__version__]")}
    about = {name: _summary(_member(library, package, name)) for name in package.names}
    rows = [f"| [`{name}`]({Path(package.page_of(name)).name}) | {said} |" for name, said in about.items()]
    table = "\n".join(["| name | contents |", "| --- | --- |", *rows])
    pages = {package.page: f"{_documented(package.path, package.path, members='[]')}\n{table}\n"}
    for name in package.names:
        path = f"{package.path}.{name}"
        made = package.page_of(name)
        shown = used.get(path, ())
        listed = f"\n## Used in\n\n{cards(shown, f'reference/{Path(made).parent}')}" if shown else ""
        pages[made] = _documented(name, path) + listed
    return pages


def _documented(title: str, path: str, members: str = "") -> str:
    options = f"    options:\n      members: {members}\n" if members else ""
    return f"---\ntitle: {title}\n---\n\n::: {path}\n{options}"


def _member(library: griffe.Module, package: Package, name: str) -> griffe.Object:
    it = library[f"{package.path.removeprefix(f'{PACKAGE}.')}.{name}"]
    return it.final_target if isinstance(it, griffe.Alias) else it


def index_page(found: list[Package], library: griffe.Module) -> str:
    """Return the page with the table of packages and the names of the root."""
    rows = [f"| [`{p.path}`]({p.page}) | {p.summary} | {len(p.names)} |" for p in found]
    homes = [f"* {_home(name, library, found)}" for name in public_names(library) if name != "__version__"]
    return "\n".join(
        [
            "# Reference",
            "",
            "The public names of each package. Import them from the package, `from tidegate.nn import LSTM`; the "
            "modules inside a package may change.",
            "",
            "| package | contents | names |",
            "| --- | --- | --: |",
            *rows,
            "",
            f"Directly in `{PACKAGE}`, after `import {PACKAGE}`:",
            "",
            *homes,
            "",
        ]
    )


def _home(name: str, library: griffe.Module, found: list[Package]) -> str:
    it = library.members[name]
    target = it.final_target if isinstance(it, griffe.Alias) else it
    if target.is_module:
        return f"[`{PACKAGE}.{name}`]({name}/index.md)"
    home = next(p for p in found if p.path != PACKAGE and target.path.startswith(f"{p.path}.") and name in p.names)
    return f"[`{PACKAGE}.{name}`]({home.page_of(name)}): `{home.path}.{name}`"


def _summary(it: griffe.Object) -> str:
    return it.docstring.value.split("\n", 1)[0] if it.docstring else ""
