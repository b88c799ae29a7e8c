"""Public names, help texts, docstrings and pages use the words of docs/glossary.md, not those that were retired."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "tidegate").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Names, as parts of identifiers.
RETIRED_NAMES = {
    "own_share": "sampling_probability",
    "facts": "preprocessing (data) or analysis (cells)",
    "nothing_yet": "NO_PREDICTION",
    "givens": "examples",
    "looked": "session",
    "told": "a word for what it is",
    "unit_text": "token_text",
    "load_units": "load_tokenizer",
    "validation_units": "validation_tokens",
    "edited": "intervened",
}
# Phrases, as regular expressions, case ignored.
RETIRED_PHRASES = {
    r"\bown share\b": "sampling probability",
    r"\bunits of (the |a |its |some )?text\b": "tokens",
    r"\bnats per unit\b": "nats per token or prediction",
    r"\bso many\b": "first N, at most N",
    r"\bwhoever\b": "name the reader",
    r"\bnobody gives\b": "default",
    r"\bworth a name\b": "records",
    r"\bis told\b|\bare told\b|\bto be told\b": "is reported",
    r"\bhas no use for\b": "ignores, does not use",
    r"\bmake of (the|a) model\b|\bmodel's make\b": "model config",
    r"\blooked into\b": "inspected",
    r"\bfed by the teacher\b": "teacher forcing",
}


def _names(tree: ast.Module) -> set[str]:
    """Public names that a module defines: classes, functions, parameters, attributes and constants."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            found |= {it.id for it in targets if isinstance(it, ast.Name)}
    return {name for name in found if not name.startswith("_")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_the_fields_own(path: Path) -> None:
    names = {name.lower() for name in _names(ast.parse(path.read_text()))}
    retired = {
        name: RETIRED_NAMES[old] for name in names for old in RETIRED_NAMES if re.search(rf"(^|_){old}(_|$)", name)
    }
    assert retired == {}


def _texts(path: Path) -> str:
    """All that a person reads of a module: docstrings, messages and help texts."""
    tree = ast.parse(path.read_text())
    return "\n".join(it.value for it in ast.walk(tree) if isinstance(it, ast.Constant) and isinstance(it.value, str))


@pytest.mark.parametrize("path", [*SOURCES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_use_the_glossary(path: Path) -> None:
    text = _texts(path) if path.suffix == ".py" else path.read_text()
    text = re.sub(r"\s+", " ", text)
    found = [
        f"{match[0]!r}: {better}" for old, better in RETIRED_PHRASES.items() for match in re.finditer(old, text, re.I)
    ]
    assert found == []


def test_a_retired_word_is_found(tmp_path: Path) -> None:
    """The check itself: it sees names and texts."""
    assert "own_share_start" in _names(ast.parse("def f(own_share_start: float) -> None: ..."))
    (tmp_path / "page.md").write_text("The loss in nats per\nunit.")
    with pytest.raises(AssertionError, match="nats per unit"):
        test_texts_use_the_glossary(tmp_path / "page.md")
