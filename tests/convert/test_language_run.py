"""Language models of other programs as run folders: the same numbers, and whatever does not fit is refused."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from tidegate.cli.app import app
from tidegate.convert import read
from tidegate.convert.language_run import write_language_run
from tidegate.errors import ArgumentError, DataError
from tidegate.text import generate
from tidegate.train import load_run

WORDS = ["<unk>", "<eos>", "the", "cat", "sat", "mat", "dog"]
IDS = torch.tensor([[2, 3, 4, 1, 0], [6, 6, 5, 2, 3]])


class Theirs(nn.Module):
    """A language model as scripts for PyTorch have it."""

    def __init__(self, kind: str, size: int, width: int, units: int, layers: int) -> None:
        super().__init__()
        self.encoder = nn.Embedding(size, width)
        more = {"nonlinearity": "relu"} if kind == "RNN" else {}
        self.rnn = getattr(nn, kind)(width, units, layers, **more)
        self.decoder = nn.Linear(units, size)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.rnn(self.encoder(ids.t()))[0]).transpose(0, 1)


def saved(model: nn.Module, tmp_path: Path, vocabulary: Any = WORDS) -> tuple[Path, Path]:
    torch.save(model.state_dict(), tmp_path / "model.pt")
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps(vocabulary))
    return tmp_path / "model.pt", path


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(("width", "units", "tied"), [(5, 9, False), (9, 9, False), (9, 9, True)])
def test_a_model_of_pytorch(kind: str, width: int, units: int, tied: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = Theirs(kind, len(WORDS), width, units, 2)
    if tied:
        theirs.decoder.weight = theirs.encoder.weight
    path, vocabulary = saved(theirs, tmp_path)
    found = read(path, nonlinearity="relu")
    run = load_run(write_language_run(found, tmp_path / "runs" / "words", vocabulary))
    torch.testing.assert_close(run.model(IDS)[0], theirs(IDS), rtol=1e-5, atol=1e-6)
    assert run.model.config.tie_weights == tied
    assert found.digest in run.config.notes[0]
    assert (run.step, run.validation) == (0, None)
    ids = [2, 3]
    for _ in range(6):
        ids.append(int(theirs(torch.tensor([ids]))[0, -1].argmax()))
    pieces = generate(run.model, run.tokenizer, "the cat", length=6, temperature=0)
    written = "".join(piece.text for piece in pieces)
    assert written == run.tokenizer.decode(ids).removeprefix(run.tokenizer.decode(ids[:2]))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_layers_of_different_sizes_under_names_of_their_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    parts = nn.ModuleDict({"emb": nn.Embedding(7, 3), "rnns": nn.ModuleList(), "head": nn.Linear(6, 7, bias=False)})
    parts["rnns"].extend([nn.GRU(3, 8), nn.GRU(8, 6)])  # type: ignore[operator]
    path, vocabulary = saved(parts, tmp_path)
    run = load_run(write_language_run(read(path), tmp_path / "run", vocabulary))
    x = parts["emb"](IDS.t())
    for layer in parts["rnns"]:  # type: ignore[attr-defined]
        x = layer(x)[0]
    torch.testing.assert_close(run.model(IDS)[0], parts["head"](x).transpose(0, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("units", [5, 6])
def test_characters_of_keras_with_one_hot_input_and_padding(units: int, tmp_path: Path) -> None:
    """Ids from 1 on, as Keras' Tokenizer has them; also an output layer that is square. NumPy computes the network."""
    draw, size = np.random.default_rng(0), 5
    kernel, recurrent = draw.normal(size=(size, 4 * units)), draw.normal(size=(units, 4 * units))
    bias = draw.normal(size=4 * units)
    dense, second = draw.normal(size=(units, size)), draw.normal(size=size)
    with h5py.File(tmp_path / "char.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = b"2.3.1", [b"lstm_1", b"dense_1"]
        for layer, arrays in {
            "lstm_1": {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias},
            "dense_1": {"kernel": dense, "bias": second},
        }.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{it}:0".encode() for it in arrays]
            for name, value in arrays.items():
                group[f"{layer}/{name}:0"] = value.astype(np.float32)
    (tmp_path / "ids.json").write_text(json.dumps({"a": 1, "\n": 2, "b": 3, "ü": 4}))
    run = load_run(write_language_run(read(tmp_path / "char.h5"), tmp_path / "run", tmp_path / "ids.json"))
    assert run.tokenizer.characters == "\0a\nbü"
    assert "Token 0 is padding" in run.config.notes[1]
    assert run.model.embedding is None
    h, c = np.zeros(units), np.zeros(units)
    for token in (1, 3, 4):
        i, f, g, o = np.split(kernel[token] + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    logits = run.model(torch.tensor([[1, 3, 4]]))[0][0, -1].detach().numpy()
    np.testing.assert_allclose(logits, h @ dense + second, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: setattr(it, "rnn", nn.LSTM(9, 9, bidirectional=True)), "reads forward"),
        (lambda it: setattr(it, "rnn", nn.LSTM(9, 9, proj_size=3)), "without a projection"),
        (lambda it: setattr(it, "attention", nn.Linear(9, 4)), "besides embedding, recurrent layers and output layer"),
        (lambda it: setattr(it, "decoder", nn.Linear(9, 6)), "one output layer is expected"),
        (lambda it: setattr(it, "encoder", nn.Embedding(8, 9)), "an embedding of 7 tokens in 9 features"),
        (lambda it: setattr(it, "rnn", nn.ModuleList([nn.LSTM(9, 8), nn.LSTM(9, 9)])), "gives 8"),
        (lambda it: setattr(it, "rnn", nn.ModuleList([nn.LSTM(9, 9), nn.GRU(9, 9)])), "several cells"),
    ],
)
def test_another_network_is_refused_by_what_it_has(change: Any, message: str, tmp_path: Path) -> None:
    theirs = Theirs("LSTM", len(WORDS), 9, 9, 1)
    change(theirs)
    path, vocabulary = saved(theirs, tmp_path)
    with pytest.raises(DataError, match=message):
        write_language_run(read(path), tmp_path / "run", vocabulary)
    assert not [it for it in tmp_path.iterdir() if it.name not in ("model.pt", "vocabulary.json")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'["the", "the"]', "twice"),
        (b'{"a": 0, "b": 2}', "each id from 0"),
        (b'{"a": 0.5}', "a whole number for each token"),
        (b"[1, 2]", "a list of tokens"),
        (b"[", "is no JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"", "empty"),
        (json.dumps(WORDS[:-1]).encode(), "one output layer is expected"),
    ],
)
def test_a_vocabulary_that_does_not_fit(content: bytes, message: str, tmp_path: Path) -> None:
    path, vocabulary = saved(Theirs("LSTM", len(WORDS), 9, 9, 1), tmp_path)
    vocabulary.write_bytes(content)
    with pytest.raises(DataError, match=message):
        write_language_run(read(path), tmp_path / "run", vocabulary)
    assert not (tmp_path / "run").exists()


