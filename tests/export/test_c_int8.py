"""Code in 8 bits gives what exact whole numbers give, whatever the instructions, and refuses what it cannot hold."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.exports.int8 import exactness
from benchmarks.exports.samples import sample
from torch import Tensor, nn

import tidegate
from tidegate import export
from tidegate.cells import CELLS, get_cell, with_heads
from tidegate.errors import ArgumentError, BackendError
from tidegate.export.c.int8_products import LONGEST, Int8Products
from tidegate.export.c.interface.header_file import header
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.model_folder import Options, write_folder
from tidegate.export.c.running import comparison
from tidegate.export.c.running.compiled_model import CompiledModel
from tidegate.export.c.running.compilers import compile_library
from tidegate.export.c.source_files import source
from tidegate.export.c.weights_file import weights_bytes
from tidegate.export.graph.evaluated import evaluate
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.in_python import random_inputs
from tidegate.export.graph.models import graph_of
from tidegate.export.graph.parts import Convolution, Linear
from tidegate.export.int8.arithmetic import rounded_products
from tidegate.export.int8.calibration import calibrated_scales

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
X86 = torch.backends.cpu.get_cpu_capability() != "DEFAULT" and torch.cpu._is_avx512_supported()
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-pedantic")
PLAIN = ("-O3", "-U__SSE2__")
FLAGS = [("-O3",), *([PLAIN, ("-O3", "-march=native"), ("-O3", "-mavx2")] if X86 else [])]


def compiled(
    graph: Graph, folder: Path, flags: Sequence[str] = ("-O1",), scales: dict[str, float] | None = None
) -> CompiledModel:
    code = ModelCode(graph, products=Int8Products(scales or {}))
    folder.mkdir()
    (folder / "model.h").write_text(header(code))
    (folder / "model.c").write_text(source(code))
    (folder / "model.bin").write_bytes(weights_bytes(code))
    compile_library([folder / "model.c"], folder / "model.so", (*STRICT, "-shared", "-fPIC", *flags))
    return CompiledModel(code, folder, library=folder / "model.so")


def drawn(layer: Any) -> Any:
    with torch.no_grad():
        for p in layer.parameters():
            p.uniform_(-0.5, 0.5)
    return layer.eval()


def errors(graph: Graph, made: CompiledModel, scales: dict[str, float] | None = None) -> list[float]:
    """How far short sequences are from exact arithmetic, in increasing order."""
    multiply = rounded_products(scales)
    found = []
    for seed in range(12):
        inputs = random_inputs(graph, 3, seed)
        expected = evaluate(graph, {it.name: x for it, x in zip(graph.inputs, inputs, strict=True)}, multiply)
        found.append(float((made(*inputs)[-len(expected) :] - expected).abs().max() / expected.abs().max()))
    return sorted(found)


@pytest.mark.parametrize("flags", FLAGS)
def test_every_instruction_set_gives_what_exact_arithmetic_gives(flags: tuple[str, ...], tmp_path: Path) -> None:
    graph = graph_of(nn.Sequential(drawn(tidegate.nn.Recurrent("gru_original", 21, 37)), nn.Linear(37, 5)))
    assert errors(graph, compiled(graph, tmp_path / "code", flags))[9] < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("cell", [*CELLS, "projected", "heads"])
def test_every_cell(cell: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    composed: dict[str, Any] = {
        "projected": lambda: tidegate.nn.LSTM(5, 21, proj_size=6, bidirectional=True),
        "heads": lambda: tidegate.nn.Recurrent(with_heads(get_cell("gru_original"), 3), 5, 21),
    }
    graph = graph_of(drawn(composed.get(cell, lambda: tidegate.nn.Recurrent(cell, 7, 37))()))
    assert errors(graph, compiled(graph, tmp_path / "code", flags))[9] < 2e-5


@pytest.mark.slow
def test_other_compilers_and_processors_give_the_same(tmp_path: Path) -> None:
    """As far as they are installed: with and without the instructions of VNNI and of ARM's dot products."""
    lines, right = exactness([sample(get_cell(name), name) for name in ("lstm", "gru_original")], tmp_path)
    assert right, lines
    assert len(lines) > 2


def test_a_convolution_rounds_each_frame(tmp_path: Path) -> None:
    graph = Graph()
    graph.outputs["y"] = graph.add(Convolution(torch.randn(6, 5, 3), torch.randn(6), 2), graph.input("x", 5))
    assert errors(graph, compiled(graph, tmp_path / "code"))[9] < 1e-6


