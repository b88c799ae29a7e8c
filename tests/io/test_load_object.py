"""Objects of users' own files and modules: found, or refused with a message that says where the fault is."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.errors import ArgumentError, CellError
from tidegate.io.load_object import is_location, load_object


@pytest.fixture(autouse=True)
def _own_imports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test has its own current folder and leaves no module and no import path behind."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    yield
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def write(path: str, text: str) -> str:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text)
    return path


def test_object_of_a_file() -> None:
    write("mine.py", "class Home:\n    three = 3\n")
    assert load_object("mine.py:Home.three", "number") == 3
    assert load_object(f"{Path.cwd()}/mine.py:Home.three", "number") == 3


def test_object_of_a_module_in_the_current_folder() -> None:
    write("their_module.py", "three = 3\n")
    assert load_object("their_module:three", "number") == 3


def test_object_of_an_installed_module() -> None:
    assert load_object("os.path:join", "function")("a", "b") == "a/b"


def test_file_is_read_anew() -> None:
    write("mine.py", "value = 1\n")
    assert load_object("mine.py:value", "number") == 1
    write("mine.py", "value = 22\n")
    assert load_object("mine.py:value", "number") == 22


def test_file_imports_its_neighbour() -> None:
    write("there/neighbour_of_mine.py", "three = 3\n")
    write("there/mine.py", "from neighbour_of_mine import three\n")
    assert load_object("there/mine.py:three", "number") == 3


def test_file_named_as_a_module_does_not_replace_it() -> None:
    import random

    write("random.py", "three = 3\n")
    assert load_object("random.py:three", "number") == 3
    assert sys.modules["random"] is random
    assert load_object("random:Random", "class") is random.Random


@pytest.mark.parametrize("where", ["name", "mine.py", ":name", "mine.py:"])
def test_missing_part_raises(where: str) -> None:
    with pytest.raises(ArgumentError, match=r"does not name a number: give FILE.py:NAME or MODULE:NAME\."):
        load_object(where, "number")


def test_missing_file_module_or_name_raises() -> None:
    write("mine.py", "")
    with pytest.raises(ArgumentError, match=r"There is no file 'theirs.py'"):
        load_object("theirs.py:three", "number")
    with pytest.raises(ArgumentError, match="No module is called 'no_such_module_here'"):
        load_object("no_such_module_here:three", "number")
    with pytest.raises(ArgumentError, match=r"mine.py has no number 'three'\."):
        load_object("mine.py:three", "number")
    with pytest.raises(CellError):
        load_object("mine.py:three", "number", CellError)


FAULTS = {
    "its own": ("a = 1\nb = a / 0\n", "line 2: ZeroDivisionError: division by zero"),
    "in what it calls": ("import json\n\n\njson.loads('{')\n", "line 4: JSONDecodeError: "),
    "syntax": ("a = 1\nb = = 2\n", "line 2: SyntaxError: "),
    "a missing import": ("import no_such_module_here\n", "line 1: ModuleNotFoundError: No module named"),
    "an exit": ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_error_inside_a_file_names_its_line(fault: str) -> None:
    text, message = FAULTS[fault]
    write("mine.py", text)
    for where in ("mine.py:a", "mine:a"):
        with pytest.raises(ArgumentError) as error:
            load_object(where, "number")
        assert f"mine.py, {message}" in str(error.value).replace("The module mine, line", "mine.py, line")
        assert not [name for name in sys.modules if "mine" in name.split("_")]


def test_is_location() -> None:
    assert is_location("mine.py:name")
    assert is_location("module:name")
    assert not is_location("lstm")
    assert not is_location("lstm:")
