"""The tutorial notebook runs from top to bottom, and what its cells end with shows itself."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tutorial.ipynb"


def code_cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(it["source"]) for it in notebook["cells"] if it["cell_type"] == "code"]


def run(source: str, names: dict[str, Any]) -> Any:
    """Run a cell as a notebook does; the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return None if last is None else eval(compile(ast.unparse(last), str(NOTEBOOK), "eval"), names)


def view(value: Any) -> str:
    """What a notebook shows of a value."""
    for name in ("_repr_html_", "_repr_latex_"):
        if hasattr(value, name):
            return getattr(value, name)()
    return repr(value)


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert not any(it.get("outputs") or it.get("execution_count") for it in notebook["cells"])


@pytest.mark.slow
def test_the_notebook_runs_and_its_results_show_themselves() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = [view(run(source, names)) for source in code_cells()]
    assert shown[0].startswith("$$\n\\begin{aligned}")
    for text in ("FLOPs", "Trace", "validation loss", "bracket", "AUC", "closing"):
        assert any(text in it for it in shown), text
    assert all("object at 0x" not in it for it in shown)
    bracket = names["bracket"]
    assert bracket.score > max(bracket.untrained, bracket.shuffled)
