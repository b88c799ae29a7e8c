"""The tutorial's code runs from top to bottom, and prints what the page says."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(
    ("page", "outputs"), [("your_own_cell.md", 8), ("your_own_task.md", 1), ("concepts.md", 2), ("index.md", 0)]
)
def test_a_pages_code_prints_what_it_says(page: str, outputs: int, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```(python)?\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    names = {"__name__": "tutorial"}
    printed = ""
    shown = 0
    for language, block in blocks:
        if language:
            exec(compile(block, page, "exec"), names)
            printed = capsys.readouterr().out
        else:
            assert printed == block
            shown += 1
    assert shown >= outputs


def test_the_page_on_kernels_names_what_there_is() -> None:
    text = (DOCS / "kernels.md").read_text()
    sources = {path.name: path for path in (DOCS.parent / "src" / "tidegate").rglob("*.py")}
    named = set(re.findall(r"`(?:\w+/)*(\w+\.py)`", text))
    kernels = {path.name for path in sources["tiles.py"].parent.glob("*.py")} - {"__init__.py"}
    assert named <= set(sources)
    assert kernels - named <= {"operator_kernels.py", "panels.py"}
    everything = "".join(path.read_text() for path in sources.values())
    for name in re.findall(r"`([A-Z]\w+|\w+_\w+)`", text):
        assert re.search(rf"\b{name}\b", everything), name