def cli(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(it) for it in arguments])


def test_the_command(tmp_path: Path) -> None:
    path, _ = saved(Theirs("GRU", len(WORDS), 9, 9, 1), tmp_path)
    lines = tmp_path / "words.txt"
    lines.write_text("\n".join(WORDS) + "\n")
    made = cli("convert", path, tmp_path / "run", "--vocabulary", lines)
    assert made.exit_code == 0, made.output
    assert "tidegate generate" in made.output
    again = cli("convert", path, tmp_path / "run", "--vocabulary", lines)
    assert (again.exit_code, "holds a run already" in " ".join(again.output.split())) == (2, True), again.output
    wrong = cli("convert", path, tmp_path / "x.safetensors", "--vocabulary", lines)
    assert (wrong.exit_code, "a new run folder" in wrong.output) == (2, True), wrong.output
    missing = cli("convert", path, tmp_path / "other", "--vocabulary", tmp_path / "none.txt")
    assert (missing.exit_code, "none.txt" in missing.output) == (2, True), missing.output
    (tmp_path / "text.txt").write_text("the cat sat\n")
    measured = cli("evaluate", tmp_path / "run", tmp_path / "text.txt")
    assert measured.exit_code == 0, measured.output


def test_a_folder_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    path, vocabulary = saved(Theirs("LSTM", len(WORDS), 9, 9, 1), tmp_path)
    (tmp_path / "run").mkdir()
    with pytest.raises(ArgumentError, match="exists already"):
        write_language_run(read(path), tmp_path / "run", vocabulary)
    assert not list((tmp_path / "run").iterdir())
