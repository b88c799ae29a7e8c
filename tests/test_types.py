"""Type checkers read what users write: the pages' code, layers, runs and a cell of one's own."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "look").glob("*.md")]
FRAGMENTS = {"design.md"}  # code that is not whole

# An error at each line that says ERROR and at no other one.
CODE = """
from typing import Any, assert_type

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import tidegate
from tidegate.cells import Step, cell, sigmoid, tanh
from tidegate.train import load_run, resume

lstm = tidegate.nn.LSTM(8, 16, num_layers=2, batch_first=True, init="keras", proj_size=4)
gru = tidegate.nn.GRU(8, 16, device="cpu", dtype=torch.float64)
rnn = tidegate.nn.RNN(8, 16, 1, "relu")
own = tidegate.nn.Recurrent("gru", 8, 16, recompute=True)

tidegate.nn.LSTM(8, 16, num_layer=2)  # ERROR
tidegate.nn.LSTM("8", 16)  # ERROR
tidegate.nn.LSTM(8)  # ERROR
tidegate.nn.GRU(8, 16, init="kears")  # ERROR
tidegate.nn.GRU(8, 16, proj_size=2)  # ERROR
tidegate.nn.RNN(8, 16, nonlinearity="gelu")  # ERROR
tidegate.nn.Recurrent("gru", 8)  # ERROR
lstm(torch.zeros(2, 3, 8), length=[1])  # ERROR

x = torch.zeros(3, 2, 8)
assert_type(lstm.forward(x), tuple[Tensor, tuple[Tensor, Tensor]])
assert_type(lstm(x), tuple[Tensor, tuple[Tensor, Tensor]])
assert_type(lstm(pack_sequence([x[0]])), tuple[PackedSequence, tuple[Tensor, Tensor]])
assert_type(gru(x), tuple[Tensor, Tensor])
assert_type(rnn(x), tuple[Tensor, Tensor])
assert_type(own.forward(x)[0], Tensor)
assert_type(own(x, lengths=[3, 0])[0], Tensor)
assert_type(lstm.trace(x)[0, 0]["f"], Tensor)
assert_type(own.stepper(2)(x[0]), Tensor)
output, (h_n, c_n) = lstm(x, (x, x), lengths=[3, 0])
_, h = own(x)
h.mean()
assert_type(tidegate.nn.LSTMCell(8, 16)(x[0]), tuple[Tensor, Tensor])
assert_type(tidegate.nn.GRUCell(8, 16)(x[0]), Tensor)

run = load_run("runs/demo")
resume("runs/demo", steps=3)


@cell(gates="f n", states="h", parameters="a=0.5")
def mine(x: Any, r: Any, s: Any, p: Any) -> Step:
    f = sigmoid(x.f + r.f)
    h = f * s.h + (1 - f) * tanh(x.n + r("n", p.a * s.h))
    return Step(h=h, gates=dict(f=f))


assert_type(mine.text(), str)
assert_type(tidegate.nn.Recurrent(mine, 8, 16)(x)[0], Tensor)


@cell  # ERROR
def bare(x: Any) -> Step:
    return Step(h=x.n)
"""


def written(folder: Path) -> list[Path]:
    """Write users' code to files: the code of each page is one."""
    (folder / "users.py").write_text(CODE)
    for page in PAGES:
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        if blocks and page.name not in FRAGMENTS:
            (folder / f"page_{page.stem}.py").write_text("\n\n".join(blocks))
    return sorted(folder.glob("*.py"))


def expected() -> set[tuple[str, int]]:
    return {("users.py", n) for n, line in enumerate(CODE.splitlines(), 1) if line.endswith("# ERROR")}


@pytest.mark.slow
def test_pyright_accepts_what_users_write(tmp_path: Path) -> None:
    paths = written(tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps({"extraPaths": [str(ROOT / "src")], "reportMissingImports": False})
    )
    command = ["-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False
    )
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(paths)
    errors = [it for it in report["generalDiagnostics"] if it["severity"] == "error"]
    found = {(Path(it["file"]).name, it["range"]["start"]["line"] + 1) for it in errors}
    assert found == expected(), json.dumps(errors, indent=1)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_accepts_what_users_write(tmp_path: Path) -> None:
    users, *pages = sorted(written(tmp_path), key=lambda path: path.name != "users.py")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary"]
    found = set()
    lines: list[str] = []
    for given in (
        ["--strict", users.name],
        [
            "--disable-error-code=import-untyped",
            "--disable-error-code=import-not-found",
            *[path.name for path in pages],
        ],
    ):
        done = subprocess.run(
            [*command, *given],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=500,
            env=os.environ | {"MYPYPATH": str(ROOT / "src")},
            check=False,
        )
        assert not done.stderr
        lines += re.findall(r"^.*: error: .*", done.stdout, re.MULTILINE)
    found = {(line.split(":")[0], int(line.split(":")[1])) for line in lines}
    assert found == expected(), "\n".join(lines)


def test_the_parameters_of_the_drop_ins_are_shown() -> None:
    """In an editor and in a notebook, which read the signature."""
    import inspect

    import torch

    import tidegate

    for name in ("LSTM", "GRU", "RNN"):
        shown = inspect.signature(getattr(tidegate.nn, name)).parameters
        assert not any(it.kind in (it.VAR_POSITIONAL, it.VAR_KEYWORD) for it in shown.values())
        torchs = list(inspect.signature(torch.nn.RNNBase).parameters)[1:]
        torchs[3:3] = ["nonlinearity"] if name == "RNN" else []
        assert list(shown) == [*torchs, "init", "forget_bias", "backend", "recompute"]
