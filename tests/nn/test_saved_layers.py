"""Layers pickled and saved whole: the same equations come back, or an error; weights_only allows their class alone."""

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import tidegate
from tidegate.cells import CELLS, Cell, Step, cell, intervened, lstm, projected, tanh, variational_dropout, zoneout
from tidegate.cells import cell as define_cell
from tidegate.cells.plain_data import from_plain_data, to_plain_data
from tidegate.errors import CellError
from tidegate.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RNNCell


@cell(gates="n", parameters="decay=0.5")
def faded(x: Any, r: Any, s: Any, p: Any) -> Step:
    return Step(h=p.decay * s.h + (1 - p.decay) * tanh(x.n + r.n))


class Holder:
    @define_cell(gates="n")
    def inside(x: Any, r: Any) -> Step:  # noqa: N805
        return Step(h=tanh(x.n + r.n))


def scaled(factor: float) -> Cell:
    @cell(gates="n")
    def local(x: Any, r: Any) -> Step:
        return Step(h=factor * tanh(x.n + r.n))

    return local


def _with_intervention() -> nn.Module:
    layer = LSTM(3, 5, 2)
    layer.layer_cells = {1: intervened(lstm, {"c": {0: 0.0, 2: (-1.0, 1.0)}})}
    return layer


LAYERS = {
    **{f"Recurrent {name}": lambda name=name: Recurrent(name, 3, 5) for name in CELLS},
    "LSTM": lambda: LSTM(3, 5, 2, bidirectional=True, init="keras", forget_bias=1.0),
    "projected LSTM": lambda: LSTM(3, 5, proj_size=2),
    "GRU": lambda: GRU(3, 5, backend="llvm", recompute=True),
    "RNN": lambda: RNN(3, 5, nonlinearity="relu"),
    "LSTMCell": lambda: LSTMCell(3, 5),
    "GRUCell": lambda: GRUCell(3, 5),
    "RNNCell": lambda: RNNCell(3, 5, nonlinearity="relu"),
    "one of your own": lambda: Recurrent(faded, 3, 5),
    "one in a class": lambda: Recurrent(Holder.inside, 3, 5),
    "zoneout": lambda: Recurrent(zoneout(faded, {"h": 0.1}), 3, 5),
    "composed twice": lambda: Recurrent(variational_dropout(zoneout(lstm, 0.1), 0.25), 3, 5),
    "an intervention": _with_intervention,
}


def results(layer: nn.Module) -> Any:
    torch.manual_seed(0)
    x = torch.randn(4, 2, 3)
    layer.eval()
    return layer(x[0] if isinstance(layer, nn.RNNCellBase) else x)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_layer_saved_whole_is_loaded_with_its_class_allowed_and_nothing_else(make: Any) -> None:
    layer, file = make(), io.BytesIO()
    torch.save(nn.Sequential(layer), file)
    file.seek(0)
    with torch.serialization.safe_globals([nn.Sequential, type(layer)]):
        again = torch.load(file)[0]
    torch.testing.assert_close(results(again), results(layer), rtol=0, atol=0)
    own: Any = again
    assert own.cell.definition == layer.cell.definition


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_pickled_layer_comes_back(make: Any, protocol: int) -> None:
    layer = make()
    again = pickle.loads(pickle.dumps(layer, protocol))
    torch.testing.assert_close(results(again), results(layer), rtol=0, atol=0)
    assert again.cell.definition == layer.cell.definition


@pytest.mark.parametrize("it", [lstm, faded, Holder.inside, zoneout(faded, 0.5), projected(lstm)], ids=repr)
def test_a_pickled_cell_comes_back(it: Cell) -> None:
    assert pickle.loads(pickle.dumps(it)).definition == it.definition


