"""Models as C code give the outputs of Python, and what cannot be written is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate import export
from tidegate.cells import CELLS, get_cell, with_heads, zoneout
from tidegate.errors import ArgumentError, BackendError, MissingDependencyError
from tidegate.export.c.interface.header_file import header
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.running.compiled_model import CompiledModel
from tidegate.export.c.source_files import source
from tidegate.export.c.weights_file import weights_bytes
from tidegate.export.graph import exported
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.in_python import outputs, random_inputs
from tidegate.export.graph.models import graph_of

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
COMPOSED: dict[str, Any] = {
    "projected": lambda: tidegate.nn.LSTM(5, 21, proj_size=6, backend="reference"),
    "heads": lambda: tidegate.nn.Recurrent(with_heads(get_cell("gru_original"), 3), 5, 21),
    "noise": lambda: tidegate.nn.Recurrent(zoneout(get_cell("lstm"), 0.3), 5, 21),
    "without bias": lambda: tidegate.nn.GRU(5, 21, bias=False),
    "both directions": lambda: nn.Sequential(tidegate.nn.LSTM(5, 21, 2, bidirectional=True), nn.Linear(42, 3)),
    "learned initial states": lambda: tidegate.nn.Recurrent(
        "lstm", 5, 9, 2, bidirectional=True, learn_initial_state=True
    ),
    "elapsed times": lambda: tidegate.nn.Recurrent("time_lstm", 5, 9, 2, bidirectional=True),
    "sizes": lambda: tidegate.nn.Recurrent("indrnn", 5, (7, 33, 4)),
    "parts": lambda: nn.Sequential(
        nn.LayerNorm(5),
        tidegate.nn.GRU(5, 18),
        nn.GELU(approximate="tanh"),
        nn.Linear(18, 7),
        nn.Softplus(2.0),
        nn.ELU(0.7),
        nn.LayerNorm(7, elementwise_affine=False),
        nn.Hardsigmoid(),
        nn.LogSoftmax(-1),
    ),
}


def difference(layer: Any, folder: Path, lanes: int = 8) -> float:
    """How far the C code of a layer is from the reference, relative to the largest output."""
    with torch.no_grad():
        for p in layer.parameters():
            p.uniform_(-0.5, 0.5)
    graph = graph_of(layer)
    code = ModelCode(graph, lanes=lanes)
    folder.mkdir()
    (folder / "model.h").write_text(header(code))
    (folder / "model.c").write_text(source(code))
    (folder / "model.bin").write_bytes(weights_bytes(code))
    inputs = random_inputs(graph, 9)
    expected = outputs(layer, graph, inputs)
    return float((CompiledModel(code, folder)(*inputs) - expected).abs().max() / expected.abs().max().clamp(min=1))


@needs_compiler
@pytest.mark.parametrize("cell", ["gru", "gru_original", "peephole_lstm", "layer_norm_lstm", "on_lstm", "slstm"])
def test_a_cell_gives_what_the_reference_gives(cell: str, tmp_path: Path) -> None:
    layer = tidegate.nn.Recurrent(cell, 5, 21, backend="reference")
    assert difference(layer, tmp_path / "code") < 2e-6


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("lanes", [4, 16])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_gives_what_the_reference_gives(cell: str, lanes: int, tmp_path: Path) -> None:
    layer = tidegate.nn.Recurrent(cell, 7, 37, backend="reference")
    assert difference(layer, tmp_path / "code", lanes) < 5e-6


@needs_compiler
@pytest.mark.parametrize("kind", COMPOSED)
def test_composed_cells_give_what_the_reference_gives(kind: str, tmp_path: Path) -> None:
    assert difference(COMPOSED[kind]().eval(), tmp_path / "code") < 2e-6


@needs_compiler
def test_both_operands_of_a_small_layer_have_two_sums_for_each_result(tmp_path: Path) -> None:
    layer = tidegate.nn.Recurrent("lstm", 10, 12, backend="reference")
    assert difference(layer, tmp_path / "code", 4) < 5e-6


@needs_compiler
def test_a_sequential_of_torchs_layers(tmp_path: Path) -> None:
    model = nn.Sequential(
        nn.Embedding(11, 6),
        nn.LSTM(6, 13, num_layers=2, batch_first=True),
        nn.Dropout(0.5),
        nn.Linear(13, 9),
        nn.Tanh(),
    )
    made = export.c(model, tmp_path / "code", name="tagger", vector=16)
    assert sorted(it.name for it in made.iterdir()) == [
        "Makefile", "README.md", "example.c", "tagger.bin", "tagger.c", "tagger.h",
    ]  # fmt: skip
    assert "i_t = σ(W_i x_t + U_i h_{t-1} + b_i)" in (made / "tagger.c").read_text()
    assert model.training


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Conv1d(1, 1, 1))), "Conv1d at '1.0' .* what can be"),
        (nn.Sequential(nn.Linear(3, 4), nn.Embedding(3, 4)), "Embedding at '1' .* first"),
        (nn.Sequential(nn.Linear(3, 4), nn.Softplus(threshold=2)), "Softplus.threshold=2. .* linear"),
        (nn.Sequential(tidegate.nn.GRU(3, 4), nn.GELU()), "GELU .* error function"),
        (nn.Sequential(tidegate.nn.GRU(3, 4), nn.Linear(5, 2)), "Linear at '1': it takes 5 numbers .* given 4"),
        (nn.Sequential(nn.Dropout(0.5)), "nothing in it"),
    ],
)
def test_what_cannot_be_written_is_refused(model: nn.Module, words: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=words):
        export.c(model, tmp_path / "code")
    assert not [*tmp_path.iterdir()]


def test_nothing_is_overwritten_and_nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(2, 3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(ArgumentError, match="not an empty folder"):
        export.c(model, tmp_path / "full")
    with pytest.raises(ArgumentError, match="identifier"):
        export.c(model, tmp_path / "code", name="a b")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(MissingDependencyError, match="C compiler"):
        export.c(model, tmp_path / "code")
    assert export.c(model, tmp_path / "code", check=False).is_dir()
    assert sorted(it.name for it in tmp_path.iterdir()) == ["code", "full"]


@needs_compiler
def test_wrong_code_is_found_by_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(model: nn.Module, graph: Graph, inputs: list[Tensor]) -> Tensor:
        return torch.ones(len(inputs[0]), 3)

    monkeypatch.setattr(exported, "outputs", wrong)
    with pytest.raises(BackendError, match="differ from Python's"):
        export.c(nn.Linear(2, 3), tmp_path / "code")
    assert not [*tmp_path.iterdir()]
