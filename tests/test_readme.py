"""The README's examples run, and print what they say."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_library_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    block, inside = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(inside, "README.md", "exec"), {"__name__": "readme"})
    assert re.search(r"unit 0/\d+ .* goes with bracket: AUC", capsys.readouterr().out)
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out
    (shape,) = re.findall(r"print\(trace.*?: (torch\.Size.*)", block)
    assert shape in printed
    (equations,) = re.findall(r"```\n(f_t = .*?)```", README, re.DOTALL)
    assert equations in printed


@pytest.mark.parametrize(
    "folder", ["cells", "engine", "nn", "data", "tasks", "train", "lens", "serve", "drawing", "cli"]
)
def test_the_tree_names_every_folder(folder: str) -> None:
    assert re.search(rf"^  {folder}/ ", README, re.MULTILINE)
    assert (Path(__file__).parent.parent / "src" / "tidegate" / folder).is_dir()
