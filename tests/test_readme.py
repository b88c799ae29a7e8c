"""The README is short, its examples run, and they print what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DESIGN = (ROOT / "docs" / "design.md").read_text()
ROOMS = sorted(path.parent.name for path in (ROOT / "src" / "tidegate").glob("*/__init__.py"))


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 120


def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    layer, own, inside = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {"__name__": "readme"}
    exec(compile(layer, "README.md", "exec"), names)
    (shape,) = re.findall(r"print\(trace.*?: (torch\.Size.*)", layer)
    assert shape in capsys.readouterr().out
    exec(compile(own, "README.md", "exec"), names)
    (equations,) = re.findall(r"```\n(f_t = .*?)```", README, re.DOTALL)
    assert capsys.readouterr().out == equations
    exec(compile(inside, "README.md", "exec"), names)
    assert re.search(r"unit 0/\d+ .* goes with bracket: AUC", capsys.readouterr().out)


def test_links_and_pictures_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("room", ROOMS)
def test_the_tree_names_every_room(room: str) -> None:
    """The tree is printed once, in docs/design.md."""
    assert re.search(rf"^  {room}/ ", DESIGN, re.MULTILINE)
    assert not re.search(rf"^  {room}/ ", README, re.MULTILINE)
