"""Parts of models in C that no module of a Sequential has: convolutions, and several inputs."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tidegate.export.c.interface.header_file import header
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.running.compiled_model import CompiledModel
from tidegate.export.c.source_files import source
from tidegate.export.c.weights_file import weights_bytes
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.modules import add_module
from tidegate.export.graph.parts import Concat, Convolution, Pool

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")


def compiled(graph: Graph, folder: Path) -> CompiledModel:
    code = ModelCode(graph, lanes=8)
    (folder / "model.h").write_text(header(code))
    (folder / "model.c").write_text(source(code))
    (folder / "model.bin").write_bytes(weights_bytes(code))
    return CompiledModel(code, folder)


def in_torch(convolution: nn.Conv1d, x: Tensor) -> Tensor:
    """(T, I) to (T, O), with zeros before the first step."""
    before = (convolution.kernel_size[0] - 1) * convolution.dilation[0]
    return convolution(nn.functional.pad(x.t()[None], (before, 0)))[0].t()


@pytest.mark.parametrize(
    ("inputs", "outputs", "taps", "dilation", "groups"),
    [(3, 5, 4, 1, 1), (3, 7, 3, 2, 1), (5, 5, 3, 2, 5), (2, 9, 1, 1, 1), (1, 6, 3, 1, 1)],
)
def test_causal_convolutions(inputs: int, outputs: int, taps: int, dilation: int, groups: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv1d(inputs, outputs, taps, dilation=dilation, groups=groups)
    graph, x = Graph(), torch.randn(13, inputs)
    with torch.no_grad():
        part = Convolution(convolution.weight, convolution.bias, dilation, depthwise=groups > 1)
        graph.outputs["y"] = graph.add(part, graph.input("x", inputs))
        made = compiled(graph, tmp_path)(x)
        torch.testing.assert_close(made, in_torch(convolution, x), rtol=1e-5, atol=1e-6)


def test_two_inputs_and_both_directions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    table, convolution = nn.Embedding(7, 3), nn.Conv1d(2, 4, 2)
    layers, head = nn.GRU(7, 5, bidirectional=True), nn.Linear(10, 2)
    graph = Graph()
    tokens, x = graph.input("tokens", tokens=7), graph.input("x", 2)
    with torch.no_grad():
        joined = graph.add(
            Concat(), add_module(graph, table, tokens), graph.add(Convolution(convolution.weight, convolution.bias), x)
        )
        read = add_module(graph, layers, joined)
        scores = graph.add(Pool("mean"), graph.apply("mul", read, graph.apply("sigmoid", read)))
        graph.outputs["y"] = add_module(graph, head, scores)
        ids, frames = torch.randint(7, (11,)), torch.randn(11, 2)
        given = torch.cat([table(ids), in_torch(convolution, frames)], 1)
        h = layers(given)[0]
        made = compiled(graph, tmp_path)(ids, frames)
        torch.testing.assert_close(made[0], head((h * h.sigmoid()).mean(0)), rtol=1e-5, atol=1e-6)
