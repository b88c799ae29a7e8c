"""Weights of torch.nn's layers are read from files with the same numbers; what is none, or half, is refused."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import tidegate
from tidegate.convert import read
from tidegate.errors import DataError


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Embedding(11, 5), nn.GRU(5, 7, 2, bidirectional=True))
        self.memory = nn.LSTM(14, 9, proj_size=4, bias=False)
        self.plain = nn.RNN(4, 3)
        self.step = nn.LSTMCell(3, 6)
        self.output = nn.Linear(6, 2)


def saved(path: Path, tensors: dict[str, Tensor]) -> Path:
    match path.suffix:
        case ".safetensors":
            save_file(tensors, path)
        case ".npz":
            np.savez(path, **{name: value.numpy() for name, value in tensors.items()})  # type: ignore[arg-type]
        case _:
            torch.save({"epoch": 3, "model": tensors}, path)
    return path


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # PyTorch's
@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".npz"])
def test_layers_give_what_torch_gives(suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Model()
    found = read(saved(tmp_path / f"weights{suffix}", model.state_dict()))
    start = "model." if suffix == ".pt" else ""
    assert [*found.layers] == [start + it for it in ("encoder.1", "memory", "plain", "step")]
    x = torch.randn(6, 2, 5)
    with torch.no_grad():
        for name, given in (("encoder.1", x), ("memory", torch.randn(6, 2, 14)), ("plain", torch.randn(6, 2, 4))):
            torch.testing.assert_close(found[start + name](given)[0], model.get_submodule(name)(given)[0])
        steps = torch.randn(6, 2, 3)
        state: Any = None
        for step in steps:
            state = model.step(step, state)
        torch.testing.assert_close(found[start + "step"](steps)[0][-1], state[0])
    assert {*found.others} == {start + it for it in ("encoder.0.weight", "output.weight", "output.bias")}
    text = str(found)
    assert "taken for tanh" in text
    assert "torch.nn.GRU of 2 layers" in text
    assert f"sha256 {found.digest}" in text


def test_names_of_other_programs_and_relu(tmp_path: Path) -> None:
    layer = nn.RNN(4, 3, nonlinearity="relu").double()
    names = {"weight_ih_l0": "w_ih", "weight_hh_l0": "w_hh", "bias_ih_l0": "b_ih", "bias_hh_l0": "b_hh"}
    tensors = {f"dec_{names[name]}": value for name, value in layer.state_dict().items()}
    found = read(saved(tmp_path / "weights.npz", tensors), nonlinearity="relu")
    x = torch.randn(5, 2, 4, dtype=torch.float64)
    assert isinstance(found["dec"], tidegate.nn.RNN)
    torch.testing.assert_close(found.module(x)[0], layer(x)[0])


def test_half_precision_is_said(tmp_path: Path) -> None:
    found = read(saved(tmp_path / "weights.pt", nn.GRU(3, 4).bfloat16().state_dict()))
    assert "half precision" in str(found)
    assert next(found.module.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it: it.pop("weight_hh_l0"), "is half: there is no weight_hh_l0"),
        (lambda it: it.update(weight_hh_l0=torch.ones(10, 4)), r"weight_ih_l0 and weight_hh_l0 .* \(12, 3\) and"),
        (lambda it: it.update(weight_ih_l0=torch.ones(8, 3), weight_hh_l0=torch.ones(8, 4)), r"\(8, 4\), not \(4 H"),
        (lambda it: it.update(bias_ih_l0=torch.zeros(5)), r"b_ih of a gru of 4 units is of shape \(5,\)"),
        (lambda it: it.update(weight_ih_l1=torch.zeros(12, 4)), "is half: there is no weight_hh_l1"),
        (lambda it: it.update({"parametrizations.weight_hh_l0.original": torch.zeros(3)}), "remove it before saving"),
    ],
)  # fmt: skip
def test_half_and_misshapen_layers_are_named(change: Any, words: str, tmp_path: Path) -> None:
    tensors = {name: value.clone() for name, value in nn.GRU(3, 4).state_dict().items()}
    change(tensors)
    with pytest.raises(DataError, match=words):
        read(saved(tmp_path / "weights.safetensors", tensors))


class Runs:
    """Says whether it was unpickled."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


def test_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight_ih_l0": Runs()}, "new.pt")
    torch.save({"weight_ih_l0": Runs()}, "old.pt", _use_new_zipfile_serialization=False)
    Path("bare.pt").write_bytes(pickle.dumps(Runs()))
    np.savez("objects.npz", weight_ih_l0=np.array([Runs()], dtype=object))
    for name in ("new.pt", "old.pt", "bare.pt", "objects.npz"):
        with pytest.raises(DataError, match=name):
            read(name)
    assert not Path("ran").exists()


def test_what_is_no_such_file_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(DataError, match="begins with b'hello'"):
        read(text)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "linear.pt")
    with pytest.raises(DataError, match=r"no weights of torch\.nn's LSTM, GRU or RNN .* weight, bias"):
        read(tmp_path / "linear.pt")
    whole = saved(tmp_path / "whole.safetensors", nn.GRU(3, 4).state_dict()).read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-9])
    with pytest.raises(DataError, match="not a whole safetensors file"):
        read(tmp_path / "cut.safetensors")
