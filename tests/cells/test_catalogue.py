"""Cells by name: Tidegate's, and those that a user registers or loads from a file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import tidegate
from tidegate.cells import CELLS, Cell, Step, cell, get_cell, load_cell, lstm, register_cell, tanh
from tidegate.cells.zoo import catalogue
from tidegate.errors import CellError

ROOT = Path(__file__).parents[2]
FILE = """
from tidegate.cells import Step, cell, tanh

@cell(gates="n")
def loaded(x, r):
    return Step(h=tanh({factor} * x.n + r.n))

number = 3
"""


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test registers cells of its own, in a folder of its own."""
    monkeypatch.setattr(catalogue, "_REGISTERED", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "one", raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def mine(factor: float = 2, name: str = "mine", **declared: Any) -> Cell:
    def fn(x: Any, r: Any) -> Step:
        return Step(h=tanh(factor * x.n + r.n))

    fn.__name__ = name
    return cell(gates="n", **declared)(fn)


def test_catalogue_holds_every_cell_of_the_zoo() -> None:
    assert len(CELLS) == 31
    assert all(CELLS[name] is getattr(tidegate.cells, name) for name in CELLS)


def test_registered_cell_is_found_by_name() -> None:
    it = register_cell(mine())
    assert get_cell("mine") is it
    assert "mine" not in CELLS
    output, _ = tidegate.nn.Recurrent("mine", 2, 3)(torch.ones(4, 1, 2))
    assert output.shape == (4, 1, 3)


def test_equal_cell_is_registered_again() -> None:
    register_cell(mine())
    again = register_cell(mine())
    assert get_cell("mine") is again
    assert register_cell(lstm) is get_cell("lstm") is lstm


@pytest.mark.parametrize(
    "other", [lambda: mine(3), lambda: mine(bias=False), lambda: mine(name="lstm")], ids=["equations", "bias", "zoo"]
)
def test_taken_name_raises(other: Any) -> None:
    register_cell(mine())
    with pytest.raises(CellError, match=r"Another cell is called '(mine|lstm)' already"):
        register_cell(other())
    assert get_cell("lstm") is lstm


def test_plain_function_raises() -> None:
    function: Any = tanh
    with pytest.raises(CellError, match=r"register_cell takes a Cell, but was given function: write @cell"):
        register_cell(function)


@pytest.mark.parametrize("where", ["my_own_cells.py:loaded", "my_own_cells:loaded"])
def test_load_cell_registers_it(where: str) -> None:
    Path("my_own_cells.py").write_text(FILE.format(factor=2))
    it = load_cell(where)
    assert it.text() == "h_t = tanh(2 (W_n x_t + b_n) + U_n h_{t-1} + b'_n)"
    assert get_cell("loaded") is it
    assert load_cell(where).digest == it.digest


def test_load_cell_of_another_file_of_that_name_raises() -> None:
    Path("one.py").write_text(FILE.format(factor=2))
    Path("two.py").write_text(FILE.format(factor=3))
    load_cell("one.py:loaded")
    with pytest.raises(CellError, match="Another cell is called 'loaded' already"):
        load_cell("two.py:loaded")


def test_load_cell_of_something_else_raises() -> None:
    Path("one.py").write_text(FILE.format(factor=2))
    with pytest.raises(CellError, match=r"one.py:number is not a cell, but of type int: write @cell\(...\) above it\."):
        load_cell("one.py:number")


def test_badly_formed_cell_in_a_file_names_its_line() -> None:
    Path("one.py").write_text(FILE.format(factor="p.a"))
    with pytest.raises(CellError, match=r"'loaded' \(.*one.py, line 6\): its function raised NameError: name 'p' is"):
        load_cell("one.py:loaded")
    Path("one.py").write_text(FILE.format(factor="x.a"))
    with pytest.raises(CellError, match=r"Cell 'loaded' \(.*one.py, line 6\): it uses x.a"):
        load_cell("one.py:loaded")


def test_get_cell_imports_nothing(tmp_path: Path) -> None:
    Path("danger.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    for name in ("danger.py:name", "danger:name", "danger"):
        with pytest.raises(CellError, match="No cell is called"):
            get_cell(name)
    assert not (tmp_path / "ran").exists()


def test_unknown_name_suggests_the_nearest() -> None:
    assert get_cell("lstm") is get_cell(lstm) is lstm
    with pytest.raises(
        CellError, match=r"No cell is called 'peephole_lsm'; did you mean 'peephole_lstm'.*\? The cells are: "
    ):
        get_cell("peephole_lsm")


def test_unknown_name_says_how_to_load_one() -> None:
    register_cell(mine())
    with pytest.raises(CellError, match=r"did you mean 'mine'.*load_cell\('my_cells.py:name'\)\.$"):
        get_cell("mne")
    with pytest.raises(CellError, match=r"load_cell\('there.py:mine'\)\.$"):
        get_cell("there.py:mine")


def test_digest_is_the_same_in_another_process() -> None:
    Path("one.py").write_text(FILE.format(factor=2))
    code = (
        f"from tidegate.cells import load_cell; print(load_cell({str(Path('one.py').resolve())!r} + ':loaded').digest)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == load_cell("one.py:loaded").digest != mine(3).digest
    assert load_cell("one.py:loaded").handle == f"loaded:{done.stdout.strip()}"
