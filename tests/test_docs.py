"""The tutorial's code runs from top to bottom, and prints what the page says."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["your_own_cell.md"])
def test_a_pages_code_prints_what_it_says(page: str, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert shown >= 8