def test_sums_do_not_saturate(tmp_path: Path) -> None:
    """The largest numbers in every place: pairs of products leave 16 bits where they are not kept from it."""
    for number, flags in enumerate(FLAGS):
        graph = Graph()
        signs = torch.ones(3, 300) * torch.tensor([[1.0], [-1.0], [1.0]])
        graph.outputs["y"] = graph.add(Linear(signs), graph.input("x", 300))
        found = compiled(graph, tmp_path / str(number), flags)(torch.stack([torch.ones(300), -torch.ones(300)]))
        np.testing.assert_allclose(found, [[300, -300, 300], [-300, 300, -300]], rtol=1e-6)


def test_calibrated_scales(tmp_path: Path) -> None:
    layer = drawn(tidegate.nn.GRU(4, 10))
    graph, x = graph_of(layer), torch.randn(30, 4)
    scales = calibrated_scales(graph, [x[:20], x[20:]])
    with torch.no_grad():
        h = torch.cat([layer(part[:, None])[0][:-1, 0] for part in (x[:20], x[20:])])
    assert scales["layer.x"] == pytest.approx(float(x.abs().max()) / 127)
    assert scales["layer.h_prev"] == pytest.approx(float(h.abs().max()) / 127)
    made = compiled(graph, tmp_path / "code", scales=scales)
    assert errors(graph, made, scales)[9] < 1e-6
    assert made(torch.full((1, 4), float("nan"))).isnan().all()
    far, bound = (made(torch.full((1, 4), number)) for number in (1e4, 127 * scales["layer.x"]))
    torch.testing.assert_close(far, bound)


def test_numbers_that_are_not_finite_come_through(tmp_path: Path) -> None:
    graph = graph_of(nn.Linear(3, 2))
    made = compiled(graph, tmp_path / "code")
    assert made(torch.tensor([[1, float("nan"), 2]])).isnan().all()
    assert not made(torch.tensor([[1, float("inf"), 2]])).isfinite().any()
    with torch.no_grad():
        torch.testing.assert_close(made(torch.full((1, 3), 1e-31)), made(torch.zeros(1, 3)))


def test_the_folder_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Embedding(7, 4), nn.LSTM(4, 40), nn.Linear(40, 7))
    seen: list[Tensor] = []
    options = Options(weights="int8")
    made = write_folder(
        model, tmp_path / "code", options, examine=lambda computed: seen.append(computed(torch.tensor([3, 1])))
    ).folder
    assert (made / "model.bin").stat().st_size < 18_000  # of 31 KB in float32
    assert "matrices in int8" in (made / "README.md").read_text()
    assert seen[0].shape == (2, 7)
    monkeypatch.setattr(comparison, "evaluate", lambda *_: torch.ones(3, 7))
    with pytest.raises(BackendError, match="differ from Python's"):
        export.c(model, tmp_path / "other", weights="int8")
    assert [it.name for it in tmp_path.iterdir()] == ["code"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "int4"}, "one of float32, int8"),
        ({"calibrate": torch.zeros(3, 2)}, "only weights='int8'"),
        ({"weights": "int8", "calibrate": torch.zeros(3, 3)}, r"shape \(3, 3\); the model reads frames \(T, 2\)"),
        ({"weights": "int8", "calibrate": torch.zeros(3, 2)}, "zeros only in linear.x"),
        ({"weights": "int8", "calibrate": torch.full((3, 2), torch.inf)}, "not finite in linear.x"),
        ({"weights": "int8", "calibrate": []}, "no sequence"),
    ],
)
def test_what_is_refused(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=words):
        export.c(nn.Linear(2, 3), tmp_path / "code", **options)
    assert not [*tmp_path.iterdir()]


def test_weights_that_are_not_finite_and_vectors_that_are_too_long_are_refused(tmp_path: Path) -> None:
    graph = Graph()
    graph.outputs["y"] = graph.add(Linear(torch.zeros(1, LONGEST + 1)), graph.input("x", LONGEST + 1))
    with pytest.raises(ArgumentError, match="at most"):
        ModelCode(graph, products=Int8Products())
    linear = nn.Linear(1, 1)
    torch.nn.init.constant_(linear.weight, float("nan"))
    with pytest.raises(ArgumentError, match="not finite"):
        export.c(linear, tmp_path / "code", weights="int8")
