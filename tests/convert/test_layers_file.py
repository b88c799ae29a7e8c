"""Converted layers are written with their equations, read back equal, and used by the program beside them."""

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from tidegate.cli.app import app
from tidegate.convert import Converted, ConvertedLayer, read
from tidegate.convert.activations import HARD_SIGMOID_OF_KERAS_2, TANH, Activation
from tidegate.convert.built_layers import Direction, Form, make_layers
from tidegate.convert.layers_file import write_layers
from tidegate.errors import ArgumentError, DataError

FORMS = {
    "plain": Form("gru"),
    "other functions": Form("lstm", (HARD_SIGMOID_OF_KERAS_2, TANH, Activation("softsign")), clip=2.5),
    "coupled": Form("lstm", coupled=True),
    "before": Form("gru", reset_after=False),
}


def converted(name: str) -> Converted:
    torch.manual_seed(0)
    form, vectors = FORMS[name], 0 if FORMS[name].kind == "gru" else 2 if FORMS[name].coupled else 3

    def direction(inputs: int) -> Direction:
        rows = 5 * form.gates
        biases = torch.randn(rows), torch.randn(rows)
        return Direction(
            torch.randn(rows, inputs), torch.randn(rows, 5), *biases, tuple(torch.randn(5) for _ in range(vectors))
        )

    module = make_layers(form, [[direction(3), direction(3)], [direction(10), direction(10)]])
    layer = ConvertedLayer("encoder", module, "LSTM of Keras", form, ("turned",))
    return Converted(Path("model.h5"), "Keras 2.1.6", "0" * 64, {"encoder": layer}, notes=("all of it",))


@pytest.mark.parametrize("name", FORMS)
def test_layers_are_read_back(name: str, tmp_path: Path) -> None:
    found = converted(name)
    path, _ = write_layers(found, tmp_path / "layers.safetensors")
    again, x = read(path), torch.randn(6, 2, 3)
    torch.testing.assert_close(again["encoder"](x), found["encoder"](x), rtol=0, atol=0)
    assert again.layers["encoder"].notes == ("turned",)
    assert again.layers["encoder"].form == FORMS[name]
    assert again.digest == found.digest


def test_the_program_runs(tmp_path: Path) -> None:
    _, program = write_layers(converted("other functions"), tmp_path / "layers.safetensors")
    said = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True).stdout
    assert "c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t" in said
    assert len(program.read_text().splitlines()) <= 12
    with pytest.raises(ArgumentError, match="exists already"):
        write_layers(converted("plain"), tmp_path / "layers.safetensors")
    with pytest.raises(ArgumentError, match=r"should be called \.safetensors"):
        write_layers(converted("plain"), tmp_path / "layers.bin")


def test_names_of_the_file_do_not_become_code(tmp_path: Path) -> None:
    nasty = 'a"""; print("run")\n\\'
    plain = converted("plain")
    layer = replace(plain.layers["encoder"], name=nasty)
    found = replace(plain, path=Path(f"{nasty}.keras"), layers={nasty: layer})
    _, program = write_layers(found, tmp_path / f"{nasty}.safetensors")
    assert ast.get_docstring(ast.parse(program.read_text())) == "Uses the converted layers of the file beside it."
    said = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True).stdout
    assert "\nrun\n" not in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it: it["layers"][0]["sizes"].update(hidden_size=10**9), "whole numbers up to"),
        (lambda it: it["layers"][0]["sizes"].update(hidden_size=6), "should be"),
        (lambda it: it["layers"][0]["form"].update(kind="rwkv"), "'rwkv'"),
        (lambda it: it["layers"][0]["form"].update(functions=[{"name": "gelu", "alpha": 0, "beta": 0}] * 3), "'gelu'"),
        (lambda it: it.update(layers=3), "no list"),
        (lambda it: it.update(digest="x"), "digest"),
        (lambda it: it.update(format="model"), "another program"),
    ],
)
def test_altered_files_are_refused(change: Any, words: str, tmp_path: Path) -> None:
    from safetensors import safe_open

    path, _ = write_layers(converted("other functions"), tmp_path / "layers.safetensors")
    with safe_open(path, "pt") as file:
        record = json.loads(file.metadata()["tidegate"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(record)
    save_file(tensors, path, {"tidegate": json.dumps(record)})
    with pytest.raises(DataError, match=words):
        read(path)


def test_the_command(tmp_path: Path) -> None:
    torch.save(nn.RNN(3, 4, nonlinearity="relu").state_dict(), tmp_path / "model.pt")
    out = tmp_path / "layers.safetensors"
    done = CliRunner().invoke(app, ["convert", str(tmp_path / "model.pt"), str(out), "--nonlinearity", "relu"])
    assert done.exit_code == 0, done.output
    assert "taken for relu" in done.output
    assert read(out).module.nonlinearity == "relu"