REFUSED = {
    "in a function": lambda: scaled(0.5),
    "composed of one in a function": lambda: zoneout(scaled(0.25), 0.1),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_a_cell_that_cannot_be_found_again_is_refused_when_pickled(make: Any) -> None:
    for thing in (make(), Recurrent(make(), 3, 5), nn.Sequential(Recurrent(make(), 3, 5))):
        with pytest.raises(CellError, match=r"'local' cannot be pickled, .*scaled.<locals>.local is not a cell"):
            pickle.dumps(thing)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_layer_of_any_cell_is_copied(copied: Any) -> None:
    layer = Recurrent(zoneout(scaled(0.5), 0.1), 3, 5)
    again = copied(layer)
    assert again.cell is layer.cell
    assert torch.equal(results(again)[0], results(layer)[0])
    assert copied(layer.cell) is layer.cell


def test_a_cell_defined_anew_is_refused_when_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Recurrent(faded, 3, 5)

    @cell(gates="n", parameters="decay=0.9")
    def changed(x: Any, r: Any, s: Any, p: Any) -> Step:
        return Step(h=p.decay * s.h + (1 - p.decay) * tanh(x.n + r.n))

    monkeypatch.setitem(globals(), "faded", changed)
    with pytest.raises(CellError, match=r"'faded' cannot be pickled, since .*\.faded has been defined anew"):
        pickle.dumps(layer)


FILE = """
from tidegate.cells import Step, cell, tanh

@cell(gates="n", parameters="{parameters}")
def mine(x, r, p):
    return Step(h={factor} * tanh(x.n + p.a * r.n))
"""
SAVE = """
import pickle, my_cells, tidegate
layer = tidegate.nn.Recurrent(my_cells.mine, 3, 5)
pickle.dump([layer, my_cells.mine, tidegate.cells.zoneout(my_cells.mine, 0.1)], open("three.pickle", "wb"))
pickle.dump(layer, open("layer.pickle", "wb"))
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.slow
def test_another_process_gets_the_same_equations_or_an_error(tmp_path: Path) -> None:
    def define(factor: int, parameters: str = "a=1") -> None:
        (tmp_path / "my_cells.py").write_text(FILE.format(factor=factor, parameters=parameters))

    define(1)
    assert run(SAVE, tmp_path) == ""
    load = "import pickle; it = pickle.load(open('{}.pickle', 'rb')); print(len(it) if isinstance(it, list) else 1)"
    assert run("import my_cells; " + load.format("three"), tmp_path) == "3\n"
    for name in ("three", "layer"):
        refusal = run("import tidegate; " + load.format(name), tmp_path)
        assert "import my_cells, which defines it, first" in refusal
    define(2)
    for name in ("three", "layer"):
        assert "'mine' has other equations in this process" in run("import my_cells; " + load.format(name), tmp_path)
    define(1, "a=2")
    for name in ("three", "layer"):
        assert "has other initial values in this process" in run("import my_cells; " + load.format(name), tmp_path)


def test_loading_imports_no_module_that_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    layer, file = tidegate.nn.Recurrent(faded, 3, 5), io.BytesIO()
    torch.save(layer, file)
    swapped = file.getvalue().replace(__name__.encode(), b"trap" + b" " * (len(__name__) - 4))
    swapped = swapped.replace(faded.digest.encode(), b"0" * 16)
    (tmp_path / "layer.pt").write_bytes(swapped)
    code = (
        "import torch, tidegate; torch.serialization.add_safe_globals([tidegate.nn.Recurrent]); "
        "torch.serialization.set_crc32_options(False); torch.load('layer.pt')"
    )
    assert "No cell has the handle 'faded:0000000000000000': import trap" in run(code, tmp_path)


def test_a_file_with_another_function_in_it_is_refused() -> None:
    data = to_plain_data(zoneout(lstm, 0.1))
    assert from_plain_data(data).definition == zoneout(lstm, 0.1).definition
    with pytest.raises(CellError, match="was made with 'system'; known are projected, with_heads, zoneout"):
        from_plain_data({**data, "function": "system"})
    with pytest.raises(CellError, match="has other equations in this process than where it was saved"):
        from_plain_data({**data, "handle": "zoneout(lstm):0000000000000000"})
